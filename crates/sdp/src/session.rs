//! A whole description: read line by line, written in the standard's order (RFC 4566 §5).
//!
//! It keeps what it does not understand and forgives what phones leave out (`s=`, `t=`, `\r`). It refuses what could
//! mean two things, and what is larger than a phone ever needs.

use std::fmt;

use crate::{Direction, Media, SdpError, Section};

/// A session description.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Session {
    /// The value of `o=`: user, id, version, address.
    pub origin: String,
    /// The value of `s=`.
    pub name: String,
    /// What holds for all media.
    pub section: Section,
    /// The media, in order; their place is their identity (RFC 3264 §6).
    pub media: Vec<Media>,
}

impl Session {
    /// Reads a description.
    ///
    /// ```
    /// let text = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    /// let session = sdp::Session::parse(text)?;
    /// assert_eq!(session.media[0].rtp_formats(), [sdp::Format::pcmu()]);
    /// assert_eq!(session.to_string().as_bytes(), text);
    /// # Ok::<(), sdp::SdpError>(())
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Session, SdpError> {
        if bytes.len() > BYTES_MAX {
            return Err(SdpError::TooLarge { bytes: bytes.len(), max: BYTES_MAX });
        }
        let text = String::from_utf8_lossy(bytes); // RFC 4566 §5: UTF-8; whoever writes Latin-1 is heard all the same
        let mut session = Session::default();
        // Either half of CRLF ends a line, so that nothing we repeat can end one for somebody else.
        let lines = text.split(['\r', '\n']).map(str::trim_end).filter(|line| !line.is_empty());
        let mut versions = 0;
        for (line, text) in (1..).zip(lines) {
            let malformed = |why| SdpError::Malformed { line, why, text: text.chars().take(60).collect() };
            let mut letters = text.chars();
            let (Some(letter), Some('='), value) = (letters.next(), letters.next(), letters.as_str()) else {
                return Err(malformed("no line of a description"));
            };
            if value.contains('\0') {
                return Err(malformed("no text"));
            }
            match (letter, session.media.last_mut()) {
                ('v', _) if value == "0" && line == 1 => versions = 1,
                _ if versions == 0 => return Err(malformed("not the version of SDP, which is v=0")),
                ('v', _) => return Err(malformed("a second description")),
                ('m', _) => session.push(value.parse().map_err(malformed)?)?,
                ('o', None) => value.clone_into(&mut session.origin),
                ('s', None) => value.clone_into(&mut session.name),
                (_, None) => session.section.take(letter, value),
                (_, Some(media)) => media.section.take(letter, value),
            }
        }
        match versions {
            0 => Err(SdpError::Malformed { line: 1, why: "missing", text: String::new() }),
            _ => Ok(session),
        }
    }

    /// The direction of a medium: its own, or the session's, or both ways (RFC 4566 §6).
    pub fn direction(&self, media: &Media) -> Direction {
        media.section.direction().or(self.section.direction()).unwrap_or(Direction::SendRecv)
    }

    fn push(&mut self, media: Media) -> Result<(), SdpError> {
        if media.formats.len() > FORMATS_MAX {
            return Err(SdpError::TooMany { what: "formats of one medium", max: FORMATS_MAX });
        }
        if self.media.len() == MEDIA_MAX {
            return Err(SdpError::TooMany { what: "media", max: MEDIA_MAX });
        }
        self.media.push(media);
        Ok(())
    }
}

/// Lines end with CRLF.
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v=0\r\no={}\r\ns={}\r\n{}", self.origin, self.name, self.section)?;
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

const BYTES_MAX: usize = 16 * 1024;
const MEDIA_MAX: usize = 32;
const FORMATS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, Attribute, Line};
    use proptest::prelude::*;

    const PHONE: &str = "v=0\r\no=alice 2890844526 2 IN IP4 host.example.com\r\ns=A call\r\ni=of two\r\nc=IN IP4 192.0.2.1\r\n\
        b=AS:84\r\nt=0 0\r\na=group:BUNDLE 0\r\na=sendonly\r\nm=audio 49170 RTP/AVP 0 101\r\nb=TIAS:64000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\nm=video 51372/2 RTP/AVP 99\r\nc=IN IP6 2001:db8::2\r\n\
        a=rtpmap:99 h263-1998/90000\r\na=recvonly\r\n";

    #[test]
    fn a_description_is_written_as_it_was_read() {
        let session = Session::parse(PHONE.as_bytes()).unwrap();
        assert_eq!(session.to_string(), PHONE);
        assert_eq!(session.direction(&session.media[0]), Direction::SendOnly, "the session's");
        assert_eq!(session.direction(&session.media[1]), Direction::RecvOnly, "its own");
        assert_eq!(session.section.attribute("group"), Some("BUNDLE 0"));
        assert_eq!(session.section.lines('b').collect::<Vec<_>>(), ["AS:84"]);
        assert_eq!(session.media[1].section.address, Some(Address::Ip("2001:db8::2".parse().unwrap())));
    }

    #[test]
    fn careless_phones_are_understood() {
        for (name, text) in [
            ("bare line feeds", PHONE.replace("\r\n", "\n")),
            ("bare carriage returns", PHONE.replace("\r\n", "\r")),
            ("empty lines at the end", format!("{PHONE}\r\n\r\n")),
            ("no line end at the end", PHONE.trim_end().to_owned()),
            ("blanks at line ends", PHONE.replace("\r\n", " \r\n")),
        ] {
            assert_eq!(
                Session::parse(text.as_bytes()).map(|session| session.to_string()).as_deref(),
                Ok(PHONE),
                "{name}"
            );
        }
        let bare = Session::parse(b"v=0\nm=audio 4000 RTP/AVP 0\nz=?\n=\xff=x").map(|session| session.media.len());
        assert!(bare.is_err(), "a line without a letter");
        assert_eq!(Session::parse(b"v=0\ns=\xe9t\xe9\nX=1\n").unwrap().name, "\u{fffd}t\u{fffd}");
    }

    #[test]
    fn what_is_no_description_is_refused_with_its_line() {
        let media = |count: usize| format!("v=0\r\n{}", "m=audio 1 RTP/AVP 0\r\n".repeat(count));
        let formats = |count: usize| format!("v=0\r\nm=audio 1 RTP/AVP{}\r\n", " 0".repeat(count));
        for (name, text, error) in [
            ("nothing", String::new(), Some((400, 1))),
            ("blank lines", "\r\n\r\n".into(), Some((400, 1))),
            ("not SDP", "<?xml version='1.0'?>".into(), Some((400, 1))),
            ("the version is missing", "o=- 1 1 IN IP4 1.2.3.4\r\n".into(), Some((400, 1))),
            ("another version", "v=1\r\n".into(), Some((400, 1))),
            ("two descriptions", "v=0\r\ns=-\r\nv=0\r\n".into(), Some((400, 3))),
            ("a line of no letter", "v=0\r\nhello\r\n".into(), Some((400, 2))),
            ("a bad port", "v=0\r\nm=audio 99999 RTP/AVP 0\r\n".into(), Some((400, 2))),
            ("a zero byte", "v=0\r\ns=a\0b\r\n".into(), Some((400, 2))),
            ("32 media", media(32), None),
            ("33 media", media(33), Some((413, 0))),
            ("64 formats", formats(64), None),
            ("65 formats", formats(65), Some((413, 0))),
            ("too many bytes", format!("v=0\r\ns={}", "x".repeat(16 * 1024)), Some((413, 0))),
        ] {
            let said = Session::parse(text.as_bytes()).err().map(|error| match error {
                SdpError::Malformed { line, .. } => (error.status(), line),
                _ => (error.status(), 0),
            });
            assert_eq!(said, error, "{name}");
        }
    }

    fn value() -> impl Strategy<Value = String> {
        "[!-9;-~]([ -~]{0,20}[!-~])?"
    }

    prop_compose! {
        fn any_section()(
            address in prop::option::of(any::<std::net::IpAddr>()),
            attributes in prop::collection::vec(("[a-z-]{1,12}", prop::option::of(value())), 0..6),
            lines in prop::collection::vec(("[bktrz]", value()), 0..4),
        ) -> Section {
            Section {
                address: address.map(Address::Ip),
                attributes: attributes.into_iter().map(|(name, value)| Attribute { name, value }).collect(),
                lines: lines.into_iter().map(|(letter, value)| Line { letter: letter.chars().next().unwrap(), value }).collect(),
            }
        }
    }

    prop_compose! {
        fn any_session()(
            origin in value(), name in value(), section in any_section(),
            media in prop::collection::vec(
                ("[a-z]{1,8}", any::<u16>(), any::<Option<u16>>(), "[A-Z/]{1,12}", prop::collection::vec("[a-z0-9]{1,5}", 0..8), any_section()), 0..4),
        ) -> Session {
            let media = media.into_iter().map(|(kind, port, ports, profile, formats, section)| {
                Media { kind, port, ports, profile, formats, section }
            });
            Session { origin, name, section, media: media.collect() }
        }
    }

    proptest! {
        #[test]
        fn what_we_print_we_can_read(session in any_session()) {
            prop_assert_eq!(Session::parse(session.to_string().as_bytes()), Ok(session));
        }

        #[test]
        fn what_was_written_once_is_written_the_same_again(bytes: Vec<u8>, text in "(v=0\n)?([a-z]=[ -~\r\n]{0,30}\n){0,12}") {
            for input in [&bytes[..], text.as_bytes()] {
                if let Ok(session) = Session::parse(input) {
                    let written = session.to_string(); // lines of the wrong order are now in the right one
                    prop_assert_eq!(Session::parse(written.as_bytes()).map(|again| again.to_string()), Ok(written));
                }
            }
        }
    }
}
