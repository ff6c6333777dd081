//! How media is protected: what we are willing to do, and what was agreed.
//!
//! Where it stands: `negotiate` asks here for each medium. Keys in the description (RFC 4568) come in two spellings: in
//! `RTP/SAVP`, which leaves no choice, and beside `RTP/AVP`, where the other side may take them or leave them.

use crate::{Browser, Crypto, Dtls, Local, Media, SdpError, Session};

/// What we are willing to do, and with what.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Security {
    /// Whether media may, should or must be encrypted.
    pub srtp: Srtp,
    /// Our keys, one for each suite we speak, best first. None where they would be read on the way.
    pub keys: Vec<Crypto>,
    /// What we say of ourselves to browsers; none where there are none.
    pub dtls: Option<Dtls>,
    /// The other side is a browser: our offers are such as they understand.
    pub browser: bool,
    /// Our offers leave the choice to the other side even where `srtp` does not: it was agreed so before.
    pub best_effort: bool,
}

/// Whether media is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Srtp {
    /// Never.
    #[default]
    Off,
    /// Where the other side can.
    Preferred,
    /// Always: else there is no agreement.
    Required,
}

/// How media is protected, as agreed.
#[derive(Clone, PartialEq, Debug)]
pub enum Protection {
    /// Not at all.
    Plain,
    /// By keys from the descriptions.
    Keys {
        /// What we send is secured with this.
        ours: Crypto,
        /// What we are sent is secured with this.
        theirs: Crypto,
    },
    /// By keys from a DTLS handshake, as browsers do it.
    Dtls(Box<Browser>),
}

impl Protection {
    /// Is it encrypted?
    pub fn is_secure(&self) -> bool {
        !matches!(self, Protection::Plain)
    }
}

/// The kinds of profiles (RFC 3551, 3711, 4585, 5124).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Profile {
    Plain,
    Secure,
    Browsers,
    Other,
}

impl Media {
    pub(crate) fn kind_of_profile(&self) -> Profile {
        match self.profile.to_ascii_uppercase().as_str() {
            "RTP/AVP" | "RTP/AVPF" => Profile::Plain,
            "RTP/SAVP" | "RTP/SAVPF" => Profile::Secure,
            _ if self.is_browsers() => Profile::Browsers,
            _ => Profile::Other,
        }
    }

    /// Could this medium be encrypted?
    pub(crate) fn offers_security(&self) -> bool {
        match self.kind_of_profile() {
            Profile::Plain => self.section.attribute("crypto").is_some(),
            Profile::Secure | Profile::Browsers => true,
            Profile::Other => false,
        }
    }

    /// The line of our offer that says how it is protected, and the keys behind it.
    pub(crate) fn offer_security(&mut self, local: &Local) {
        let ours = &local.security;
        if let Some(dtls) = ours.for_browser() {
            self.profile = "UDP/TLS/RTP/SAVPF".to_owned();
            self.section.push_flag("rtcp-mux");
            return dtls.describe(self, local, None);
        }
        let keys = if ours.srtp == Srtp::Off { &[][..] } else { &ours.keys };
        let secure = ours.srtp == Srtp::Required && !ours.best_effort;
        self.profile = if secure { "RTP/SAVP" } else { "RTP/AVP" }.to_owned();
        keys.iter().for_each(|crypto| self.section.push("crypto", crypto));
    }
}

impl Security {
    /// What we say, where our offers are for a browser.
    pub(crate) fn for_browser(&self) -> Option<&Dtls> {
        self.dtls.as_ref().filter(|_| self.browser && self.srtp != Srtp::Off)
    }

    /// How a medium of the other side and we can be protected together. Of its keys the first of a suite we have is taken.
    pub(crate) fn agree(&self, session: &Session, media: &Media) -> Result<Protection, SdpError> {
        let refused = || SdpError::Profile { profile: media.profile.clone() };
        let keys = || match self.srtp {
            Srtp::Off => None,
            Srtp::Preferred | Srtp::Required => self.common_key(media),
        };
        match media.kind_of_profile() {
            Profile::Plain => match (keys(), self.srtp) {
                (Some(protection), _) => Ok(protection),
                (None, Srtp::Off | Srtp::Preferred) => Ok(Protection::Plain),
                (None, Srtp::Required) => Err(SdpError::Unprotected),
            },
            Profile::Secure => keys().ok_or_else(refused),
            Profile::Browsers => {
                let dtls = self.dtls.as_ref().filter(|_| self.srtp != Srtp::Off).ok_or_else(refused)?;
                dtls.agree(session, media).map(|browser| Protection::Dtls(Box::new(browser)))
            }
            Profile::Other => Err(refused()),
        }
    }

    fn common_key(&self, media: &Media) -> Option<Protection> {
        media.crypto().into_iter().find_map(|theirs| {
            let fits = |ours: &&Crypto| ours.is_of(&theirs.suite) && ours.key.len() == theirs.key.len();
            let ours = self.keys.iter().find(fits)?;
            // By the number and the name the other side gave it.
            let ours = Crypto { tag: theirs.tag, suite: theirs.suite.clone(), ..ours.clone() };
            Some(Protection::Keys { ours, theirs })
        })
    }

    /// Is this an answer to what we offered? It must name the line it takes (RFC 4568 §5.1.3), and may not do without what
    /// we must have.
    pub(crate) fn is_answered_by(&self, agreed: &Protection) -> bool {
        match agreed {
            Protection::Plain => self.for_browser().is_none(),
            Protection::Dtls(_) => self.for_browser().is_some(),
            Protection::Keys { theirs, .. } => {
                self.keys.iter().any(|ours| ours.tag == theirs.tag && ours.is_of(&theirs.suite))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::{Direction, Format, Stream, accept, answer, offer};

    const LONG: &str = "AES_256_CM_HMAC_SHA1_80";
    const SHORT: &str = "AES_CM_128_HMAC_SHA1_80";

    fn crypto(tag: u32, suite: &str, fill: u8) -> Crypto {
        let length = if suite.contains("256") { 46 } else { 30 };
        Crypto { tag, suite: suite.to_owned(), key: vec![fill; length], mki_bytes: 0 }
    }

    fn local(srtp: Srtp) -> Local {
        let keys = vec![crypto(1, LONG, 0xaa), crypto(2, SHORT, 0xbb)];
        Local {
            address: SocketAddr::from(([198, 51, 100, 9], 5000)),
            session_id: 7,
            version: 1,
            codecs: vec![Format::pcma()],
            ptime_ms: 20,
            direction: Direction::SendRecv,
            security: Security { srtp, keys, ..Security::default() },
        }
    }

    fn phone(media: &str) -> String {
        format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}")
            .replace('\n', "\r\n")
    }

    /// The suite agreed on, or `plain`, or the status of the refusal.
    fn outcome(agreed: Result<&Stream, &SdpError>) -> String {
        match agreed.map(|stream| &stream.protection) {
            Ok(Protection::Plain) => "plain".to_owned(),
            Ok(Protection::Keys { ours, theirs }) => {
                assert_eq!((ours.tag, &ours.suite), (theirs.tag, &theirs.suite));
                theirs.suite.clone()
            }
            Ok(Protection::Dtls(_)) => panic!("none of these is a browser's"),
            Err(why) => why.status().to_string(),
        }
    }

    #[test]
    fn offers_are_answered_as_the_conf_has_it_in_each_spelling() {
        let line = |tag, suite| format!("a=crypto:{}\n", crypto(tag, suite, 0x11));
        let (short, long) = (line(4, SHORT), line(5, "AES_CM_256_HMAC_SHA1_80"));
        let secure = format!("m=audio 4000 RTP/SAVP 8\na=crypto:3 F8_128_HMAC_SHA1_80 inline:AAAA\n{short}{long}");
        let best_effort = format!("m=audio 4000 RTP/AVP 8\n{long}{short}");
        let both = format!("m=audio 4002 RTP/AVP 8\nm=audio 4000 RTP/SAVP 8\n{short}");
        for (what, media, [off, preferred, required]) in [
            ("plain", "m=audio 4000 RTP/AVP 8\n", ["plain", "plain", "488"]),
            ("secure, the first we know", &secure, ["488", SHORT, SHORT]),
            ("the choice is ours", &best_effort, ["plain", "AES_CM_256_HMAC_SHA1_80", "AES_CM_256_HMAC_SHA1_80"]),
            ("the same twice", &both, ["plain", SHORT, SHORT]),
            ("secure without a key", "m=audio 4000 RTP/SAVP 8\n", ["488", "488", "488"]),
            ("of another world", "m=audio 4000 RTP/XAVP 8\n", ["488", "488", "488"]),
        ] {
            for (srtp, expected) in [(Srtp::Off, off), (Srtp::Preferred, preferred), (Srtp::Required, required)] {
                let answered = answer(phone(media).as_bytes(), &local(srtp));
                let agreed = answered.as_ref().map(|(_, stream)| stream);
                assert_eq!(outcome(agreed), expected, "{what}, {srtp:?}");
                let Ok((text, stream)) = answered else { continue };
                assert_eq!(text.contains("a=crypto:"), stream.protection.is_secure(), "{text}");
                assert!(text.contains("RTP/AVP 8") || stream.protection.is_secure(), "{text}");
            }
        }
        let (text, _) = answer(phone(&both).as_bytes(), &local(Srtp::Preferred)).unwrap();
        assert!(text.contains("m=audio 0 RTP/AVP 8\r\nm=audio 5000 RTP/SAVP 8\r\n"), "{text}");
        assert!(text.contains(&format!("a=crypto:4 {SHORT} inline:{}", "u7u7".repeat(10))), "{text}");
    }

    #[test]
    fn keys_that_would_be_read_on_the_way_are_not_spoken() {
        let open = Local {
            security: Security { keys: Vec::new(), ..local(Srtp::Preferred).security },
            ..local(Srtp::Preferred)
        };
        let offered = offer(&open);
        assert!(offered.contains("RTP/AVP") && !offered.contains("crypto"), "{offered}");
        let secure = phone(&format!("m=audio 4000 RTP/SAVP 8\na=crypto:{}\n", crypto(1, SHORT, 1)));
        assert_eq!(answer(secure.as_bytes(), &open).map(drop).unwrap_err().status(), 488);
    }

    #[test]
    fn our_offers_leave_a_choice_only_where_there_is_one() {
        for (srtp, best_effort, profile, keys) in [
            (Srtp::Off, false, "RTP/AVP", 0),
            (Srtp::Preferred, false, "RTP/AVP", 2),
            (Srtp::Required, false, "RTP/SAVP", 2),
            (Srtp::Required, true, "RTP/AVP", 2),
        ] {
            let mut ours = local(srtp);
            ours.security.best_effort = best_effort;
            let offered = offer(&ours);
            assert!(offered.contains(&format!("m=audio 5000 {profile} 8")), "{offered}");
            assert_eq!(offered.matches("a=crypto:").count(), keys, "{offered}");
        }
    }

    #[test]
    fn answers_are_taken_that_name_what_was_offered() {
        for (what, media, preferred, required) in [
            ("plain", "m=audio 4000 RTP/AVP 8\n".to_owned(), "plain", "488"),
            ("a key", format!("m=audio 4000 RTP/SAVP 8\na=crypto:{}\n", crypto(2, SHORT, 1)), SHORT, SHORT),
            ("a key, best effort", format!("m=audio 4000 RTP/AVP 8\na=crypto:{}\n", crypto(1, LONG, 1)), LONG, LONG),
            ("another tag", format!("m=audio 4000 RTP/SAVP 8\na=crypto:{}\n", crypto(1, SHORT, 1)), "488", "488"),
            ("no key", "m=audio 4000 RTP/SAVP 8\n".to_owned(), "488", "488"),
        ] {
            for (srtp, expected) in [(Srtp::Preferred, preferred), (Srtp::Required, required)] {
                let accepted = accept(phone(&media).as_bytes(), &local(srtp));
                assert_eq!(outcome(accepted.as_ref()), expected, "{what}, {srtp:?}");
            }
        }
    }

    #[test]
    fn two_of_us_agree_on_the_best_suite_with_a_key_each() {
        for srtp in [Srtp::Preferred, Srtp::Required] {
            let (near, far) = (local(srtp), local(srtp));
            let (text, theirs) = answer(offer(&near).as_bytes(), &far).unwrap();
            let ours = accept(text.as_bytes(), &near).unwrap();
            assert_eq!(outcome(Ok(&ours)), LONG);
            assert_eq!(ours.best_effort, srtp == Srtp::Preferred);
            assert_eq!(theirs.best_effort, ours.best_effort);
        }
    }
}
