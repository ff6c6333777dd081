//! Reads a document of `application/rs-metadata+xml` (RFC 7865 §8).
//!
//! What it does not know it passes over, and it forgives what clients do: other prefixes, names of the drafts, things
//! nested in others. What a document may measure, how deep it may be and how much of it is kept is bounded; it can have no
//! entities of its own.

use std::fmt;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use crate::metadata::ITEMS_MAX;
use crate::{Link, Metadata, Participant, Session, Stream};

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataError {
    /// It is larger than any conversation needs.
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// It is no XML document, or is so only up to here.
    Malformed {
        /// Which byte.
        at: u64,
    },
    /// Its elements are too many, or nested too deep.
    TooIntricate,
    /// It is no `recording`.
    Foreign,
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetadataError::TooLarge { bytes } => write!(f, "metadata of {bytes} bytes; {BYTES_MAX} are read"),
            MetadataError::Malformed { at } => write!(f, "metadata that is no XML from byte {at} on"),
            MetadataError::TooIntricate => {
                write!(f, "metadata with more than {ELEMENTS_MAX} elements or {DEPTH_MAX} levels")
            }
            MetadataError::Foreign => f.write_str("XML that is no metadata of a recording (RFC 7865)"),
        }
    }
}

impl std::error::Error for MetadataError {}

const BYTES_MAX: usize = 64 * 1024;
const DEPTH_MAX: usize = 16;
const ELEMENTS_MAX: usize = 2_000;
/// So many letters of a name, an id or a moment are kept.
const TEXT_MAX: usize = 256;

impl Metadata {
    /// Reads one message.
    pub fn read(xml: &[u8]) -> Result<Metadata, MetadataError> {
        if xml.len() > BYTES_MAX {
            return Err(MetadataError::TooLarge { bytes: xml.len() });
        }
        let text = String::from_utf8_lossy(xml);
        let mut reader = Reader::from_str(&text);
        let mut reading = Reading::default();
        loop {
            let event = reader.read_event().map_err(|_| MetadataError::Malformed { at: reader.error_position() })?;
            match event {
                Event::Start(tag) => reading.begins(&tag)?,
                Event::Empty(tag) => {
                    reading.begins(&tag)?;
                    reading.ends();
                }
                Event::End(_) => reading.ends(),
                Event::Text(text) => reading.says(&String::from_utf8_lossy(&text)),
                Event::CData(text) => reading.says(&String::from_utf8_lossy(&text)),
                Event::GeneralRef(name) => match (name.resolve_char_ref(), name.is_char_ref()) {
                    (Ok(Some(letter)), _) => reading.says(letter.encode_utf8(&mut [0; 4])),
                    (_, false) => {
                        let known = String::from_utf8_lossy(&name);
                        reading.says(resolve_predefined_entity(&known).unwrap_or("\u{fffd}"));
                    }
                    _ => reading.says("\u{fffd}"),
                },
                Event::Eof => break,
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
            }
        }
        match reading.path.is_empty() {
            true if reading.is_recording => Ok(reading.metadata),
            true => Err(MetadataError::Foreign),
            false => Err(MetadataError::Malformed { at: xml.len() as u64 }),
        }
    }
}

/// What has been read, and where we are.
#[derive(Default)]
struct Reading {
    metadata: Metadata,
    is_recording: bool,
    elements: usize,
    path: Vec<Element>,
}

/// An element that has not ended.
struct Element {
    /// In small letters, without its prefix.
    name: String,
    /// The ids in its attributes.
    ids: Vec<(String, String)>,
    text: String,
}

impl Reading {
    fn begins(&mut self, tag: &BytesStart<'_>) -> Result<(), MetadataError> {
        self.elements += 1;
        if self.path.len() >= DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return Err(MetadataError::TooIntricate);
        }
        let name = String::from_utf8_lossy(tag.local_name().as_ref()).to_ascii_lowercase();
        if self.path.is_empty() {
            self.is_recording |= name == "recording";
            self.metadata.complete |= name == "recording"; // RFC 7865 §6.1.1: unless it says otherwise
        }
        let mut attributes = tag.attributes();
        let ids = attributes.with_checks(false).take(ITEMS_MAX).flatten().map(|attribute| {
            let name = String::from_utf8_lossy(attribute.key.local_name().as_ref()).to_ascii_lowercase();
            let value = String::from_utf8_lossy(&attribute.value);
            let value = quick_xml::escape::unescape(&value).map_or_else(|_| String::new(), |text| short(&text));
            (name, value)
        });
        let ids = ids.collect();
        self.path.push(Element { name, ids, text: String::new() });
        let Some(element) = self.path.last() else { return Ok(()) };
        match &*element.name {
            "session" => {
                add(&mut self.metadata.sessions, Session { id: element.id("session_id"), ..Session::default() })
            }
            "participant" => {
                let participant = Participant { id: element.id("participant_id"), ..Participant::default() };
                add(&mut self.metadata.participants, participant);
            }
            "stream" => {
                let session = element.named("session_id").or_else(|| element.named("session")).unwrap_or_default();
                let stream = Stream { id: element.id("stream_id"), session: session.to_owned(), label: String::new() };
                add(&mut self.metadata.streams, stream);
            }
            "nameid" => {
                let aor = element.named("aor").unwrap_or_default().to_owned();
                if !aor.is_empty() {
                    last(&mut self.metadata.participants, |participant| participant.aor = aor);
                }
            }
            "participantsessionassoc" => {
                let (participant, to) = (element.owner(), element.named("session_id").unwrap_or_default().to_owned());
                add(&mut self.metadata.joined, Link { participant, to, ..Link::default() });
            }
            _ => {}
        }
        Ok(())
    }

    fn says(&mut self, text: &str) {
        if let Some(element) = self.path.last_mut().filter(|element| element.text.len() < 4 * TEXT_MAX) {
            element.text.push_str(text);
        }
    }

    fn ends(&mut self) {
        let Some(element) = self.path.pop() else { return };
        let text = short(element.text.trim());
        let (parent, metadata) = (self.path.last(), &mut self.metadata);
        let within = parent.map_or("", |parent| &parent.name);
        match (within, &*element.name) {
            (_, "datamode") => metadata.complete = !text.eq_ignore_ascii_case("partial"),
            ("stream", "label") => last(&mut metadata.streams, |stream| stream.label = text),
            ("nameid" | "participant", "name") if !text.is_empty() => {
                last(&mut metadata.participants, |participant| participant.name = Some(text));
            }
            ("nameid" | "participant", "aor") => last(&mut metadata.participants, |participant| participant.aor = text),
            ("session", "sipsessionid") => {
                last(&mut metadata.sessions, |session| add(&mut session.sip_session_ids, text))
            }
            ("session", "start-time" | "associate-time") => {
                last(&mut metadata.sessions, |session| session.began = Some(text));
            }
            ("session", "stop-time" | "disassociate-time") => {
                last(&mut metadata.sessions, |session| session.ended = Some(text));
            }
            ("participantsessionassoc", "associate-time") => {
                last(&mut metadata.joined, |link| link.since = Some(text));
            }
            ("participantsessionassoc", "disassociate-time") => {
                last(&mut metadata.joined, |link| link.until = Some(text));
            }
            // In the drafts they stood in the participant itself.
            (_, "send" | "recv") => {
                let Some(parent) = parent.filter(|_| !text.is_empty()) else { return };
                let link = Link { participant: parent.owner(), to: text, ..Link::default() };
                add(if element.name == "send" { &mut metadata.sends } else { &mut metadata.hears }, link);
            }
            ("participantstreamassoc", time @ ("associate-time" | "disassociate-time")) => {
                let owner = parent.map(Element::owner).unwrap_or_default();
                let links = metadata.sends.iter_mut().chain(&mut metadata.hears);
                for link in links.filter(|link| link.participant == owner) {
                    let moment = if time == "associate-time" { &mut link.since } else { &mut link.until };
                    *moment = Some(text.clone());
                }
            }
            _ => {}
        }
    }
}

impl Element {
    fn named(&self, name: &str) -> Option<&str> {
        self.ids.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// Its own id; the drafts called all ids `id`.
    fn id(&self, name: &str) -> String {
        self.named(name).or_else(|| self.named("id")).unwrap_or_default().to_owned()
    }

    /// The participant it speaks of.
    fn owner(&self) -> String {
        let known = ["participant_id", "participant", "id"].iter().find_map(|name| self.named(name));
        known.unwrap_or_default().to_owned()
    }
}

fn add<T>(known: &mut Vec<T>, new: T) {
    if known.len() < ITEMS_MAX {
        known.push(new);
    }
}

fn last<T>(known: &mut [T], change: impl FnOnce(&mut T)) {
    if let Some(one) = known.last_mut() {
        change(one);
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// In the manner of RFC 7865 §9.
    const COMPLETE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<recording xmlns="urn:ietf:params:xml:ns:recording:1">
  <datamode>complete</datamode>
  <group group_id="Zz+OTCyoxTmqmqyA/1weDAg=="><associate-time>2026-11-25T10:00:00Z</associate-time></group>
  <session session_id="hVpd7YQgRW2nD22h7q60JQ==">
    <sipSessionID>ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2</sipSessionID>
    <group-ref>Zz+OTCyoxTmqmqyA/1weDAg==</group-ref>
    <start-time>2026-11-25T10:00:00Z</start-time>
  </session>
  <participant participant_id="srfBElmCRp2QB23b7Mpk0w=="><nameID aor="sip:bob@biloxi.example"><name xml:lang="it">Bob &amp; B&#x6f;b</name></nameID></participant>
  <participant participant_id="zSfPoSvdSDCmU3A3TRDxAw=="><nameID aor="tel:+38515550100"/></participant>
  <stream stream_id="UAAMm5GRQKSCMVvLyl4rFw==" session_id="hVpd7YQgRW2nD22h7q60JQ=="><label>96</label></stream>
  <stream stream_id="i1Pz3to5hGk8fuXl+PbwCw==" session_id="hVpd7YQgRW2nD22h7q60JQ=="><label>97</label></stream>
  <sessionrecordingassoc session_id="hVpd7YQgRW2nD22h7q60JQ=="><associate-time>2026-11-25T10:00:00Z</associate-time></sessionrecordingassoc>
  <participantsessionassoc participant_id="srfBElmCRp2QB23b7Mpk0w==" session_id="hVpd7YQgRW2nD22h7q60JQ=="><associate-time>2026-11-25T10:00:01Z</associate-time></participantsessionassoc>
  <participantstreamassoc participant_id="srfBElmCRp2QB23b7Mpk0w=="><send>i1Pz3to5hGk8fuXl+PbwCw==</send><recv>UAAMm5GRQKSCMVvLyl4rFw==</recv></participantstreamassoc>
  <participantstreamassoc participant_id="zSfPoSvdSDCmU3A3TRDxAw=="><send>UAAMm5GRQKSCMVvLyl4rFw==</send></participantstreamassoc>
</recording>"#;

    #[test]
    fn a_message_says_who_is_in_which_stream() {
        let metadata = Metadata::read(COMPLETE.as_bytes()).expect("a message");
        assert!(metadata.complete);
        let session = &metadata.sessions[0];
        assert_eq!(&*session.id, "hVpd7YQgRW2nD22h7q60JQ==");
        assert_eq!((session.sip_session_ids.len(), session.began.as_deref()), (1, Some("2026-11-25T10:00:00Z")));
        let heard = |label| metadata.heard_in(label).map(|one| (&*one.aor, one.name.as_deref())).collect::<Vec<_>>();
        assert_eq!(heard("97"), [("sip:bob@biloxi.example", Some("Bob & Bob"))]);
        assert_eq!(heard("96"), [("tel:+38515550100", None)]);
        assert_eq!(heard("98"), []);
        assert_eq!(metadata.joined[0].since.as_deref(), Some("2026-11-25T10:00:01Z"));
        assert_eq!(metadata.hears.len(), 1);
    }

    #[test]
    fn what_has_changed_may_come_alone() {
        let partial = r#"<r:recording xmlns:r="urn:ietf:params:xml:ns:recording:1"><r:dataMode>Partial</r:dataMode>
            <r:participantstreamassoc participant_id="a"><r:send>s</r:send><r:disassociate-time>2026-11-25T10:01:00Z</r:disassociate-time></r:participantstreamassoc>
            </r:recording>"#;
        let metadata = Metadata::read(partial.as_bytes()).expect("a message");
        assert!(!metadata.complete);
        assert_eq!(metadata.sends[0].until.as_deref(), Some("2026-11-25T10:01:00Z"));
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        let nested = |levels| format!("<recording>{}{}</recording>", "<a>".repeat(levels), "</a>".repeat(levels));
        for (name, xml, error) in [
            ("nothing", String::new(), MetadataError::Foreign),
            ("something else", "<presence/>".into(), MetadataError::Foreign),
            ("no end", "<recording>".into(), MetadataError::Malformed { at: 11 }),
            ("too deep", nested(DEPTH_MAX), MetadataError::TooIntricate),
            (
                "too many",
                format!("<recording>{}</recording>", "<a/>".repeat(ELEMENTS_MAX)),
                MetadataError::TooIntricate,
            ),
            ("too large", " ".repeat(BYTES_MAX + 1), MetadataError::TooLarge { bytes: BYTES_MAX + 1 }),
        ] {
            assert_eq!(Metadata::read(xml.as_bytes()), Err(error), "{name}");
        }
        assert!(Metadata::read(nested(DEPTH_MAX - 1).as_bytes()).is_ok());
        assert!(Metadata::read(b"<recording></stream>").is_err());
    }

    #[test]
    fn entities_of_the_sender_mean_nothing() {
        let bomb = r#"<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><recording><participant participant_id="p"><nameID aor="x"><name>&b;</name></nameID></participant></recording>"#;
        let metadata = Metadata::read(bomb.as_bytes()).expect("a message");
        assert_eq!(metadata.participants[0].name.as_deref(), Some("\u{fffd}"));
    }

    proptest! {
        #[test]
        fn no_document_is_too_strange(bytes: Vec<u8>, text in "(</?recording>|<session session_id='1'>|<label>|</label>|<send>|&a;|&#9;|[a-z<>&;!-]){0,40}") {
            for xml in [&bytes[..], text.as_bytes()] {
                let _ = Metadata::read(xml);
            }
        }
    }
}
