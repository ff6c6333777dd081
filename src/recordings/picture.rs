//! A recording as a PNG: the caller's side above, the other party's below, and lines where time goes on.

use recorder::Wave;

use super::wave::Mark;
use crate::Failure;

/// The picture's file, so many columns wide.
pub fn png(wave: &Wave, columns: usize, from_secs: f64, marks: &[Mark]) -> Result<Vec<u8>, Failure> {
    let mut pixels = vec![PAPER; columns * ROWS];
    let mut column_is = |column: usize, rows: std::ops::Range<usize>, colour: u8| {
        rows.for_each(|row| pixels[row * columns + column] = colour);
    };
    let column_of = |secs: f64| {
        let share = (secs - from_secs) / wave.seconds().max(f64::MIN_POSITIVE);
        (share.clamp(0.0, 1.0) * columns as f64) as usize
    };
    for mark in marks.iter().filter(|mark| mark.to_secs >= from_secs && mark.from_secs < from_secs + wave.seconds()) {
        let from = column_of(mark.from_secs).min(columns - 1);
        (from..column_of(mark.to_secs).max(from + 1)).for_each(|column| column_is(column, 0..ROWS, MARK));
    }
    let step = step(wave.seconds());
    let first = (from_secs / step).ceil() as u64;
    for tick in (first..).map(|nth| nth as f64 * step).take_while(|secs| *secs < from_secs + wave.seconds()) {
        column_is(column_of(tick).min(columns - 1), 0..ROWS, LINE);
    }
    for (nth, (side, colour)) in wave.columns(columns).into_iter().zip([CALLER, PARTY]).enumerate() {
        let middle = SIDE * nth + SIDE / 2;
        for (column, sample) in side.into_iter().enumerate() {
            let height = usize::from(sample) * (SIDE / 2 - MARGIN) / 32_768;
            column_is(column, middle - height..middle + height + 1, colour);
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, columns as u32, ROWS as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(PALETTE.concat());
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(file)
}

/// The time between two lines: a round one, and twenty of them at most.
fn step(seconds: f64) -> f64 {
    let round = [1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1_800.0];
    round.into_iter().find(|step| seconds / step <= 20.0).unwrap_or(3_600.0)
}

/// Pixels of a side, and of both.
const SIDE: usize = 160;
const ROWS: usize = 2 * SIDE;
const MARGIN: usize = 4;

const PAPER: u8 = 0;
const LINE: u8 = 1;
const MARK: u8 = 2;
const CALLER: u8 = 3;
const PARTY: u8 = 4;
const PALETTE: [[u8; 3]; 5] = [[255, 255, 255], [208, 208, 208], [250, 224, 170], [38, 92, 168], [30, 130, 90]];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_a_round_time_apart() {
        for (seconds, apart) in
            [(0.0, 1.0), (20.0, 1.0), (21.0, 5.0), (180.0, 10.0), (1_200.0, 60.0), (28_800.0, 1_800.0)]
        {
            assert_eq!(step(seconds), apart, "{seconds}");
        }
    }

    #[test]
    fn the_shortest_recording_has_a_picture() {
        let mark = Mark { letter: 'm', what: "masked", from_secs: 0.0, to_secs: 1.0 };
        for columns in [1, 7, 1_200] {
            let file = png(&Wave::default(), columns, 0.0, std::slice::from_ref(&mark)).expect("a picture");
            let mut read = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("a PNG");
            let mut pixels = vec![0; read.output_buffer_size().expect("a size")];
            read.next_frame(&mut pixels).expect("our own");
            assert_eq!(pixels.len(), columns * ROWS);
            assert!(pixels[SIDE / 2 * columns..][..columns].iter().all(|pixel| *pixel == CALLER), "a line of silence");
        }
    }
}
