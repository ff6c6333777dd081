//! A prompt in Ogg Opus (RFC 7845): one stream of one or two channels, which are heard as their mean.
//!
//! Where it stands: beside `hound`, which reads WAV files. What is wrong is said in words for who made the file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use audio::{Codec, Decoder};
use ogg::{OggReadError, Packet, PacketReader};

use crate::wav::Pcm;

/// All of it, if it is no longer than that, at the rate it was recorded at.
pub(super) fn read(path: &Path, seconds_max: u32) -> Result<Pcm, String> {
    let file = File::open(path).map_err(|why| why.to_string())?;
    let mut ogg = PacketReader::new(BufReader::new(file));
    let head = Head::read(&next(&mut ogg)?.map(|packet| packet.data).unwrap_or_default())?;
    next(&mut ogg)?; // the tags
    let mut decoder = Decoder::new(Codec::Opus, head.rate);
    let clocks_a_sample = u64::from(CLOCK_RATE / head.rate);
    let skip = (head.skip / clocks_a_sample) as usize;
    let (mut pcm, mut end) = (Vec::new(), None);
    while let Some(packet) = next(&mut ogg)? {
        decoder.decode(&packet.data, &mut pcm);
        if pcm.len() > (seconds_max * head.rate) as usize + skip {
            return Err(format!("it is longer than {seconds_max} s"));
        }
        if packet.last_in_stream() {
            end = Some((packet.absgp_page() / clocks_a_sample) as usize);
            break;
        }
    }
    pcm.truncate(end.unwrap_or(usize::MAX)); // RFC 7845 §4.4: the last packet may end before its end
    pcm.drain(..skip.min(pcm.len()));
    for sample in &mut pcm {
        *sample = (f32::from(*sample) * head.gain) as i16; // `as` saturates
    }
    Ok(Pcm { rate: head.rate, samples: pcm })
}

/// The identification header (RFC 7845 §5.1).
struct Head {
    /// Before the beginning, as Opus counts.
    skip: u64,
    /// Of what was recorded, as far as it makes a difference to us: 8, 16 or 48 kHz.
    rate: u32,
    gain: f32,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Head, String> {
        let [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', version, channels, s, k, r, a, t, e, g, n, family, ..] =
            *bytes
        else {
            return Err("it is no Ogg Opus file".to_owned());
        };
        if version >> 4 != 0 || family != 0 || !matches!(channels, 1 | 2) {
            return Err(format!("it has {channels} channels of mapping family {family}, and one or two are read"));
        }
        let skip = u16::from_le_bytes([s, k]).into();
        let rate = match u32::from_le_bytes([r, a, t, e]) {
            0 => CLOCK_RATE, // not said
            1..=8000 => 8000,
            8001..=16_000 => 16_000,
            _ => CLOCK_RATE,
        };
        let decibels = f32::from(i16::from_le_bytes([g, n])) / 256.0;
        Ok(Head { skip, rate, gain: 10_f32.powf(decibels / 20.0) })
    }
}

fn next(ogg: &mut PacketReader<BufReader<File>>) -> Result<Option<Packet>, String> {
    match ogg.read_packet() {
        Ok(packet) => Ok(packet),
        Err(OggReadError::NoCapturePatternFound) => Err("it is no Ogg file".to_owned()),
        Err(why) => Err(why.to_string()),
    }
}

/// Opus counts this, whatever was sampled.
const CLOCK_RATE: u32 = 48_000;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use audio::{Encoder, OpusConf, goertzel, rms_dbfs, tone};
    use ogg::{PacketWriteEndInfo, PacketWriter};

    use super::*;

    /// A file of a tone at −20 dBFS, so many samples long, with this header.
    fn file(name: &str, samples: usize, change: impl Fn(&mut Vec<u8>)) -> PathBuf {
        let path = std::env::temp_dir().join(format!("centrala-ogg-{}-{name}.opus", std::process::id()));
        let mut encoder = Encoder::new(Codec::Opus, 8000, &OpusConf::default());
        let skip = encoder.lookahead() as usize;
        let mut pcm = tone(&[(440.0, -20.0)], samples as u32 / 8 + 1);
        pcm.truncate(samples);
        pcm.resize((samples + skip).next_multiple_of(160), 0);
        let mut ogg = PacketWriter::new(fs::File::create(&path).unwrap());
        let mut head = b"OpusHead\x01\x01".to_vec();
        head.extend((skip as u16 * 6).to_le_bytes());
        head.extend(8000_u32.to_le_bytes());
        head.extend([0, 0, 0]);
        change(&mut head);
        let page = PacketWriteEndInfo::EndPage;
        ogg.write_packet(head, 1, page, 0).unwrap();
        ogg.write_packet(b"OpusTags\0\0\0\0\0\0\0\0".to_vec(), 1, page, 0).unwrap();
        let packets = pcm.len() / 160;
        for (n, frame) in pcm.chunks(160).enumerate() {
            let mut packet = Vec::new();
            encoder.encode(frame, &mut packet);
            let end = if n + 1 == packets { PacketWriteEndInfo::EndStream } else { PacketWriteEndInfo::NormalPacket };
            let at = if n + 1 == packets { (samples + skip) * 6 } else { (n + 1) * 960 };
            ogg.write_packet(packet, 1, end, at as u64).unwrap();
        }
        path
    }

    #[test]
    fn a_file_is_heard_from_its_first_sample_to_its_last() {
        for (name, samples, gain_db) in [("whole", 8000, 0), ("odd", 8123, 0), ("softer", 8000, -6)] {
            let path = file(name, samples, |head| head[16..18].copy_from_slice(&(gain_db * 256_i16).to_le_bytes()));
            let Pcm { rate, samples: pcm } = read(&path, 2).unwrap();
            assert_eq!(rate, 8000);
            assert_eq!(pcm.len(), samples);
            let wanted = -20.0 + f64::from(gain_db);
            assert!((rms_dbfs(&pcm[400..7600]) - wanted).abs() < 1.0, "{name}: {}", rms_dbfs(&pcm[400..7600]));
            assert!(goertzel::share(&pcm[400..7600], 440.0) > 0.95);
            assert!(rms_dbfs(&pcm[..80]) > wanted - 6.0, "it begins at once");
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let long = file("long", 16_000, |_| {});
        assert!(read(&long, 1).err().unwrap().contains("longer"));
        let many = file("many", 800, |head| (head[9], head[18]) = (6, 1));
        assert!(read(&many, 1).err().unwrap().contains("6 channels"));
        let other = file("other", 800, |head| head[0] = b'o');
        assert!(read(&other, 1).err().unwrap().contains("no Ogg Opus"));
        fs::write(&other, b"RIFF and so on").unwrap();
        assert!(read(&other, 1).is_err());
        let mut cut = fs::read(&long).unwrap();
        cut.truncate(cut.len() / 2);
        fs::write(&other, cut).unwrap();
        let _ = read(&other, 2); // breaks off: an error or what there is, and no harm
        for path in [long, many, other] {
            fs::remove_file(path).unwrap();
        }
    }
}
