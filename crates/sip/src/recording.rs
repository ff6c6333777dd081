//! Recording sessions (SIPREC, RFC 7866): how their messages are told from others, and what they carry beside a description.
//!
//! Where it stands: who sends what is to be recorded (SRC) says so in its Contact and requires it; who records (SRS) says so
//! in its own. The endpoint passes on who came so ([`Incoming::records`](crate::Incoming::records)) and what came later
//! ([`Event::Metadata`](crate::Event::Metadata)). Who may do it, and what the metadata means, is known above.

use bytes::Bytes;
use rsip::Method;

use crate::invite::{Input, SDP};
use crate::{Headers, Name, Request, multipart};

/// The option tag (RFC 7866 §11.1).
pub(crate) const SIPREC: &str = "siprec";
/// The type of metadata (RFC 7866 §9).
pub(crate) const METADATA: &str = "application/rs-metadata+xml";

/// What a dialog of ours says of us in Contact (RFC 7866 §11.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Nothing.
    #[default]
    None,
    /// We send what is to be recorded.
    Src,
    /// We record.
    Srs,
}

impl Feature {
    /// Of who answers this request.
    pub(crate) fn answering(headers: &Headers) -> Feature {
        if is_from_src(headers) { Feature::Srs } else { Feature::None }
    }

    /// Of who says this.
    pub(crate) fn saying(headers: &Headers, body: &[u8]) -> Feature {
        let is_src = headers.lists(&Name::Require, SIPREC) || body.starts_with(b"--");
        if is_src { Feature::Src } else { Feature::None }
    }

    /// As Contact has it.
    pub(crate) fn param(self) -> &'static str {
        match self {
            Feature::None => "",
            Feature::Src => ";+sip.src",
            Feature::Srs => ";+sip.srs",
        }
    }
}

/// Does it come from one who wants something recorded?
pub(crate) fn is_from_src(headers: &Headers) -> bool {
    let named = |contact: &str| {
        contact.split(';').skip(1).any(|param| param.trim().trim_end_matches('>').eq_ignore_ascii_case("+sip.src"))
    };
    headers.lists(&Name::Require, SIPREC) || headers.first(&Name::Contact).is_some_and(named)
}

/// The metadata of a message, alone or beside a description.
pub(crate) fn metadata_of(headers: &Headers, body: &Bytes) -> Option<Bytes> {
    let kind = headers.first(&Name::ContentType)?;
    let alone = kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(METADATA);
    if alone { Some(body.clone()) } else { multipart::part_of(kind, body, METADATA) }
}

/// The metadata a leg is told by this: in a re-INVITE or UPDATE (RFC 7866 §9.1).
pub(crate) fn metadata_in(input: &Input<'_>) -> Option<Bytes> {
    match input {
        Input::Request { request: Request { method: Method::Invite | Method::Update, headers, body, .. }, .. } => {
            metadata_of(headers, body)
        }
        _ => None,
    }
}

/// A description with metadata beside it, as a body for [`Outgoing`](crate::Outgoing) or [`Command::Offer`](crate::Command::Offer).
pub fn with_metadata(sdp: &[u8], metadata: &[u8]) -> Bytes {
    let sdp_headers = format!("Content-Type: {SDP}");
    let metadata_headers = format!("Content-Type: {METADATA}\r\nContent-Disposition: recording-session");
    multipart::join(&[(&sdp_headers, sdp), (&metadata_headers, metadata)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_something_recorded_says_so() {
        for (name, value, is) in [
            (Name::Contact, "<sip:src@192.0.2.1>;+sip.src", true),
            (Name::Contact, "<sip:src@192.0.2.1;+sip.src>", true), // within the URI, which some mean the same by
            (Name::Contact, "<sip:src@192.0.2.1>;+sip.srcx", false),
            (Name::Require, "timer, siprec", true),
            (Name::Supported, "siprec", false),
        ] {
            let mut headers = Headers::default();
            headers.push(name.clone(), value);
            assert_eq!(is_from_src(&headers), is, "{name:?} {value}");
        }
    }

    #[test]
    fn metadata_comes_alone_or_beside_a_description() {
        let both = with_metadata(b"v=0\r\n", b"<recording/>");
        let kind = multipart::kind_of(&both).into_owned();
        for (kind, body, metadata) in [
            (&*kind, both.clone(), Some("<recording/>")),
            ("application/rs-metadata+xml; charset=utf-8", Bytes::from("<recording/>"), Some("<recording/>")),
            (SDP, Bytes::from("v=0\r\n"), None),
        ] {
            let mut headers = Headers::default();
            headers.push(Name::ContentType, kind);
            assert_eq!(metadata_of(&headers, &body).as_deref(), metadata.map(str::as_bytes), "{kind}");
        }
    }
}
