//! What a payload type means: a static number (RFC 3551 §6) or an `rtpmap`.

/// An RTP format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Format {
    /// Its number in this description.
    pub payload_type: u8,
    /// Its encoding name, in capitals: `PCMU`, `TELEPHONE-EVENT`.
    pub encoding: String,
    /// Timestamp units a second.
    pub clock_rate: u32,
    /// Channels; 1 unless said otherwise.
    pub channels: u8,
    /// Its parameters, as written.
    pub fmtp: Option<String>,
}

impl Format {
    /// G.711 µ-law.
    pub fn pcmu() -> Format {
        Format::new(0, "PCMU", 8000)
    }

    /// G.711 A-law.
    pub fn pcma() -> Format {
        Format::new(8, "PCMA", 8000)
    }

    /// G.722: sampled at 16 kHz, counted at 8 (RFC 3551 §4.5.2).
    pub fn g722() -> Format {
        Format::new(9, "G722", 8000)
    }

    /// Opus: always counted at 48 kHz, always two channels in name (RFC 7587 §7). We read in-band error correction.
    pub fn opus(payload_type: u8) -> Format {
        let fmtp = Some("useinbandfec=1".to_owned());
        Format { channels: 2, fmtp, ..Format::new(payload_type, OPUS, 48_000) }
    }

    /// Keys as numbers (RFC 4733): 0–9, `*`, `#`, A–D and flash.
    pub fn telephone_event(payload_type: u8, clock_rate: u32) -> Format {
        Format { fmtp: Some("0-16".to_owned()), ..Format::new(payload_type, TELEPHONE_EVENT, clock_rate) }
    }

    /// The format of a number that needs no `rtpmap` (RFC 3551 table 4).
    pub fn fixed(payload_type: u8) -> Option<Format> {
        let (encoding, clock_rate) = match payload_type {
            0 => ("PCMU", 8000),
            3 => ("GSM", 8000),
            4 => ("G723", 8000),
            8 => ("PCMA", 8000),
            9 => ("G722", 8000),
            13 => ("CN", 8000),
            18 => ("G729", 8000),
            _ => return None,
        };
        Some(Format::new(payload_type, encoding, clock_rate))
    }

    /// Reads `PCMU/8000` or `opus/48000/2`.
    pub(crate) fn from_rtpmap(payload_type: u8, text: &str) -> Option<Format> {
        let mut parts = text.split('/');
        let (encoding, clock_rate) = (parts.next()?, parts.next()?.parse().ok()?);
        let channels = match parts.next() {
            Some(channels) => channels.parse().ok()?,
            None => 1,
        };
        Some(Format { channels, ..Format::new(payload_type, encoding, clock_rate) })
    }

    /// The value of its `rtpmap`.
    pub(crate) fn rtpmap(&self) -> String {
        // RFC 4855 §3: case does not matter; these are written as all phones write them.
        let name = match self.encoding.as_str() {
            TELEPHONE_EVENT => "telephone-event",
            OPUS => "opus",
            name => name,
        };
        match self.channels {
            1 => format!("{} {name}/{}", self.payload_type, self.clock_rate),
            channels => format!("{} {name}/{}/{channels}", self.payload_type, self.clock_rate),
        }
    }

    /// The same sound, whatever its number is on each side.
    pub fn is_like(&self, other: &Format) -> bool {
        // A phone that forgets Opus's second channel means the same: each packet says how many it has (RFC 6716 §3.1).
        let channels = self.channels == other.channels || self.encoding.eq_ignore_ascii_case(OPUS);
        self.encoding.eq_ignore_ascii_case(&other.encoding) && self.clock_rate == other.clock_rate && channels
    }

    pub(crate) fn is_telephone_event(&self, clock_rate: u32) -> bool {
        self.encoding == TELEPHONE_EVENT && self.clock_rate == clock_rate
    }

    fn new(payload_type: u8, encoding: &str, clock_rate: u32) -> Format {
        Format { payload_type, encoding: encoding.to_ascii_uppercase(), clock_rate, channels: 1, fmtp: None }
    }
}

const OPUS: &str = "OPUS";
const TELEPHONE_EVENT: &str = "TELEPHONE-EVENT";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtpmaps_are_read_and_written() {
        for (text, written) in [
            ("PCMU/8000", Some("96 PCMU/8000")),
            ("opus/48000/2", Some("96 opus/48000/2")),
            ("telephone-event/8000/1", Some("96 telephone-event/8000")),
            ("PCMU", None),
            ("PCMU/fast", None),
            ("PCMU/8000/x", None),
            ("", None),
        ] {
            assert_eq!(Format::from_rtpmap(96, text).map(|format| format.rtpmap()).as_deref(), written, "{text}");
        }
    }

    #[test]
    fn static_numbers_explain_themselves() {
        for (number, encoding) in [(0, "PCMU"), (8, "PCMA"), (9, "G722"), (13, "CN"), (18, "G729")] {
            assert_eq!(Format::fixed(number).map(|format| format.encoding).as_deref(), Some(encoding));
        }
        assert_eq!(Format::fixed(96), None);
        for format in [Format::pcmu(), Format::pcma(), Format::g722()] {
            assert_eq!(Format::fixed(format.payload_type), Some(format));
        }
    }

    #[test]
    fn opus_is_opus_whatever_its_number_and_channels() {
        let ours = Format::opus(111);
        for (text, like) in
            [("opus/48000/2", true), ("OPUS/48000", true), ("opus/16000/2", false), ("L16/48000/2", false)]
        {
            assert_eq!(Format::from_rtpmap(96, text).map(|theirs| theirs.is_like(&ours)), Some(like), "{text}");
        }
        assert!(!Format::from_rtpmap(96, "PCMU/8000/2").is_some_and(|theirs| theirs.is_like(&Format::pcmu())));
    }
}
