//! We are a phone to this carrier: REGISTER, and again before it expires (RFC 3261 §10.2).
//!
//! Where it stands: a trunk that wants a registration has one; `trunks` sends what it asks for and tells it the answers.
//! Challenges are answered by the endpoint beneath. It knows no calls.

use std::time::Duration;

use base::{Random, Time};
use sip::digest::Credentials;
use sip::{Answer, Flow, Headers, Host, Method, Name, NameAddr, Outside, Transport, Uri};

/// Where to register, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterConf {
    /// The registrar's domain, in the Request-URI and in our address there.
    pub domain: Host,
    /// Our user there.
    pub user: String,
    /// How long a registration should last; the carrier may grant another time.
    pub expires_secs: u32,
    /// In our Contact: by it a call is known to be this trunk's, wherever it comes from.
    pub line: String,
    /// For its challenges.
    pub credentials: Option<Credentials>,
}

/// A registration of ours.
#[derive(Debug)]
pub struct Registration {
    conf: RegisterConf,
    flow: Flow,
    call_id: String,
    cseq: u32,
    /// The last one is.
    unanswered: bool,
    expires_secs: u32,
    state: State,
    /// What the carrier holds of us.
    held: Option<Held>,
    failures: u32,
    service_route: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be said at that time.
    Waiting { at: Time },
    /// Said. `turn` tells its answer from those to earlier ones.
    Asking { turn: u32 },
    /// It is being taken back.
    Leaving { turn: u32 },
    /// It was taken back.
    Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    until: Time,
    /// The connection it was made by.
    connection: u64,
}

/// What became of a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds for so long.
    Registered {
        /// Seconds.
        secs: u32,
    },
    /// It does not, and is tried again then.
    Failed {
        /// The SIP status.
        status: u16,
        /// What to do about it, where that is known.
        why: &'static str,
        /// How long until the next try.
        again: Duration,
    },
    /// It was taken back.
    Left,
}

impl Registration {
    /// To be made at once.
    pub fn new(conf: RegisterConf, flow: Flow, now: Time, random: &mut Random) -> Registration {
        let soon = Duration::from_millis(random.below(200)); // not all trunks in one packet's time
        Registration {
            call_id: random.token(24),
            expires_secs: conf.expires_secs,
            conf,
            flow,
            cseq: 0,
            unanswered: false,
            state: State::Waiting { at: now + soon },
            held: None,
            failures: 0,
            service_route: Vec::new(),
        }
    }

    /// The conf or our own address may have changed: what has is told the carrier at once.
    pub fn reload(&mut self, conf: RegisterConf, flow: Flow, now: Time) {
        if self.conf != conf || self.flow != flow {
            (self.expires_secs, self.conf, self.flow, self.failures) = (conf.expires_secs, conf, flow, 0);
            self.state = State::Waiting { at: now };
        }
    }

    /// Another server of the carrier's is to be asked from now on. One that is being waited for, and the time to wait after
    /// a failure, are: two servers that are down must not be asked in turns without end.
    pub fn moves_to(&mut self, flow: Flow, now: Time) {
        self.flow = flow;
        if let (State::Waiting { at }, 0) = (&mut self.state, self.failures) {
            *at = now;
        }
    }

    /// When it wants a [`Registration::tick`].
    pub fn deadline(&self) -> Option<Time> {
        match self.state {
            State::Waiting { at } => Some(at),
            State::Asking { .. } | State::Leaving { .. } | State::Left => None,
        }
    }

    /// The REGISTER that is due, if one is, and its turn.
    pub fn tick(&mut self, now: Time) -> Option<(u32, Outside)> {
        if self.held.is_some_and(|held| now >= held.until) {
            self.held = None;
        }
        self.deadline().filter(|at| now >= *at)?;
        Some(self.ask(self.expires_secs, |turn| State::Asking { turn }))
    }

    /// Takes it back, if there is anything to take back.
    pub fn leave(&mut self) -> Option<(u32, Outside)> {
        let asked = matches!(self.state, State::Asking { .. });
        match self.state {
            State::Leaving { .. } | State::Left => None,
            _ if self.held.is_none() && !asked => {
                self.state = State::Left;
                None
            }
            _ => Some(self.ask(0, |turn| State::Leaving { turn })),
        }
    }

    /// Makes it again after it was taken back.
    pub fn come_back(&mut self, now: Time) {
        if matches!(self.state, State::Leaving { .. } | State::Left) {
            (self.state, self.failures) = (State::Waiting { at: now }, 0);
        }
    }

    /// Is the answer to its being taken back still to come?
    pub fn is_leaving(&self) -> bool {
        matches!(self.state, State::Leaving { .. })
    }

    /// For how long it holds from now.
    pub fn holds_for(&self, now: Time) -> Option<Duration> {
        self.held.map(|held| held.until.since(now)).filter(|left| !left.is_zero())
    }

    /// The proxies our requests are to pass (RFC 3608).
    pub fn service_route(&self) -> &[String] {
        &self.service_route
    }

    /// The connection it was made by is gone: nobody there could reach us any more.
    pub fn closed(&mut self, connection: u64, now: Time, random: &mut Random) {
        if self.held.is_some_and(|held| held.connection == connection) && connection != 0 {
            self.held = None;
            if !matches!(self.state, State::Leaving { .. } | State::Left) {
                let soon = Duration::from_millis(random.below(1_000)); // all its customers lost theirs
                self.state = State::Waiting { at: now + soon };
            }
        }
    }

    /// The REGISTER of that turn is answered, or will not be.
    pub fn answered(
        &mut self,
        turn: u32,
        status: u16,
        cseq: u32,
        answer: Option<&Answer>,
        now: Time,
        random: &mut Random,
    ) -> Option<Outcome> {
        self.unanswered &= cseq < self.cseq;
        self.cseq = self.cseq.max(cseq);
        match self.state {
            State::Leaving { turn: last } if last == turn => {
                (self.state, self.held) = (State::Left, None);
                return Some(Outcome::Left);
            }
            State::Asking { turn: last } if last == turn => {}
            _ => return None, // an answer to what is no longer asked
        }
        let granted = answer.filter(|_| (200..300).contains(&status)).map(|answer| (answer, self.granted(answer)));
        match granted {
            Some((answer, secs @ 1..)) => {
                self.failures = 0;
                self.held =
                    Some(Held { until: now + Duration::from_secs(secs.into()), connection: answer.flow.connection });
                self.service_route =
                    answer.headers.all(&Name::ServiceRoute).take(ROUTES_MAX).map(str::to_owned).collect();
                self.state = State::Waiting { at: now + refresh_after(secs, random) };
                return Some(Outcome::Registered { secs });
            }
            _ if status == 423 && self.take_interval(answer) => {
                self.state = State::Waiting { at: now };
                return None;
            }
            _ => {}
        }
        self.failures += 1;
        let (why, first, most) = match status {
            401 | 403 | 404 | 407 => ("wrong user, password or realm in trunks.toml", REFUSED_FIRST, REFUSED_MOST),
            408 | 503 => ("it does not answer", RETRY_FIRST, RETRY_MOST),
            423 => ("it wants a registration longer than a day", REFUSED_FIRST, REFUSED_MOST),
            200..=299 => ("it keeps no contact of ours", REFUSED_FIRST, REFUSED_MOST),
            300..=399 => ("it is elsewhere, and passwords are told nobody else", REFUSED_FIRST, REFUSED_MOST),
            _ => ("it refuses", RETRY_FIRST, RETRY_MOST),
        };
        let backed_off = first.saturating_mul(2_u32.saturating_pow((self.failures - 1).min(16))).min(most);
        let jittered = backed_off.mul_f64(0.5 + 0.5 * random.below(1_000) as f64 / 1_000.0);
        let asked = answer.and_then(|answer| retry_after(&answer.headers)).unwrap_or_default();
        let again = jittered.max(asked.min(REFUSED_MOST));
        self.state = State::Waiting { at: now + again };
        Some(Outcome::Failed { status, why, again })
    }

    /// RFC 3261 §10.2.4: what the carrier says of our Contact, else of all.
    fn granted(&self, answer: &Answer) -> u32 {
        let contacts: Vec<NameAddr> =
            answer.headers.all(&Name::Contact).filter_map(|contact| contact.parse().ok()).collect();
        let is_ours = |contact: &&NameAddr| {
            let uri: Option<Uri> = contact.uri.parse().ok();
            uri.is_some_and(|uri| uri.params.get("line") == Some(&self.conf.line))
        };
        let ours = contacts.iter().find(is_ours);
        if ours.is_none() && !contacts.is_empty() {
            // Some carriers strip parameters; one contact alone is ours all the same.
            let alone = contacts.len() == 1;
            let [of_contact, of_all] = [contacts[0].params.get("expires"), answer.headers.first(&Name::Expires)];
            return if alone { of_contact.or(of_all).map_or(self.expires_secs, secs) } else { 0 };
        }
        let said = ours.and_then(|contact| contact.params.get("expires"));
        said.or(answer.headers.first(&Name::Expires)).map_or(self.expires_secs, secs)
    }

    /// RFC 3261 §10.2.8: a longer interval is wanted. False: one that is out of the question.
    fn take_interval(&mut self, answer: Option<&Answer>) -> bool {
        let least = answer.and_then(|answer| answer.headers.first(&Name::MinExpires)).map_or(0, secs);
        let takes = least > self.expires_secs && least <= EXPIRES_MAX;
        if takes {
            self.expires_secs = least;
        }
        takes
    }

    fn ask(&mut self, expires_secs: u32, state: impl FnOnce(u32) -> State) -> (u32, Outside) {
        // What is still asked may have taken some numbers more for the challenges it met.
        self.cseq += if std::mem::replace(&mut self.unanswered, true) { CHALLENGES_MAX } else { 1 };
        self.state = state(self.cseq);
        let domain = Uri::sip("", self.conf.domain.clone(), None);
        let own = NameAddr::new(Uri { user: Some(self.conf.user.clone()), ..domain.clone() }.to_string());
        let request = Outside {
            method: Method::Register,
            uri: domain.to_string(),
            flow: self.flow,
            from: own.clone(),
            to: own,
            call_id: Some(self.call_id.clone()), // RFC 3261 §10.2.4: the same for all of them
            cseq: self.cseq,
            headers: vec![
                (Name::Contact, self.contact().to_string()),
                (Name::Expires, expires_secs.to_string()),
                (Name::Allow, sip::ALLOW.to_owned()),
                (Name::Supported, "path".to_owned()),
            ],
            body: None,
            credentials: self.conf.credentials.clone(),
        };
        (self.cseq, request)
    }

    fn contact(&self) -> NameAddr {
        let local = self.flow.local;
        let mut uri = Uri::sip(self.conf.user.clone(), Host::Address(local.ip()), Some(local.port()));
        if self.flow.transport != Transport::Udp {
            uri.params.set("transport", Some(self.flow.transport.as_param().to_owned()));
        }
        uri.params.set("line", Some(self.conf.line.clone()));
        NameAddr::new(uri.to_string())
    }
}

/// Early enough for one REGISTER more that nobody answers (32 s), and not all customers of a carrier at once.
fn refresh_after(secs: u32, random: &mut Random) -> Duration {
    let granted = Duration::from_secs(secs.into());
    let latest = if secs > 80 { granted - (granted / 4).max(Duration::from_secs(40)) } else { granted / 2 };
    latest.mul_f64(0.9 + 0.1 * random.below(1_000) as f64 / 1_000.0)
}

fn secs(text: &str) -> u32 {
    text.trim().parse().unwrap_or(0)
}

/// How long to stay away (RFC 3261 §20.33): `120`, `120 (maintenance)`, `120;duration=60`.
pub fn retry_after(headers: &Headers) -> Option<Duration> {
    let text = headers.first(&Name::RetryAfter)?;
    let digits = text.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok().map(Duration::from_secs)
}

/// The first wait after silence or a fault of the carrier's, and the longest.
const RETRY_FIRST: Duration = Duration::from_secs(4);
const RETRY_MOST: Duration = Duration::from_secs(300);
/// The same after a refusal: who comes again too soon with a wrong password is kept out.
const REFUSED_FIRST: Duration = Duration::from_secs(60);
const REFUSED_MOST: Duration = Duration::from_secs(3600);
/// A REGISTER is said at most so often until its challenges are answered.
const CHALLENGES_MAX: u32 = 8;
/// No registration lasts longer.
const EXPIRES_MAX: u32 = 24 * 3600;
/// More proxies nobody has on the way.
const ROUTES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        registration: Registration,
        random: Random,
        now: Time,
    }

    fn flow() -> Flow {
        let [local, remote] = ["192.0.2.1:5060", "198.51.100.1:5060"].map(|text| text.parse().unwrap());
        Flow { transport: Transport::Udp, local, remote, connection: 0 }
    }

    fn conf() -> RegisterConf {
        let domain = "carrier.example".parse().unwrap();
        RegisterConf { domain, user: "centre".into(), expires_secs: 3600, line: "ab12".into(), credentials: None }
    }

    fn world() -> World {
        let mut random = Random::numbered(1);
        let registration = Registration::new(conf(), flow(), Time::ZERO, &mut random);
        World { registration, random, now: Time::ZERO }
    }

    fn answer(headers: &[(Name, &str)]) -> Answer {
        let mut all = Headers::default();
        headers.iter().for_each(|(name, value)| all.push(name.clone(), *value));
        Answer { headers: all, body: Default::default(), flow: Flow { connection: 7, ..flow() } }
    }

    impl World {
        /// Waits for the next REGISTER: how long it took, its turn and what it says.
        fn next(&mut self) -> (Duration, u32, Outside) {
            let before = self.now;
            self.now = self.registration.deadline().expect("something is due").max(self.now);
            let (turn, request) = self.registration.tick(self.now).expect("a REGISTER");
            (self.now.since(before), turn, request)
        }

        fn say(&mut self, turn: u32, status: u16, headers: &[(Name, &str)]) -> Option<Outcome> {
            let answer = answer(headers);
            let answer = Some(&answer).filter(|_| status != 408);
            self.registration.answered(turn, status, turn + 1, answer, self.now, &mut self.random)
        }
    }

    fn value<'a>(request: &'a Outside, name: &Name) -> &'a str {
        request.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    #[test]
    fn a_registration_is_refreshed_before_it_expires() {
        let mut world = world();
        let (_, turn, request) = world.next();
        assert_eq!(
            (request.uri.as_str(), request.to.to_string().as_str()),
            ("sip:carrier.example", "<sip:centre@carrier.example>")
        );
        assert_eq!(value(&request, &Name::Contact), "<sip:centre@192.0.2.1:5060;line=ab12>");
        assert_eq!(value(&request, &Name::Expires), "3600");
        let contact = (Name::Contact, "<sip:centre@192.0.2.1:5060;line=ab12>;expires=600");
        let others = (Name::Contact, "<sip:centre@192.0.2.9>;expires=9");
        assert_eq!(world.say(turn, 200, &[others, contact]), Some(Outcome::Registered { secs: 600 }));
        let (waited, again, refresh) = world.next();
        assert!((400..=450).contains(&waited.as_secs()), "{waited:?}");
        assert_eq!((refresh.call_id, refresh.cseq), (request.call_id, again));
        assert!(again > turn + 1, "the number goes on after what the challenge took");
    }

    #[test]
    fn the_carrier_says_how_long() {
        for (headers, granted) in [
            (vec![(Name::Contact, "<sip:x@y;line=ab12>;expires=120")], 120),
            (vec![(Name::Contact, "<sip:centre@203.0.113.9>"), (Name::Expires, "90")], 90),
            (vec![(Name::Expires, "77")], 77),
            (vec![], 3600),
        ] {
            let mut world = world();
            let (_, turn, _) = world.next();
            assert_eq!(world.say(turn, 200, &headers), Some(Outcome::Registered { secs: granted }), "{headers:?}");
            let (waited, _, _) = world.next();
            assert!(waited.as_secs() < u64::from(granted), "{waited:?}");
        }
        let mut world = world();
        let (_, turn, _) = world.next();
        let others = [(Name::Contact, "<sip:a@b>"), (Name::Contact, "<sip:c@d>")];
        assert!(matches!(world.say(turn, 200, &others), Some(Outcome::Failed { status: 200, .. })));
    }

    #[test]
    fn an_interval_too_brief_is_said_again_at_once() {
        let mut world = world();
        let (_, turn, _) = world.next();
        assert_eq!(world.say(turn, 423, &[(Name::MinExpires, "7200")]), None);
        let (waited, turn, request) = world.next();
        assert_eq!((waited, value(&request, &Name::Expires)), (Duration::ZERO, "7200"));
        for mad in ["7200", "99999999", "x"] {
            let mut other = super::tests::world();
            other.registration.expires_secs = 7200;
            let (_, turn, _) = other.next();
            assert!(matches!(other.say(turn, 423, &[(Name::MinExpires, mad)]), Some(Outcome::Failed { .. })), "{mad}");
        }
        assert!(world.say(turn, 200, &[]).is_some());
    }

    #[test]
    fn failures_are_tried_again_ever_later_and_never_in_step() {
        let mut world = world();
        for (most, status) in
            [(4, 408), (8, 503), (16, 500), (32, 408), (64, 408), (128, 408), (256, 408), (300, 408), (300, 408)]
        {
            let (_, turn, _) = world.next();
            let Some(Outcome::Failed { again, .. }) = world.say(turn, status, &[]) else { panic!("a failure") };
            assert!(again >= Duration::from_secs(most) / 2 && again <= Duration::from_secs(most), "{most} {again:?}");
        }
        let (_, turn, _) = world.next();
        let Some(Outcome::Failed { again, .. }) = world.say(turn, 503, &[(Name::RetryAfter, "900 (later)")]) else {
            panic!()
        };
        assert_eq!(again.as_secs(), 900);
    }

    #[test]
    fn a_wrong_password_waits_long() {
        let mut world = world();
        let (_, turn, _) = world.next();
        let Some(Outcome::Failed { again, .. }) = world.say(turn, 403, &[]) else { panic!("a failure") };
        assert!(again.as_secs() >= 30, "{again:?}");
    }

    #[test]
    fn a_lost_connection_or_another_address_registers_anew() {
        let mut world = world();
        let (_, turn, _) = world.next();
        world.say(turn, 200, &[]);
        world.registration.closed(8, world.now, &mut world.random);
        assert!(world.registration.holds_for(world.now).is_some());
        world.registration.closed(7, world.now, &mut world.random);
        assert_eq!(world.registration.holds_for(world.now), None);
        let (waited, turn, _) = world.next();
        assert!(waited < Duration::from_secs(1));
        world.say(turn, 200, &[]);
        world.registration.reload(conf(), flow(), world.now);
        assert!(world.registration.deadline() > Some(world.now), "nothing changed");
        let moved = Flow { local: "192.0.2.77:5060".parse().unwrap(), ..flow() };
        world.registration.reload(conf(), moved, world.now);
        let (waited, _, request) = world.next();
        assert_eq!(
            (waited, value(&request, &Name::Contact)),
            (Duration::ZERO, "<sip:centre@192.0.2.77:5060;line=ab12>")
        );
    }

    #[test]
    fn two_servers_that_are_down_are_not_asked_in_turns_without_end() {
        let mut world = world();
        let other = Flow { remote: "198.51.100.2:5060".parse().unwrap(), ..flow() };
        let mut waits = Vec::new();
        for flow in [other, flow(), other, flow()] {
            let (_, turn, _) = world.next();
            let Some(Outcome::Failed { again, .. }) = world.say(turn, 503, &[]) else { panic!("a failure") };
            world.registration.moves_to(flow, world.now);
            waits.push(again);
            assert_eq!(world.registration.deadline(), Some(world.now + again));
        }
        assert!(waits[3] >= Duration::from_secs(16), "{waits:?}");
        // One that holds moves at once.
        let (_, turn, _) = world.next();
        world.say(turn, 200, &[]);
        world.registration.moves_to(other, world.now);
        let (waited, _, request) = world.next();
        assert_eq!((waited, request.flow), (Duration::ZERO, other));
    }

    #[test]
    fn it_is_taken_back_once_and_only_if_it_was_made() {
        let mut world = world();
        let mut other = super::tests::world();
        assert_eq!(other.registration.leave(), None);
        assert!(!other.registration.is_leaving());
        let (_, turn, _) = world.next();
        world.say(turn, 200, &[]);
        let (turn, request) = world.registration.leave().expect("a REGISTER");
        assert_eq!(value(&request, &Name::Expires), "0");
        assert_eq!(world.registration.leave(), None);
        assert_eq!(world.say(turn, 200, &[]), Some(Outcome::Left));
        assert_eq!(world.registration.deadline(), None);
        world.registration.come_back(world.now);
        world.next();
    }

    #[test]
    fn a_late_answer_means_nothing() {
        let mut world = world();
        let (_, turn, _) = world.next();
        let moved = Flow { local: "192.0.2.77:5060".parse().unwrap(), ..flow() };
        world.registration.reload(conf(), moved, world.now);
        let (_, second, _) = world.next();
        assert!(second > turn + 1, "the first one may have been said again with a password");
        assert_eq!(world.say(turn, 403, &[]), None);
        assert!(world.say(second, 200, &[]).is_some());
    }
}
