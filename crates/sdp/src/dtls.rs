//! A browser's description (RFC 8829): ICE (RFC 8839) and the certificate of a DTLS handshake (RFC 8122, RFC 8842), on one
//! port for all (RFC 8843, RFC 5761).
//!
//! Where it stands: `security` asks here for media in a browser's profile, and `negotiate` has what we say written here. We
//! stand where everybody can reach us: our one candidate is our address, and theirs need not be known.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{Attribute, Local, Media, SdpError, Section, Session};

/// What we say of ourselves to browsers.
#[derive(Clone, PartialEq, Eq)]
pub struct Dtls {
    /// The SHA-256 of our certificate, as hexadecimal octets between colons.
    pub fingerprint: String,
    /// Our user name fragment.
    pub ufrag: String,
    /// The password of checks to us.
    pub password: String,
    /// We spoke first in the handshake there was; whoever leaves it to us gets the same again (RFC 5763 §6.6).
    pub active: bool,
    /// The name of the medium, once one was agreed on.
    pub mid: String,
}

/// What a browser said of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Browser {
    /// The SHA-256 of its certificate.
    pub fingerprint: Vec<u8>,
    /// Its user name fragment.
    pub ufrag: String,
    /// We speak first in the handshake.
    pub active: bool,
    /// The name of the medium.
    pub mid: String,
}

/// Where a browser is said to be before it has shown where it is (RFC 8839 §4.2.1.1).
pub(crate) const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 9);

/// Is this description a browser's?
pub fn is_browsers(description: &[u8]) -> bool {
    let Ok(session) = Session::parse(description) else { return false };
    session.media.iter().any(|media| media.kind == "audio" && media.port != 0 && media.is_browsers())
}

impl Media {
    /// Is it of the profile browsers speak (RFC 5764 §8)?
    pub(crate) fn is_browsers(&self) -> bool {
        ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"].iter().any(|profile| self.profile.eq_ignore_ascii_case(profile))
    }
}

impl Dtls {
    /// What the other side's medium says, if it says all that is needed.
    pub(crate) fn agree(&self, theirs: &Session, media: &Media) -> Result<Browser, SdpError> {
        let said = |name| media.section.attribute(name).or(theirs.section.attribute(name)).map(str::trim);
        let read = || {
            let fingerprint = fingerprint(&media.section).or_else(|| fingerprint(&theirs.section))?;
            media.section.attribute("rtcp-mux")?;
            let ufrag = said("ice-ufrag").filter(|ufrag| (4..=256).contains(&ufrag.len()))?;
            said("ice-pwd").filter(|password| (22..=256).contains(&password.len()))?;
            let active = match said("setup") {
                Some("passive") => true,
                Some("actpass") => self.active,
                Some("active") | None => false, // RFC 4145 §4: who says nothing speaks first
                Some(_) => return None,
            };
            let mid = media.section.attribute("mid").unwrap_or_default().trim().to_owned();
            Some(Browser { fingerprint, ufrag: ufrag.to_owned(), active, mid })
        };
        read().ok_or_else(|| SdpError::Profile { profile: media.profile.clone() })
    }

    /// What we say of the medium: `theirs` is what we answer, where we do.
    pub(crate) fn describe(&self, media: &mut Media, local: &Local, theirs: Option<&Browser>) {
        let section = &mut media.section;
        let mid = theirs.map_or(&self.mid, |theirs| &theirs.mid);
        if !mid.is_empty() {
            section.push("mid", mid);
        }
        let setup = match theirs.map(|theirs| theirs.active) {
            None => "actpass",
            Some(true) => "active",
            Some(false) => "passive",
        };
        section.push("setup", setup);
        section.push("fingerprint", format_args!("sha-256 {}", self.fingerprint));
        section.push("ice-ufrag", &self.ufrag);
        section.push("ice-pwd", &self.password);
        let (ip, port) = (local.address.ip(), local.address.port());
        section.push("candidate", format_args!("1 1 UDP 2130706431 {ip} {port} typ host"));
        section.push_flag("end-of-candidates");
    }

    /// What we say of the whole session: that we make no checks, and, where the other side wants it so or we begin, that
    /// the one medium is a group.
    pub(crate) fn attributes(&self, theirs: Option<(&Session, &Browser)>) -> Vec<Attribute> {
        let mut section = Section::default();
        section.push_flag("ice-lite");
        let bundled = match theirs {
            None => Some(&self.mid),
            Some((session, browser)) => {
                let names = |group: &str| group.split(' ').skip(1).any(|name| name == browser.mid);
                let is_in = |group: &str| group.starts_with("BUNDLE ") && names(group);
                session.section.attributes("group").any(is_in).then_some(&browser.mid)
            }
        };
        if let Some(mid) = bundled.filter(|mid| !mid.is_empty()) {
            section.push("group", format_args!("BUNDLE {mid}"));
        }
        section.attributes
    }
}

/// The first SHA-256 among the fingerprints; browsers have no other.
fn fingerprint(section: &Section) -> Option<Vec<u8>> {
    section.attributes("fingerprint").find_map(|value| {
        let (hash, octets) = value.trim().split_once(' ')?;
        let octet = |text: &str| (text.len() == 2).then(|| u8::from_str_radix(text, 16).ok()).flatten();
        let octets: Option<Vec<u8>> = octets.trim().split(':').map(octet).collect();
        octets.filter(|octets| hash.eq_ignore_ascii_case("sha-256") && octets.len() == 32)
    })
}

/// Passwords are for descriptions, not for logs.
impl fmt::Debug for Dtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dtls({})", self.ufrag)
    }
}

/// Likewise.
impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Browser({})", self.ufrag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, Format, Protection, Security, Srtp, accept, answer, offer};

    /// Chromium's offer of audio, shortened by what it says thrice.
    const CHROMIUM: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        a=extmap-allow-mixed\r\na=msid-semantic: WMS 6a\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n\
        c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=candidate:1 1 udp 2122260223 7d3c.local 51234 typ host\r\n\
        a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlLt\r\na=ice-options:trickle\r\n\
        a=fingerprint:sha-256 75:74:5A:A6:A4:E5:52:F4:A7:67:4C:01:C7:EE:91:3F:21:3D:A2:E3:53:7B:6F:30:86:F2:30:AA:65:FB:04:24\r\n\
        a=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\na=rtcp-mux\r\n\
        a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
        a=rtpmap:63 red/48000/2\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n\
        a=ssrc:3735928559 cname:o/i14u9pJrxRKAsu\r\n";

    fn local(srtp: Srtp) -> Local {
        let dtls = Dtls {
            fingerprint: ["AB"; 32].join(":"),
            ufrag: "ours".into(),
            password: "a password that is long".into(),
            active: false,
            mid: "0".into(),
        };
        Local {
            address: "192.0.2.1:4000".parse().unwrap(),
            session_id: 7,
            version: 1,
            codecs: vec![Format::pcmu(), Format::opus(111)],
            ptime_ms: 20,
            direction: Direction::SendRecv,
            security: Security { srtp, dtls: Some(dtls), browser: true, ..Security::default() },
        }
    }

    #[test]
    fn a_browsers_offer_is_answered_in_its_own_way() {
        assert!(is_browsers(CHROMIUM.as_bytes()));
        let (text, stream) = answer(CHROMIUM.as_bytes(), &local(Srtp::Preferred)).unwrap();
        let Protection::Dtls(browser) = &stream.protection else { panic!("{:?}", stream.protection) };
        assert_eq!((browser.ufrag.as_str(), browser.active, browser.mid.as_str()), ("4ZcD", false, "0"));
        assert_eq!((browser.fingerprint[0], browser.fingerprint[31]), (0x75, 0x24));
        assert_eq!((stream.remote, stream.rtcp_mux, stream.direction), (NOWHERE, true, Direction::SendRecv));
        assert_eq!((stream.format.encoding.as_str(), stream.telephone_event), ("OPUS", Some(110)));
        for line in [
            "a=ice-lite\r\n",
            "a=group:BUNDLE 0\r\n",
            "m=audio 4000 UDP/TLS/RTP/SAVPF 111 110\r\n",
            "a=setup:passive\r\n",
            "a=mid:0\r\n",
            "a=rtcp-mux\r\n",
            "a=ice-ufrag:ours\r\n",
            "a=ice-pwd:a password that is long\r\n",
            "a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host\r\n",
            "a=fingerprint:sha-256 AB:AB:",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        assert!(!text.contains("crypto") && !text.contains("extmap"), "{text}");
    }

    #[test]
    fn what_a_browser_must_say_and_does_not_is_refused() {
        for (what, from, to) in [
            ("no certificate", "a=fingerprint:sha-256 75", "a=x:75"),
            ("a short one", "75:74:", ""),
            ("another hash", "sha-256", "sha-1"),
            ("two ports", "a=rtcp-mux\r\n", ""),
            ("no name", "a=ice-ufrag:4ZcD\r\n", ""),
            ("no password", "a=ice-pwd:2/1muCWoOi3uLifh0NuRHlLt\r\n", ""),
            ("a short password", "muCWoOi3uLifh0NuRHlLt", ""),
            ("no role", "setup:actpass", "setup:holdconn"),
        ] {
            let offer = CHROMIUM.replace(from, to);
            assert_ne!(offer, CHROMIUM, "{what}");
            let answered = answer(offer.as_bytes(), &local(Srtp::Preferred));
            assert_eq!(answered.map(drop).unwrap_err().status(), 488, "{what}");
        }
        assert_eq!(answer(CHROMIUM.as_bytes(), &local(Srtp::Off)).map(drop).unwrap_err().status(), 488);
        let none =
            Local { security: Security { dtls: None, ..local(Srtp::Required).security }, ..local(Srtp::Required) };
        assert_eq!(answer(CHROMIUM.as_bytes(), &none).map(drop).unwrap_err().status(), 488);
    }

    #[test]
    fn two_of_us_agree_who_speaks_first_and_remember_it() {
        let mut near = local(Srtp::Preferred);
        let offered = offer(&near);
        assert!(offered.contains("a=setup:actpass\r\n") && offered.contains("BUNDLE 0"), "{offered}");
        let (text, theirs) = answer(offered.as_bytes(), &local(Srtp::Preferred)).unwrap();
        let ours = accept(text.as_bytes(), &near).unwrap();
        assert_eq!((ours.remote, ours.rtcp_mux), (NOWHERE, true));
        let active = |protection: &Protection| match protection {
            Protection::Dtls(browser) => browser.active,
            _ => panic!("not a browser's"),
        };
        assert!(active(&ours.protection) && !active(&theirs.protection));
        near.security.dtls.as_mut().unwrap().active = true;
        let (text, again) = answer(offer(&local(Srtp::Required)).as_bytes(), &near).unwrap();
        assert!(active(&again.protection) && text.contains("a=setup:active\r\n"), "{text}");
    }
}
