//! Writes a message of metadata: all there is, each time, so that whoever missed one misses nothing (RFC 7865 §6.1.1).

use std::fmt;

use quick_xml::escape::escape;

use crate::{Link, Metadata};

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.complete { "complete" } else { "partial" };
        write!(
            f,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<recording xmlns=\"urn:ietf:params:xml:ns:recording:1\">\r\n"
        )?;
        write!(f, "<datamode>{mode}</datamode>\r\n")?;
        for session in &self.sessions {
            write!(f, "<session session_id=\"{}\">", escape(&*session.id))?;
            for id in &session.sip_session_ids {
                write!(f, "<sipSessionID>{}</sipSessionID>", escape(&**id))?;
            }
            time(f, "start-time", session.began.as_deref())?;
            time(f, "stop-time", session.ended.as_deref())?;
            write!(f, "</session>\r\n")?;
        }
        for participant in &self.participants {
            let (id, aor) = (escape(&*participant.id), escape(&*participant.aor));
            write!(f, "<participant participant_id=\"{id}\"><nameID aor=\"{aor}\">")?;
            if let Some(name) = &participant.name {
                write!(f, "<name>{}</name>", escape(&**name))?;
            }
            write!(f, "</nameID></participant>\r\n")?;
        }
        for stream in &self.streams {
            let (id, session, label) = (escape(&*stream.id), escape(&*stream.session), escape(&*stream.label));
            write!(f, "<stream stream_id=\"{id}\" session_id=\"{session}\"><label>{label}</label></stream>\r\n")?;
        }
        for session in &self.sessions {
            write!(f, "<sessionrecordingassoc session_id=\"{}\">", escape(&*session.id))?;
            time(f, "associate-time", session.began.as_deref())?;
            write!(f, "</sessionrecordingassoc>\r\n")?;
        }
        for link in &self.joined {
            let (participant, session) = (escape(&*link.participant), escape(&*link.to));
            write!(f, "<participantsessionassoc participant_id=\"{participant}\" session_id=\"{session}\">")?;
            times(f, link)?;
            write!(f, "</participantsessionassoc>\r\n")?;
        }
        for (way, links) in [("send", &self.sends), ("recv", &self.hears)] {
            for link in links {
                let (participant, stream) = (escape(&*link.participant), escape(&*link.to));
                write!(f, "<participantstreamassoc participant_id=\"{participant}\"><{way}>{stream}</{way}>")?;
                times(f, link)?;
                write!(f, "</participantstreamassoc>\r\n")?;
            }
        }
        write!(f, "</recording>\r\n")
    }
}

fn times(f: &mut fmt::Formatter<'_>, link: &Link) -> fmt::Result {
    time(f, "associate-time", link.since.as_deref())?;
    time(f, "disassociate-time", link.until.as_deref())
}

fn time(f: &mut fmt::Formatter<'_>, name: &str, at: Option<&str>) -> fmt::Result {
    at.map_or(Ok(()), |at| write!(f, "<{name}>{}</{name}>", escape(at)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{Link, Metadata, Participant, Session, Stream};

    fn id() -> impl Strategy<Value = String> {
        "[a-zA-Z0-9+/=&<>\"']{1,20}"
    }

    prop_compose! {
        fn any_links()(links in prop::collection::vec((id(), id(), prop::option::of(id())), 0..4)) -> Vec<Link> {
            links.into_iter().map(|(participant, to, since)| Link { participant, to, since, until: None }).collect()
        }
    }

    prop_compose! {
        fn any_metadata()(
            complete: bool,
            sessions in prop::collection::vec((id(), prop::option::of(id())), 0..3),
            participants in prop::collection::vec((id(), id(), prop::option::of("[!-~]([ -~]{0,20}[!-~])?")), 0..4),
            streams in prop::collection::vec((id(), id(), id()), 0..4),
            joined in any_links(),
        ) -> Metadata {
            Metadata {
                complete,
                sessions: sessions.into_iter().map(|(id, began)| Session { id, began, ..Session::default() }).collect(),
                participants: participants.into_iter().map(|(id, aor, name)| Participant { id, aor, name }).collect(),
                streams: streams.into_iter().map(|(id, session, label)| Stream { id, session, label }).collect(),
                sends: joined.iter().cloned().map(|link| Link { since: None, ..link }).collect(),
                joined,
                hears: Vec::new(),
            }
        }
    }

    proptest! {
        #[test]
        fn what_we_print_we_can_read(metadata in any_metadata()) {
            prop_assert_eq!(Metadata::read(metadata.to_string().as_bytes()), Ok(metadata));
        }
    }
}
