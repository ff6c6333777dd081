//! WAV, linear or G.711, a piece at a time. hound knows no G.711.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use audio::Encoding;

use super::damaged;

pub(crate) struct Reader<R> {
    from: R,
    pub rate: u32,
    /// The law of its samples; linear ones of 16 bits have none.
    pub law: Option<Encoding>,
    channels: usize,
    /// Bytes of sound not read yet.
    left: u64,
    bytes: Vec<u8>,
}

impl<R: Read + Seek> Reader<R> {
    pub fn new(mut from: R) -> io::Result<Reader<R>> {
        let mut riff = [0; 12];
        from.read_exact(&mut riff)?;
        if !riff.starts_with(b"RIFF") || &riff[8..] != b"WAVE" {
            return Err(damaged("not a WAV file"));
        }
        let mut format = None;
        loop {
            let mut head = [0; 8];
            from.read_exact(&mut head)?;
            let [.., a, b, c, d] = head;
            let bytes = u32::from_le_bytes([a, b, c, d]);
            match (&head[..4], format) {
                (b"fmt ", _) if (16..=64).contains(&bytes) => {
                    let mut text = vec![0; bytes as usize];
                    from.read_exact(&mut text)?;
                    let short = |at: usize| u16::from_le_bytes([text[at], text[at + 1]]);
                    let rate = u32::from_le_bytes([text[4], text[5], text[6], text[7]]);
                    let law = match (short(0), short(14)) {
                        (1, 16) => None,
                        (6, 8) => Some(Encoding::Pcma),
                        (7, 8) => Some(Encoding::Pcmu),
                        _ => return Err(damaged("a WAV file of another kind than 16 bits or G.711")),
                    };
                    format = Some((law, rate, usize::from(short(2))));
                }
                (b"data", Some((law, rate, channels @ 1..=2))) if rate > 0 => {
                    return Ok(Reader { from, rate, law, channels, left: bytes.into(), bytes: Vec::new() });
                }
                (b"data", _) => return Err(damaged("a WAV file of no channel, or of more than two")),
                _ => drop(from.seek(SeekFrom::Current(i64::from(bytes) + i64::from(bytes & 1)))?),
            }
        }
    }

    pub fn read(&mut self, sides: &mut [Vec<i16>; 2]) -> io::Result<bool> {
        let frame = self.channels * if self.law.is_some() { 1 } else { 2 };
        let wanted = self.left.min((self.rate as usize * frame) as u64) as usize;
        self.bytes.resize(wanted - wanted % frame, 0);
        match self.from.read_exact(&mut self.bytes) {
            Err(why) if why.kind() == ErrorKind::UnexpectedEof => return Err(damaged("shorter than its header says")),
            read => read?,
        }
        self.left -= wanted as u64;
        let samples = match self.law {
            Some(law) => law.decoded(&self.bytes),
            None => self.bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(),
        };
        for (at, side) in sides.iter_mut().enumerate() {
            side.extend(samples.iter().skip(at % self.channels).step_by(self.channels));
        }
        Ok(!samples.is_empty())
    }
}

pub(crate) struct Writer<W> {
    to: W,
    law: Option<Encoding>,
    rate: u32,
    channels: u16,
    bytes: u64,
}

impl<W: Write + Seek> Writer<W> {
    pub fn new(to: W, law: Option<Encoding>, rate: u32, channels: u16) -> io::Result<Writer<W>> {
        let mut wav = Writer { to, law, rate, channels, bytes: 0 };
        wav.head()?;
        Ok(wav)
    }

    pub fn finish(mut self) -> io::Result<W> {
        if self.bytes % 2 == 1 {
            self.to.write_all(&[0])?; // chunks are of even length
        }
        self.to.seek(SeekFrom::Start(0))?;
        self.head()?;
        self.to.flush()?;
        Ok(self.to)
    }
}

impl<W: Write> Writer<W> {
    /// For who can only go forward, and knows how long the sound will be.
    pub fn of_length(to: W, rate: u32, channels: u16, frames: u64) -> io::Result<Writer<W>> {
        let mut wav = Writer { to, law: None, rate, channels, bytes: frames * 2 * u64::from(channels) };
        wav.head()?;
        wav.bytes = 0;
        Ok(wav)
    }

    pub fn write(&mut self, channels: &[&[i16]]) -> io::Result<()> {
        let samples = channels.iter().map(|channel| channel.len()).min().unwrap_or_default();
        let mixed: Vec<i16> = (0..samples).flat_map(|at| channels.iter().map(move |channel| channel[at])).collect();
        let bytes = match self.law {
            Some(law) => law.encoded(&mixed),
            None => mixed.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        };
        self.bytes += bytes.len() as u64;
        self.to.write_all(&bytes)
    }

    fn head(&mut self) -> io::Result<()> {
        let width: u16 = if self.law.is_some() { 1 } else { 2 };
        let tag: u16 = match self.law {
            Some(Encoding::Pcma) => 6,
            Some(Encoding::Pcmu) => 7,
            _ => 1,
        };
        let align = width * self.channels;
        let data = u32::try_from(self.bytes).map_err(|_| io::Error::from(ErrorKind::FileTooLarge))?;
        // G.711 has an extended format and a `fact` chunk, as all but linear samples must.
        let (format, fact): (u32, &[u32]) =
            if self.law.is_some() { (18, &[4, data / u32::from(align)]) } else { (16, &[]) };
        let fact_bytes = if fact.is_empty() { 0 } else { 12 };
        let riff = (4 + 8 + format + fact_bytes + 8).checked_add(data + data % 2);
        let mut head = Vec::with_capacity(58);
        head.extend(b"RIFF");
        head.extend(riff.ok_or(io::Error::from(ErrorKind::FileTooLarge))?.to_le_bytes());
        head.extend(b"WAVEfmt ");
        head.extend(format.to_le_bytes());
        head.extend(tag.to_le_bytes());
        head.extend(self.channels.to_le_bytes());
        head.extend(self.rate.to_le_bytes());
        head.extend((self.rate * u32::from(align)).to_le_bytes());
        head.extend(align.to_le_bytes());
        head.extend((width * 8).to_le_bytes());
        if !fact.is_empty() {
            head.extend([0, 0]);
            head.extend(b"fact");
            fact.iter().for_each(|word| head.extend(word.to_le_bytes()));
        }
        head.extend(b"data");
        head.extend(data.to_le_bytes());
        self.to.write_all(&head)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn written(law: Option<Encoding>, channels: &[&[i16]]) -> Vec<u8> {
        let mut wav = Writer::new(Cursor::new(Vec::new()), law, 8000, channels.len() as u16).unwrap();
        wav.write(channels).unwrap();
        wav.finish().unwrap().into_inner()
    }

    fn read(bytes: &[u8]) -> io::Result<[Vec<i16>; 2]> {
        let mut wav = Reader::new(Cursor::new(bytes))?;
        let mut sides = [Vec::new(), Vec::new()];
        while wav.read(&mut sides)? {}
        Ok(sides)
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(left: Vec<i16>, mono: bool, law in 0..3_usize) {
            let law = [None, Some(Encoding::Pcma), Some(Encoding::Pcmu)][law];
            let right: Vec<i16> = left.iter().rev().copied().collect();
            let heard = |side: &[i16]| law.map_or(side.to_vec(), |law| law.decoded(&law.encoded(side)));
            let bytes = if mono { written(law, &[&left]) } else { written(law, &[&left, &right]) };
            let wanted = [heard(&left), heard(if mono { &left } else { &right })];
            prop_assert_eq!(read(&bytes).unwrap(), wanted);
        }

        #[test]
        fn no_bytes_do_harm(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = read(&bytes);
            let mut bytes = written(Some(Encoding::Pcma), &[&[1, 2, 3], &[4, 5, 6]]);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = read(&bytes);
        }
    }

    #[test]
    fn hound_reads_the_linear_ones() {
        let bytes = written(None, &[&[1, 2, 3], &[-1, -2, -3]]);
        let wav = hound::WavReader::new(&bytes[..]).unwrap();
        assert_eq!(wav.into_samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [1, -1, 2, -2, 3, -3]);
    }
}
