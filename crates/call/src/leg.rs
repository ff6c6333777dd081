//! One leg: a SIP dialog with its offer/answer and one media port.
//!
//! Where it stands: `Call` owns its legs and tells them what SIP said; a leg knows what is agreed about its sound and
//! turns that into words for `sip` (SDP) and for `media` (addresses and formats). It never knows the other legs.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use audio::Codec;
use base::{LegId, Random, Time};
use bytes::Bytes;
use media::StreamConf;
use sdp::{Direction, Format, Local, Security, Srtp, Stream};

use crate::CallConf;
use crate::security::{self, News};

/// Who is at the other end of a leg.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Party {
    /// The account, where it is one of ours.
    pub account: Option<String>,
    /// The number or user name shown to others.
    pub number: String,
    /// The name shown to others.
    pub name: Option<String>,
    /// The trunk it is reached by, where it is none of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trunk: Option<String>,
}

impl Party {
    /// How the party is called in facts and CDRs: the account, or the number.
    pub fn label(&self) -> &str {
        self.account.as_deref().unwrap_or(&self.number)
    }
}

/// A leg as the switch hands it to a call: numbered, with a media port reserved for it.
#[derive(Clone, Debug)]
pub struct NewLeg {
    /// The number `sip` and `media` know it by.
    pub leg: LegId,
    /// Where its RTP will be received; RTCP one port above.
    pub local: SocketAddr,
    /// The number in our SDP's `o=` line.
    pub session_id: u64,
    /// The other end.
    pub party: Party,
    /// Where its signalling comes from: a phone behind NAT may send its sound from nowhere else.
    pub signalling: IpAddr,
    /// What the conf says of its media.
    pub media: MediaRules,
    /// What keys and passwords for its media are made of.
    pub random: Random,
    /// Keys may be written into its messages: nobody can read them on the way.
    pub hides_keys: bool,
    /// It is a browser, and wants offers of its kind.
    pub is_browser: bool,
}

/// What the conf says of somebody's media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaRules {
    /// The phone is known to be behind NAT: learn its media address whatever its SDP says.
    pub nat: bool,
    /// Whether it is encrypted.
    pub srtp: Srtp,
    /// Whether its phones are browsers; if nothing is said, those are that come by WebSocket.
    pub browser: Option<bool>,
}

/// A leg of a call.
#[derive(Debug)]
pub struct Leg {
    /// Its number.
    pub id: LegId,
    /// The other end.
    pub party: Party,
    pub(crate) state: State,
    /// The media port is open, and not yet reported closed.
    pub(crate) port: Port,
    /// Keys of it have come in its media.
    pub(crate) keys_in_media: bool,
    /// It holds, and has fallen silent: until then it may.
    pub(crate) patience: Option<Time>,
    /// Its INVITE, as long as it may be said again in other words.
    pub(crate) invite: Option<Box<sip::Outgoing>>,
    /// The caller takes an offer of ours before the answer.
    pub(crate) hears_reliably: bool,
    /// Those who ring behind it.
    pub(crate) forks: crate::forks::Forks,
    pub(crate) local: Local,
    signalling: IpAddr,
    nat: bool,
    random: Random,
    /// Our certificates' fingerprints, where we have any for browsers, and which is shown.
    fingerprints: Option<Arc<[String; 2]>>,
    certificate: usize,
    pub(crate) stream: Option<Stream>,
    /// What the caller was told of the session before the answer, which has to repeat it.
    pub(crate) early: Option<Bytes>,
    /// Where it stood before its media moved, until that port is closed.
    pub(crate) left: Option<SocketAddr>,
    pub(crate) sounds: Sounds,
}

/// How a leg sounds just now, 1 to 4.4 (E-model).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sounds {
    /// What it says; none while it says next to nothing.
    pub mos: Option<f32>,
    /// What it hears, by its own reports.
    pub remote_mos: Option<f32>,
}

/// What a phone's SDP cannot have: the SIP status that says so.
pub(crate) type Unacceptable = u16;

/// How far the SIP dialog has come.
#[derive(Debug)]
pub(crate) enum State {
    /// Nobody's yet: the first who answers of those we ring will be the caller.
    Awaited,
    /// The caller waits for our final answer; his offer, where he made one.
    Knocking { offer: Option<Bytes> },
    /// We have called and wait.
    Dialling,
    /// Answered.
    Up,
    /// No dialog any more.
    Ended,
}

/// What became of the media port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Reserved,
    Open,
    Closing,
    Home,
}

/// How a codec is offered.
pub fn format(codec: Codec) -> Format {
    match codec {
        Codec::Pcmu => Format::pcmu(),
        Codec::Pcma => Format::pcma(),
        Codec::G722 => Format::g722(),
        Codec::Opus => Format::opus(codec.payload_type()),
    }
}

impl Leg {
    pub(crate) fn new(mut new: NewLeg, state: State, conf: &CallConf) -> Leg {
        let keyed = new.hides_keys && new.media.srtp != Srtp::Off && !new.is_browser;
        let local = Local {
            address: new.local,
            session_id: new.session_id,
            version: 1,
            codecs: conf.formats.clone(),
            ptime_ms: 20,
            direction: Direction::SendRecv,
            security: Security {
                srtp: new.media.srtp,
                keys: if keyed { security::keys(&mut new.random) } else { Vec::new() },
                browser: new.is_browser,
                ..Security::default()
            },
        };
        let (signalling, nat) = (new.signalling, new.media.nat);
        let mut leg = Leg {
            id: new.leg,
            party: new.party,
            state,
            port: Port::Reserved,
            keys_in_media: false,
            patience: None,
            invite: None,
            hears_reliably: false,
            forks: crate::forks::Forks::default(),
            local,
            signalling,
            nat,
            random: new.random,
            fingerprints: conf.fingerprints.clone(),
            certificate: 0,
            stream: None,
            early: None,
            left: None,
            sounds: Sounds::default(),
        };
        let offers_to_browser = leg.local.security.browser;
        let is_asked = matches!(&leg.state, State::Knocking { offer: Some(offer) } if sdp::is_browsers(offer));
        if offers_to_browser || is_asked {
            leg.meet_browser();
        }
        leg
    }

    /// Has something to say to a browser from now on.
    fn meet_browser(&mut self) {
        if let (Some(fingerprints), None) = (&self.fingerprints, &self.local.security.dtls) {
            let fingerprint = &fingerprints[self.certificate];
            self.local.security.dtls = Some(security::dtls(fingerprint, &mut self.random));
        }
    }

    /// Where its RTP is received.
    pub fn local(&self) -> SocketAddr {
        self.local.address
    }

    /// Its media is received here from now on; what we say next tells so.
    pub(crate) fn stand_at(&mut self, local: SocketAddr) {
        self.local.address = local;
        // Counters stay where they were: the new place begins with keys, and for a browser with a certificate, of its own.
        let Leg { local: Local { security, .. }, random, certificate, fingerprints, .. } = self;
        if !security.keys.is_empty() {
            security.keys = security::keys(random);
        }
        if let (Some(dtls), Some(fingerprints)) = (&mut security.dtls, fingerprints) {
            *certificate = 1 - *certificate;
            dtls.fingerprint.clone_from(&fingerprints[*certificate]);
            security::restart(dtls, random);
        }
    }

    /// The codec agreed on, once there is one.
    pub fn codec(&self) -> Option<Codec> {
        self.stream.as_ref().and_then(|stream| Codec::from_name(&stream.format.encoding))
    }

    /// Our offer: all we speak, or what was agreed before.
    pub(crate) fn offer(&self) -> Bytes {
        sdp::offer(&self.local).into()
    }

    /// Does our offer leave it to the phone whether to encrypt?
    pub(crate) fn leaves_choice(&self) -> bool {
        self.local.security.srtp == Srtp::Preferred && !self.local.security.keys.is_empty()
    }

    /// From now on it does not.
    pub(crate) fn must_encrypt(&mut self) {
        self.local.security.srtp = Srtp::Required;
        self.local.version += 1;
    }

    /// What the other end speaks, in its order: the codec agreed on, or all of its offer.
    pub(crate) fn speaks(&self) -> Vec<Codec> {
        match (&self.state, self.codec()) {
            (_, Some(codec)) => vec![codec],
            (State::Knocking { offer: Some(offer) }, None) => {
                sdp::formats(offer).iter().filter_map(|format| Codec::from_name(&format.encoding)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Puts these codecs first among those we offer, in this order: what the other side of the call speaks need not be
    /// transcoded.
    pub(crate) fn prefer(&mut self, codecs: &[Codec]) {
        let place = |format: &Format| codecs.iter().position(|codec| format.encoding == codec.name());
        self.local.codecs.sort_by_key(|format| place(format).unwrap_or(codecs.len()));
    }

    /// Answers an offer and agrees to it. With `like`, in that codec if the offer has it, then nothing need be
    /// transcoded; or in the other law of G.711, which costs next to nothing; else in the offer's first that we speak.
    pub(crate) fn answer(&mut self, offer: &[u8], like: Option<Codec>) -> Result<Bytes, Unacceptable> {
        if sdp::is_browsers(offer) {
            self.meet_browser();
        }
        let (mut text, mut stream) = self.answer_to(offer, like)?;
        let news = self.stream.as_ref().map(|before| security::news(&before.protection, &stream.protection));
        match news {
            // A phone with a new key counts its packets anew, and perhaps ours: so they get a new key, too.
            Some(News::Key) => self.local.security.keys = security::keys(&mut self.random),
            // RFC 8445 §9: the restart of one side's ICE is answered by the other's.
            Some(News::Ice) => {
                if let Some(dtls) = &mut self.local.security.dtls {
                    security::restart(dtls, &mut self.random);
                }
            }
            Some(News::None) | None => {}
        }
        if matches!(news, Some(News::Key | News::Ice)) {
            (text, stream) = self.answer_to(offer, like)?;
        }
        self.agree(stream);
        Ok(text.into())
    }

    fn answer_to(&self, offer: &[u8], like: Option<Codec>) -> Result<(String, Stream), Unacceptable> {
        let only = |wanted: &dyn Fn(Codec) -> bool| {
            let is_wanted = |format: &&Format| Codec::from_name(&format.encoding).is_some_and(wanted);
            let codecs = self.local.codecs.iter().filter(is_wanted).cloned().collect();
            sdp::answer(offer, &Local { codecs, ..self.local.clone() }).ok()
        };
        let narrowed = like.and_then(|like| {
            let same = only(&|codec| codec == like);
            let law = like.encoding().is_some();
            same.or_else(|| law.then(|| only(&|codec| codec.encoding().is_some())).flatten())
        });
        match narrowed {
            Some(agreed) => Ok(agreed),
            None => sdp::answer(offer, &self.local).map_err(|why| why.status()),
        }
    }

    /// Can this offer be answered at all?
    pub(crate) fn can_answer(&self, offer: &[u8]) -> Result<(), Unacceptable> {
        sdp::answer(offer, &self.local).map(drop).map_err(|why| why.status())
    }

    /// Takes the answer to our offer.
    pub(crate) fn accept(&mut self, answer: &[u8]) -> Result<(), Unacceptable> {
        let stream = sdp::accept(answer, &self.local).map_err(|why| why.status())?;
        self.agree(stream);
        Ok(())
    }

    fn agree(&mut self, stream: Stream) {
        if stream.protection.is_secure() {
            // No later description may take it away.
            self.local.security.srtp = Srtp::Required;
            self.local.security.best_effort = stream.best_effort;
        }
        if let (sdp::Protection::Dtls(browser), Some(dtls)) = (&stream.protection, &mut self.local.security.dtls) {
            (dtls.active, dtls.mid) = (browser.active, browser.mid.clone());
            self.local.security.browser = true;
        }
        self.stream = Some(stream);
        self.local.version += 1; // whatever we say next is a new version (RFC 3264 §8)
    }

    /// Has the phone put the other side on hold: does it not listen (RFC 3264 §8.4)?
    pub(crate) fn holds(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| !stream.direction.sends())
    }

    /// Is it agreed that this phone need not speak? One that holds does not, whatever it might.
    pub(crate) fn may_be_silent(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.direction != Direction::SendRecv)
    }

    /// What `media` must know of the agreement; nothing before there is one.
    pub(crate) fn stream_conf(&self) -> Option<Box<StreamConf>> {
        let stream = self.stream.as_ref()?;
        Some(Box::new(StreamConf {
            remote: stream.remote,
            remote_rtcp: stream.remote_rtcp,
            rtcp_mux: stream.rtcp_mux,
            codec: self.codec()?,
            payload_type: stream.format.payload_type,
            telephone_event: stream.telephone_event,
            telephone_event_rate: stream.telephone_event_rate,
            ptime_ms: stream.ptime_ms,
            sends: matches!(stream.direction, Direction::SendRecv | Direction::SendOnly),
            receives: matches!(stream.direction, Direction::SendRecv | Direction::RecvOnly),
            learn: self.may_learn(stream.remote.ip()).then_some(self.signalling),
            security: security::of(&stream.protection, &self.local.security, self.certificate)?,
        }))
    }

    /// A media source other than the negotiated one may be learnt only where there is a reason to expect one: the
    /// phone's SDP names an address that cannot be where its signalling comes from, or NAT was asked for.
    fn may_learn(&self, negotiated: IpAddr) -> bool {
        self.nat || (negotiated != self.signalling && is_private(negotiated))
    }

    /// How it sounds just now.
    pub fn sounds(&self) -> Sounds {
        self.sounds
    }

    /// Is there a dialog, or one in the making?
    pub fn is_live(&self) -> bool {
        !matches!(self.state, State::Ended | State::Awaited)
    }
}

/// Addresses that mean something only within their own network (RFC 1918, 6598, 3927, 4193, loopback).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64; // RFC 6598
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn offering(codecs: &[Codec]) -> Leg {
        let formats: Vec<Format> = codecs.iter().copied().map(format).collect();
        Leg { local: Local { codecs: formats, ..leg("192.0.2.9", false).local }, ..leg("192.0.2.9", false) }
    }

    #[test]
    fn nothing_is_transcoded_where_both_sides_speak_the_same() {
        use Codec::{G722, Opus, Pcma, Pcmu};
        for (caller, like, answered) in [
            (vec![Opus, G722, Pcma], None, Opus),
            (vec![Pcma, Opus], None, Pcma),
            (vec![Opus, Pcma, Pcmu], Some(Pcmu), Pcmu),
            (vec![Opus, Pcma], Some(Pcmu), Pcma), // the other law, by table
            (vec![Opus, G722], Some(Pcmu), Opus),
            (vec![Pcma, Pcmu], Some(Opus), Pcma),
            (vec![G722, Opus], Some(Opus), Opus),
        ] {
            let mut ours = offering(&[Opus, G722, Pcma, Pcmu]);
            let offer = offering(&caller).offer();
            ours.answer(&offer, like).expect("something in common");
            assert_eq!(ours.codec(), Some(answered), "{caller:?} like {like:?}");
        }
    }

    #[test]
    fn a_called_phone_is_offered_first_what_the_caller_speaks() {
        use Codec::{G722, Opus, Pcma, Pcmu};
        for (caller, offered) in [
            (vec![Pcmu, Pcma], [Pcmu, Pcma, Opus, G722]),
            (vec![G722], [G722, Opus, Pcma, Pcmu]),
            (vec![], [Opus, G722, Pcma, Pcmu]),
        ] {
            let knocking =
                Leg { state: State::Knocking { offer: Some(offering(&caller).offer()) }, ..leg("192.0.2.9", false) };
            assert_eq!(knocking.speaks(), caller);
            let mut called = offering(&[Opus, G722, Pcma, Pcmu]);
            called.prefer(&knocking.speaks());
            let formats = sdp::formats(&called.offer());
            let codecs: Vec<Codec> = formats.iter().filter_map(|format| Codec::from_name(&format.encoding)).collect();
            assert_eq!(codecs, offered, "{caller:?}");
        }
    }

    pub(crate) fn leg(signalling: &str, nat: bool) -> Leg {
        Leg::new(new(signalling, nat), State::Dialling, &conf(&[]))
    }

    fn conf(codecs: &[Codec]) -> CallConf {
        CallConf {
            formats: codecs.iter().copied().map(format).collect(),
            ringback: audio::Sound::from_pcm(Vec::new()),
            hold_music: audio::Sound::from_pcm(Vec::new()).into(),
            features: crate::FeatureConf::default(),
            mask_max: std::time::Duration::from_secs(300),
            record_rate_max: audio::SAMPLE_RATE,
            beep: None,
            clock: base::WallClock { unix_ms_at_zero: 0 },
            fingerprints: Some(Arc::new(["AB", "CD"].map(|octet| [octet; 32].join(":")))),
        }
    }

    fn new(signalling: &str, nat: bool) -> NewLeg {
        NewLeg {
            leg: LegId(1),
            local: "192.0.2.1:30000".parse().expect("an address"),
            session_id: 7,
            party: Party::default(),
            signalling: signalling.parse().expect("an address"),
            media: MediaRules { nat, ..MediaRules::default() },
            random: Random::numbered(0),
            hides_keys: false,
            is_browser: false,
        }
    }

    #[test]
    fn a_phone_with_a_new_key_gets_a_new_one_of_ours() {
        let secure = |seed| {
            let rules = MediaRules { srtp: Srtp::Preferred, ..MediaRules::default() };
            let random = Random::numbered(seed);
            let new = NewLeg { media: rules, random, hides_keys: true, ..new("198.51.100.7", false) };
            Leg::new(new, State::Dialling, &conf(&[Codec::Pcma]))
        };
        let (mut ours, phone, later) = (secure(1), secure(2), secure(3));
        let key = |leg: &Leg| match leg.stream_conf().expect("agreed").security {
            media::Security::Keys { ours, theirs } => (ours, theirs),
            _ => panic!("no keys"),
        };
        ours.answer(&phone.offer(), None).expect("something in common");
        let first = key(&ours);
        ours.answer(&phone.offer(), None).expect("something in common");
        assert_eq!(key(&ours), first, "nothing has changed");
        ours.answer(&later.offer(), None).expect("something in common");
        assert_ne!(key(&ours).0, first.0, "ours");
        assert_ne!(key(&ours).1, first.1, "theirs");
        // And never again without.
        let plain = offering(&[Codec::Pcma]);
        assert_eq!(ours.answer(&plain.offer(), None), Err(488));
    }

    #[test]
    fn a_browser_keeps_its_passwords_till_it_wants_new_ones() {
        let browser = |seed| {
            let rules = MediaRules { srtp: Srtp::Preferred, ..MediaRules::default() };
            let random = Random::numbered(seed);
            let new = NewLeg { media: rules, random, is_browser: true, ..new("198.51.100.7", false) };
            Leg::new(new, State::Dialling, &conf(&[Codec::Opus, Codec::Pcma]))
        };
        let rules = MediaRules { srtp: Srtp::Preferred, ..MediaRules::default() };
        let mut ours =
            Leg::new(NewLeg { media: rules, ..new("198.51.100.7", false) }, State::Dialling, &conf(&[Codec::Pcma]));
        let ice = |leg: &Leg| match leg.stream_conf().expect("agreed").security {
            media::Security::Dtls(dtls) => (dtls.ufrag, dtls.remote_ufrag, dtls.active),
            _ => panic!("no browser's"),
        };
        let (page, restarted) = (browser(1), browser(2));
        ours.answer(&page.offer(), None).expect("something in common");
        let first = ice(&ours);
        ours.answer(&page.offer(), None).expect("something in common");
        assert_eq!(ice(&ours), first, "nothing has changed");
        ours.answer(&restarted.offer(), None).expect("something in common");
        assert!(ice(&ours).0 != first.0 && ice(&ours).1 != first.1, "both have new ones");
        assert!(std::str::from_utf8(&ours.offer()).is_ok_and(|text| text.contains("UDP/TLS/RTP/SAVPF")), "ours, too");
    }

    #[test]
    fn a_media_source_is_learnt_only_for_a_reason() {
        for (signalling, sdp, nat, learns) in [
            ("198.51.100.7", "192.168.1.10", false, true), // a phone behind NAT
            ("198.51.100.7", "198.51.100.7", false, false),
            ("198.51.100.7", "203.0.113.9", false, false), // a carrier's separate media gateway
            ("192.168.1.10", "192.168.1.10", false, false), // a phone on our own network
            ("198.51.100.7", "203.0.113.9", true, true),
            ("198.51.100.7", "100.64.3.2", false, true),
            ("2001:db8::1", "fd00::2", false, true),
        ] {
            let sdp = sdp.parse().expect("an address");
            assert_eq!(leg(signalling, nat).may_learn(sdp), learns, "{signalling} {sdp}");
        }
    }
}
