//! Descriptions of several media, taken apart and put together: each medium is negotiated by itself, as if it were alone.
//!
//! Where it stands: a recording session (RFC 7866) has one medium for each stream, with a label that its metadata speaks of
//! (RFC 4574). What is agreed on each is [`answer`](crate::answer)'s and [`accept`](crate::accept)'s business.

use std::net::IpAddr;

use crate::{Address, Line, Media, SdpError, Section, Session};

/// One medium, as a description of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alone {
    /// Its label, if it has one.
    pub label: Option<String>,
    /// It is audio, and not switched off.
    pub is_audio: bool,
    /// The description.
    pub text: String,
    media: Media,
}

/// What is said of one medium.
#[derive(Clone, Copy, Debug)]
pub enum Said<'a> {
    /// This description's.
    So {
        /// With one medium.
        description: &'a [u8],
        /// Its label.
        label: &'a str,
    },
    /// Nothing: it is refused (RFC 3264 §6).
    Refused(&'a Alone),
}

/// Takes a description apart, in its order.
pub fn apart(description: &[u8]) -> Result<Vec<Alone>, SdpError> {
    let session = Session::parse(description)?;
    let whole = Session { media: Vec::new(), ..session.clone() };
    let alone = |media: Media| Alone {
        label: media.section.attribute("label").map(str::to_owned),
        is_audio: media.kind == "audio" && media.port != 0,
        text: Session { media: vec![media.clone()], ..whole.clone() }.to_string(),
        media,
    };
    Ok(session.media.into_iter().map(alone).collect())
}

/// Puts one together, in this order; it is ours, by number and version.
///
/// ```
/// let offer = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
///     m=audio 4000 RTP/AVP 0\r\na=label:1\r\na=sendonly\r\nm=video 4002 RTP/AVP 96\r\n";
/// let media = sdp::apart(offer)?;
/// let said = [sdp::Said::So { description: media[0].text.as_bytes(), label: "1" }, sdp::Said::Refused(&media[1])];
/// let answer = sdp::together(&said, [192, 0, 2, 9].into(), (7, 1))?;
/// assert!(answer.contains("m=audio 4000") && answer.contains("a=label:1\r\n") && answer.contains("m=video 0"));
/// # Ok::<(), sdp::SdpError>(())
/// ```
pub fn together(said: &[Said<'_>], ours: IpAddr, (id, version): (u64, u64)) -> Result<String, SdpError> {
    let media = said.iter().map(|said| match said {
        Said::Refused(alone) => Ok(alone.media.refused()),
        Said::So { description, label } => {
            let one = Session::parse(description)?;
            let mut media = one.media.into_iter().next().ok_or(SdpError::NoAudio)?;
            media.section.address = media.section.address.or(one.section.address);
            media.section.attributes.retain(|attribute| attribute.name != "label");
            if !label.is_empty() {
                media.section.push("label", label);
            }
            Ok(media)
        }
    });
    let media: Vec<Media> = media.collect::<Result<_, SdpError>>()?;
    let address = Address::Ip(ours);
    let session = Session {
        origin: format!("- {id} {version} {address}"),
        name: "-".to_owned(),
        section: Section {
            address: Some(address),
            attributes: Vec::new(),
            lines: vec![Line { letter: 't', value: "0 0".to_owned() }],
        },
        media,
    };
    Ok(session.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, Format, Local, Security};

    fn local(port: u16, direction: Direction) -> Local {
        Local {
            address: ([192, 0, 2, 9], port).into(),
            session_id: 1,
            version: 1,
            codecs: vec![Format::pcma(), Format::pcmu()],
            ptime_ms: 20,
            direction,
            security: Security::default(),
        }
    }

    #[test]
    fn each_medium_is_agreed_on_by_itself() {
        let offers = [4000, 4002].map(|port| crate::offer(&local(port, Direction::SendOnly)));
        let [first, second] =
            [("a", 0), ("b", 1)].map(|(label, at): (_, usize)| Said::So { description: offers[at].as_bytes(), label });
        let offer = together(&[first, second], [192, 0, 2, 9].into(), (7, 1)).expect("a description");
        let media = apart(offer.as_bytes()).expect("a description");
        assert_eq!(media.iter().map(|one| one.label.as_deref()).collect::<Vec<_>>(), [Some("a"), Some("b")]);
        let mut answers = Vec::new();
        for (one, port) in media.iter().zip([5000, 5002]) {
            let (answer, stream) =
                crate::answer(one.text.as_bytes(), &local(port, Direction::RecvOnly)).expect("agreed");
            assert_eq!((stream.direction, stream.remote.port()), (Direction::RecvOnly, port - 1000));
            answers.push(answer);
        }
        let said = [Said::So { description: answers[0].as_bytes(), label: "a" }, Said::Refused(&media[1])];
        let answer = together(&said, [192, 0, 2, 9].into(), (8, 1)).expect("a description");
        let answered = apart(answer.as_bytes()).expect("a description");
        assert_eq!(answered.iter().map(|one| one.is_audio).collect::<Vec<_>>(), [true, false]);
        let agreed = crate::accept(answered[0].text.as_bytes(), &local(4000, Direction::SendOnly)).expect("agreed");
        assert_eq!((agreed.direction, agreed.remote.port()), (Direction::SendOnly, 5000));
        assert_eq!(
            crate::accept(answered[1].text.as_bytes(), &local(4002, Direction::SendOnly)),
            Err(SdpError::Refused)
        );
    }
}
