//! Offer and answer (RFC 3264): what both sides will send and where.
//!
//! Where it stands: called once for each INVITE, re-INVITE and their answers. One audio stream, encrypted where both sides are
//! willing; every other medium is refused in its place. The phone's order of codecs is kept, and one codec is answered, so that no
//! second round is needed to settle on one.

use std::net::{IpAddr, SocketAddr};

use crate::dtls::NOWHERE;
use crate::security::Profile;
use crate::{
    Address, Attribute, Direction, Format, Line, Media, Protection, SdpError, Section, Security, Session, Srtp,
};

/// Our side of a stream. Telephone-events are added for each clock rate in use.
#[derive(Clone, PartialEq, Debug)]
pub struct Local {
    /// Where we receive RTP; RTCP one port above.
    pub address: SocketAddr,
    /// Names the session; stays the same for the whole dialog.
    pub session_id: u64,
    /// Rises with each new description of the dialog (RFC 3264 §8).
    pub version: u64,
    /// What we speak, best first.
    pub codecs: Vec<Format>,
    /// The packet length we prefer.
    pub ptime_ms: u16,
    /// Which way we are willing.
    pub direction: Direction,
    /// How we would protect it.
    pub security: Security,
}

/// What was agreed.
#[derive(Clone, PartialEq, Debug)]
pub struct Stream {
    /// Where to send RTP. While we are held in the old way this may be 0.0.0.0; `direction` then forbids sending.
    pub remote: SocketAddr,
    /// Where to send RTCP.
    pub remote_rtcp: SocketAddr,
    /// RTP and RTCP share a port, both ways (RFC 5761).
    pub rtcp_mux: bool,
    /// The codec, with the number the other side gave it.
    pub format: Format,
    /// The number of telephone-events, if the other side knows them.
    pub telephone_event: Option<u8>,
    /// What their durations are counted in: the codec's clock rate, if the other side obeys.
    pub telephone_event_rate: u32,
    /// How long our packets shall be.
    pub ptime_ms: u16,
    /// What *we* may do.
    pub direction: Direction,
    /// How it is protected.
    pub protection: Protection,
    /// The other side could have left the protection out (RFC 8643).
    pub best_effort: bool,
}

/// The description we open with.
///
/// ```
/// use sdp::{Direction, Format, Local};
/// let ours = |port| Local {
///     address: ([192, 0, 2, 1], port).into(),
///     session_id: 1,
///     version: 1,
///     codecs: vec![Format::pcma(), Format::pcmu()],
///     ptime_ms: 20,
///     direction: Direction::SendRecv,
///     security: sdp::Security::default(),
/// };
/// let offer = sdp::offer(&ours(4000));
/// let (answer, theirs) = sdp::answer(offer.as_bytes(), &ours(5000))?;
/// let agreed = sdp::accept(answer.as_bytes(), &ours(4000))?;
/// assert_eq!((theirs.remote.port(), agreed.remote.port()), (4000, 5000));
/// assert_eq!(agreed.format, Format::pcma());
/// # Ok::<(), sdp::SdpError>(())
/// ```
pub fn offer(local: &Local) -> String {
    let mut media = Media {
        kind: "audio".to_owned(),
        port: local.address.port(),
        ports: None,
        profile: String::new(),
        formats: Vec::new(),
        section: Section::default(),
    };
    let codecs = local.codecs.iter().cloned();
    codecs.chain(telephone_events(&local.codecs)).for_each(|format| media.explain(&format));
    media.offer_security(local);
    media.say(local.ptime_ms, local.direction);
    let attributes = local.security.for_browser().map_or_else(Vec::new, |dtls| dtls.attributes(None));
    describe(local, "0 0", attributes, vec![media])
}

/// The answer to a phone's offer, and what it means for us. One audio medium is taken, the others are refused in
/// their place (RFC 3264 §6).
pub fn answer(offer: &[u8], local: &Local) -> Result<(String, Stream), SdpError> {
    let offer = Session::parse(offer)?;
    let audio = offer.media.iter().enumerate().filter(|(_, media)| media.kind == "audio" && media.port != 0);
    let mut audio: Vec<(usize, &Media)> = audio.collect();
    if local.security.srtp != Srtp::Off {
        audio.sort_by_key(|(_, media)| !media.offers_security()); // some offer the same audio in both ways
    }
    let mut fault = SdpError::NoAudio;
    for (place, offered) in audio {
        match agree(&offer, offered, local) {
            Ok(stream) => {
                let mut media: Vec<Media> = offer.media.iter().map(Media::refused).collect();
                media[place] = accepted(offered, &stream, local);
                let time = offer.section.lines('t').next().unwrap_or("0 0"); // RFC 3264 §6: equal to the offer's
                let attributes = match (&local.security.dtls, &stream.protection) {
                    (Some(dtls), Protection::Dtls(browser)) => dtls.attributes(Some((&offer, browser))),
                    _ => Vec::new(),
                };
                return Ok((describe(local, time, attributes, media), stream));
            }
            // The first medium's fault is the one to tell.
            Err(why) if fault == SdpError::NoAudio => fault = why,
            Err(_) => {}
        }
    }
    Err(fault)
}

/// What the other side speaks, by its first audio medium, in its order; nothing if that cannot be read.
pub fn formats(description: &[u8]) -> Vec<Format> {
    let Ok(session) = Session::parse(description) else { return Vec::new() };
    let audio = session.media.iter().find(|media| media.kind == "audio" && media.port != 0 && media.is_rtp());
    audio.map(Media::rtp_formats).unwrap_or_default()
}

/// What the answer to our offer means. `local` is what was offered.
pub fn accept(answer: &[u8], local: &Local) -> Result<Stream, SdpError> {
    let answer = Session::parse(answer)?;
    let media = answer.media.first().ok_or(SdpError::NoAudio)?; // ours was the first, and the only one
    if media.port == 0 {
        return Err(SdpError::Refused);
    }
    if media.kind != "audio" {
        return Err(SdpError::NoAudio);
    }
    // RFC 5761 §5.1.1: a port is shared only if both say so, and our offers do not.
    // A browser shares it or has none.
    let stream = agree(&answer, media, local)?;
    let stream = Stream { rtcp_mux: matches!(stream.protection, Protection::Dtls(_)), ..stream };
    match local.security.is_answered_by(&stream.protection) {
        true => Ok(stream.with_rtcp(media)),
        false => Err(SdpError::Profile { profile: media.profile.clone() }),
    }
}

/// What a medium of the other side and ours have in common.
fn agree(theirs: &Session, media: &Media, local: &Local) -> Result<Stream, SdpError> {
    let protection = local.security.agree(theirs, media)?;
    let formats = media.rtp_formats();
    let format = formats
        .iter()
        .find(|format| local.codecs.iter().any(|ours| ours.is_like(format)))
        .ok_or_else(|| SdpError::NoCommonCodec { theirs: names(&formats), ours: names(&local.codecs) })?;
    // RFC 4733 §2.1: events count in the same units as the sound they interrupt. Many phones have them at 8000 alone,
    // whatever they speak; that is better than none.
    let event_at = |rate| formats.iter().find(|event| event.is_telephone_event(rate));
    let event = event_at(format.clock_rate).or_else(|| event_at(8000));
    let remote = match protection {
        Protection::Dtls(_) => NOWHERE, // where it is, ICE will show
        _ => SocketAddr::new(address_of(theirs, media)?, media.port),
    };
    let is_held = remote.ip().is_unspecified() && !matches!(protection, Protection::Dtls(_));
    let stream = Stream {
        remote,
        remote_rtcp: remote,
        rtcp_mux: media.section.attribute("rtcp-mux").is_some(),
        format: format.clone(),
        telephone_event: event.map(|event| event.payload_type),
        telephone_event_rate: event.map_or(format.clock_rate, |event| event.clock_rate),
        ptime_ms: ptime_ms(media, local),
        direction: willing(theirs, media, is_held).reversed().and(local.direction),
        best_effort: protection.is_secure() && media.kind_of_profile() == Profile::Plain,
        protection,
    };
    Ok(stream.with_rtcp(media))
}

/// What the other side does, by its attributes and by the address of nowhere (RFC 3264 §8.4: it does not listen).
fn willing(theirs: &Session, media: &Media, is_nowhere: bool) -> Direction {
    let said = theirs.direction(media);
    Direction::of(said.sends(), said.receives() && !is_nowhere)
}

fn address_of(theirs: &Session, media: &Media) -> Result<IpAddr, SdpError> {
    let address = media.section.address.as_ref().or(theirs.section.address.as_ref());
    address
        .and_then(Address::ip)
        .ok_or_else(|| SdpError::Address { address: address.map(Address::to_string).unwrap_or_default() })
}

/// The packet length asked for, within reason and below the longest the other side takes; ours where it asks for none.
fn ptime_ms(media: &Media, local: &Local) -> u16 {
    let number = |name| -> Option<u16> { media.section.attribute(name)?.trim().parse().ok() };
    let asked = number("ptime").filter(|ms| (PTIME_MS_MIN..=PTIME_MS_MAX).contains(ms)).unwrap_or(local.ptime_ms);
    let longest = number("maxptime").filter(|ms| *ms >= PTIME_MS_MIN).unwrap_or(PTIME_MS_MAX);
    asked.min(longest)
}

impl Stream {
    /// RTCP goes to the same port where it is shared, else where the other side says (RFC 3605), else one port above.
    fn with_rtcp(mut self, media: &Media) -> Stream {
        let above = SocketAddr::new(self.remote.ip(), self.remote.port().saturating_add(1));
        let said = || {
            let (port, address) = match media.section.attribute("rtcp")?.split_once(' ') {
                Some((port, address)) => (port, Address::parse(address).ip()?),
                None => (media.section.attribute("rtcp")?, self.remote.ip()),
            };
            port.parse().ok().filter(|port| *port != 0).map(|port| SocketAddr::new(address, port))
        };
        self.remote_rtcp = if self.rtcp_mux { self.remote } else { said().unwrap_or(above) };
        self
    }
}

/// Our answer to one medium: one codec and its telephone-events, by the offerer's numbers, in the offerer's profile.
fn accepted(offered: &Media, stream: &Stream, local: &Local) -> Media {
    let mut media = Media { port: local.address.port(), formats: Vec::new(), ..offered.refused() };
    // The parameters of a format are what its writer can receive (RFC 7587 §7.1): ours, not theirs.
    let fmtp = local.codecs.iter().find(|ours| ours.is_like(&stream.format)).and_then(|ours| ours.fmtp.clone());
    media.explain(&Format { fmtp, ..stream.format.clone() });
    if let Some(payload_type) = stream.telephone_event {
        media.explain(&Format::telephone_event(payload_type, stream.telephone_event_rate));
    }
    if stream.rtcp_mux {
        media.section.push_flag("rtcp-mux");
    }
    match (&stream.protection, &local.security.dtls) {
        (Protection::Keys { ours, .. }, _) => media.section.push("crypto", ours),
        (Protection::Dtls(browser), Some(dtls)) => dtls.describe(&mut media, local, Some(browser)),
        _ => {}
    }
    media.say(stream.ptime_ms, stream.direction);
    media
}

impl Media {
    fn explain(&mut self, format: &Format) {
        self.formats.push(format.payload_type.to_string());
        self.section.push("rtpmap", format.rtpmap());
        if let Some(fmtp) = &format.fmtp {
            self.section.push("fmtp", format_args!("{} {fmtp}", format.payload_type));
        }
    }

    fn say(&mut self, ptime_ms: u16, direction: Direction) {
        self.section.push("ptime", ptime_ms);
        self.section.push_flag(direction.name());
    }
}

/// One format of telephone-events for each clock rate, numbered from 101 where that is free.
fn telephone_events(codecs: &[Format]) -> Vec<Format> {
    let taken = |number: u8| codecs.iter().any(|codec| codec.payload_type == number);
    let mut free = (101..=127).chain(96..=100).filter(|number| !taken(*number));
    let mut events: Vec<Format> = Vec::new();
    for codec in codecs {
        if !events.iter().any(|event| event.clock_rate == codec.clock_rate) {
            events.extend(free.next().map(|number| Format::telephone_event(number, codec.clock_rate)));
        }
    }
    events
}

fn describe(local: &Local, time: &str, attributes: Vec<Attribute>, media: Vec<Media>) -> String {
    let address = Address::Ip(local.address.ip());
    let session = Session {
        origin: format!("- {} {} {address}", local.session_id, local.version),
        name: "-".to_owned(), // RFC 3264 §5
        section: Section {
            address: Some(address),
            attributes,
            lines: vec![Line { letter: 't', value: time.to_owned() }],
        },
        media,
    };
    session.to_string()
}

fn names(formats: &[Format]) -> String {
    let names: Vec<String> =
        formats.iter().map(|format| format!("{}/{}", format.encoding, format.clock_rate)).collect();
    if names.is_empty() { "no known format".to_owned() } else { names.join(", ") }
}

const PTIME_MS_MIN: u16 = 10;
/// 960 bytes of G.711: longer packets would not fit a network.
const PTIME_MS_MAX: u16 = 120;

#[cfg(test)]
mod tests;
