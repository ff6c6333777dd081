//! One `m=` line and what follows it (RFC 4566 §5.14).

use std::fmt;
use std::str::FromStr;

use crate::security::Profile;
use crate::{Format, Section};

/// One medium.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Media {
    /// `audio`, `video`, `image`, …
    pub kind: String,
    /// Where to; 0 refuses the medium (RFC 3264 §6).
    pub port: u16,
    /// How many ports, where written.
    pub ports: Option<u16>,
    /// `RTP/AVP` and its kin.
    pub profile: String,
    /// As written; payload types where the profile is RTP.
    pub formats: Vec<String>,
    /// The lines after it.
    pub section: Section,
}

impl Media {
    /// A medium that is refused: same kind, profile and formats, port 0 (RFC 3264 §6).
    pub fn refused(&self) -> Media {
        Media { port: 0, ports: None, section: Section::default(), ..self.clone() }
    }

    /// RTP of a kind we speak, encrypted or not, with or without early feedback.
    pub fn is_rtp(&self) -> bool {
        self.kind_of_profile() != Profile::Other
    }

    /// The formats with their meaning, in the order of preference. Numbers that nobody explains are left out.
    pub fn rtp_formats(&self) -> Vec<Format> {
        let payload_types = self.formats.iter().filter_map(|format| format.parse().ok().filter(|number| *number < 128));
        payload_types.filter_map(|payload_type| self.rtp_format(payload_type)).collect()
    }

    fn rtp_format(&self, payload_type: u8) -> Option<Format> {
        let about = |name| {
            self.section.attributes(name).find_map(|value| {
                let (number, text) = value.split_once(|c: char| c.is_ascii_whitespace())?;
                (number.parse() == Ok(payload_type)).then(|| text.trim())
            })
        };
        let format = match about("rtpmap") {
            Some(text) => Format::from_rtpmap(payload_type, text),
            None => Format::fixed(payload_type),
        };
        Some(Format { fmtp: about("fmtp").map(str::to_owned), ..format? })
    }
}

/// The value of an `m=` line.
impl FromStr for Media {
    type Err = &'static str;
    fn from_str(value: &str) -> Result<Media, &'static str> {
        let mut words = value.split_ascii_whitespace();
        let (Some(kind), Some(port), Some(profile)) = (words.next(), words.next(), words.next()) else {
            return Err("no medium: kind, port and profile are expected");
        };
        let (port, ports) = match port.split_once('/') {
            Some((port, ports)) => (port, Some(ports.parse().map_err(|_| "not a number of ports")?)),
            None => (port, None),
        };
        Ok(Media {
            kind: kind.to_owned(),
            port: port.parse().map_err(|_| "not a port")?,
            ports,
            profile: profile.to_owned(),
            formats: words.map(str::to_owned).collect(),
            section: Section::default(),
        })
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {}", self.kind, self.port)?;
        if let Some(ports) = self.ports {
            write!(f, "/{ports}")?;
        }
        write!(f, " {}", self.profile)?;
        self.formats.iter().try_for_each(|format| write!(f, " {format}"))?;
        write!(f, "\r\n{}", self.section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Session;

    #[test]
    fn formats_are_explained_by_the_phone_or_by_their_number() {
        let text = "v=0\r\nm=audio 4000 RTP/AVP 8 96 0 101 9 97 200 x 8\r\n\
            a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1;maxplaybackrate=48000\r\n\
            a=rtpmap:101 telephone-event/8000\r\na=fmtp:101\t0-15\r\na=rtpmap:8 pcma/8000\r\na=rtpmap:97\r\n";
        let session = Session::parse(text.as_bytes()).unwrap();
        let formats = session.media[0].rtp_formats();
        let said: Vec<String> = formats
            .iter()
            .map(|f| {
                format!(
                    "{} {}/{}/{} {}",
                    f.payload_type,
                    f.encoding,
                    f.clock_rate,
                    f.channels,
                    f.fmtp.as_deref().unwrap_or("-")
                )
            })
            .collect();
        assert_eq!(
            said,
            [
                "8 PCMA/8000/1 -",
                "96 OPUS/48000/2 useinbandfec=1;maxplaybackrate=48000",
                "0 PCMU/8000/1 -",
                "101 TELEPHONE-EVENT/8000/1 0-15",
                "9 G722/8000/1 -",
                "8 PCMA/8000/1 -",
            ]
        );
    }

    #[test]
    fn media_lines_are_read_whole_or_not_at_all() {
        for (value, read) in [
            ("audio 49170 RTP/AVP 0 8", true),
            ("audio 49170/2 RTP/AVP 31", true),
            ("audio 0 RTP/AVP", true),
            ("image 4000 udptl t38", true),
            ("audio 65536 RTP/AVP 0", false),
            ("audio -1 RTP/AVP 0", false),
            ("audio 4000/x RTP/AVP 0", false),
            ("audio 4000", false),
            ("", false),
        ] {
            let media: Result<Media, _> = value.parse();
            assert_eq!(media.is_ok(), read, "{value}");
            if let Ok(media) = media {
                assert_eq!(media.to_string(), format!("m={value}\r\n"));
            }
        }
    }
}
