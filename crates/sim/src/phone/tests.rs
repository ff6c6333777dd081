//! Two phones face to face, each the other's server.

use std::net::SocketAddr;

use audio::{Codec, Sound, goertzel};

use super::*;
use crate::network::{self, Datagram, Network, NetworkConf};

const ANN: usize = 0;
const BOB: usize = 1;

struct Pair {
    phones: [Phone; 2],
    network: Network,
    now: Time,
    events: [Vec<Event>; 2],
}

impl Pair {
    fn new(network: NetworkConf, bob: Manner) -> Pair {
        let address = |n: usize, port: u16| SocketAddr::from(([198, 51, 100, n as u8 + 1], port));
        let phone = |n: usize, hz: f64, manner| {
            let conf = PhoneConf {
                sip: address(n, 5060),
                rtp: address(n, 4000),
                server: address(1 - n, 5060),
                voice: Sound::from_pcm(audio::tone(&[(hz, -12.0)], 1000)),
                manner,
                ..example(["ann", "bob"][n])
            };
            Phone::new(conf, Random::numbered(n as u64))
        };
        let phones = [phone(ANN, 600.0, Manner::Scripted), phone(BOB, 900.0, bob)];
        Pair {
            phones,
            network: Network::new(network, Random::numbered(9)),
            now: Time::ZERO,
            events: Default::default(),
        }
    }

    fn tell(&mut self, who: usize, input: Input) {
        let mut out = Vec::new();
        self.phones[who].handle(input, self.now, &mut out);
        let mut arrived = Vec::new();
        for output in out {
            let (from, to, bytes) = match output {
                Output::Sip { to, bytes } => (self.phones[who].conf.sip, to, bytes),
                Output::Rtp { to, bytes } => (self.phones[who].conf.rtp, to, bytes),
                Output::Event(event) => {
                    self.events[who].push(event);
                    continue;
                }
            };
            self.network.handle(network::Input::Sent(Datagram { from, to, bytes }), self.now, &mut arrived);
        }
        assert!(arrived.is_empty());
    }

    fn push(&mut self, who: usize, button: Command) {
        self.tell(who, Input::Command(button));
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            let [ann, bob] = [ANN, BOB].map(|who| self.phones[who].deadline());
            let Some(due) = [ann, bob, self.network.deadline()].into_iter().flatten().min().filter(|at| *at <= end)
            else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            let mut arrived = Vec::new();
            self.network.handle(network::Input::Tick, self.now, &mut arrived);
            for Datagram { from, to, bytes } in arrived {
                let who = if to.ip() == self.phones[ANN].conf.sip.ip() { ANN } else { BOB };
                let input = if to.port() == 5060 { Input::Sip(bytes) } else { Input::Rtp { from, bytes } };
                self.tell(who, input);
            }
            for who in [ANN, BOB] {
                if self.phones[who].deadline().is_some_and(|at| at <= self.now) {
                    self.tell(who, Input::Tick);
                }
            }
        }
    }

    /// The events but for the messages.
    fn told(&self, who: usize) -> Vec<Event> {
        let message = |event: &&Event| !matches!(event, Event::Said(_) | Event::Heard(_));
        self.events[who].iter().filter(message).cloned().collect()
    }

    fn call(&mut self) {
        self.push(ANN, Command::Call(Dial { to: "bob".into(), ..Dial::default() }));
    }

    fn heard(&self, who: usize, hz: f64) -> bool {
        let heard = self.phones[who].ear().map(|ear| ear.since(self.now - Duration::from_millis(200)));
        heard.is_some_and(|samples| goertzel::share(&samples, hz) > 0.9)
    }
}

const SOON: Manner = Manner::Answers { rings: Duration::from_millis(500) };
const BAD: NetworkConf = NetworkConf {
    delay: Duration::from_millis(10),
    jitter: Duration::from_millis(30),
    lost_permille: 200,
    lost_in_a_row: 1,
    doubled_permille: 100,
};

#[test]
fn two_phones_talk_and_one_hangs_up() {
    let mut pair = Pair::new(NetworkConf::default(), SOON);
    pair.call();
    pair.pass(1_000);
    assert_eq!(pair.told(ANN), [Event::Answered]);
    assert_eq!(pair.told(BOB), [Event::Knocks, Event::Answered, Event::Confirmed]);
    assert!(pair.heard(ANN, 900.0) && pair.heard(BOB, 600.0));
    assert_eq!(pair.phones[ANN].ear().map(|ear| (ear.streams(), ear.missing())), Some((1, 0)));
    pair.push(BOB, Command::HangUp);
    pair.pass(100);
    assert_eq!(pair.told(ANN), [Event::Answered, Event::Ended { by_us: false }]);
    assert!(pair.phones.iter().all(|phone| phone.is_quiet() && !phone.is_busy() && phone.deadline().is_none()));
}

#[test]
fn a_bad_network_only_takes_longer() {
    let mut pair = Pair::new(BAD, SOON);
    for _ in 0..20 {
        pair.call();
        pair.pass(40_000);
        assert!(pair.phones[ANN].is_talking() && pair.phones[BOB].is_talking());
        pair.push(ANN, Command::HangUp);
        pair.pass(40_000);
        assert!(pair.phones.iter().all(|phone| phone.is_quiet() && !phone.is_busy()));
    }
    let told = pair.told(ANN);
    assert_eq!(told.iter().filter(|event| **event == Event::Answered).count(), 20, "{told:?}");
    assert_eq!(pair.told(BOB).iter().filter(|event| **event == Event::Confirmed).count(), 20);
}

#[test]
fn a_caller_who_gives_up_cancels_when_he_may() {
    for network in [NetworkConf::default(), BAD] {
        for after_ms in [0, 1, 2, 200] {
            let mut pair = Pair::new(network, Manner::Rings);
            pair.call();
            pair.pass(after_ms);
            pair.push(ANN, Command::HangUp);
            pair.pass(40_000);
            assert_eq!(pair.told(ANN), [Event::Refused { status: 487 }], "after {after_ms} ms");
            assert_eq!(pair.told(BOB), [Event::Knocks, Event::Ended { by_us: false }]);
            assert!(pair.phones.iter().all(|phone| phone.is_quiet() && !phone.is_busy()));
        }
    }
}

#[test]
fn a_cancel_that_crosses_the_answer_becomes_a_bye() {
    let mut pair = Pair::new(NetworkConf::default(), Manner::Scripted);
    pair.call();
    pair.pass(10);
    pair.push(BOB, Command::Say { status: 180, codecs: None, reliably: false });
    pair.pass(10);
    pair.push(BOB, Command::Say { status: 200, codecs: None, reliably: false });
    pair.push(ANN, Command::HangUp);
    pair.pass(100);
    assert_eq!(pair.told(ANN), [Event::Answered, Event::Ended { by_us: true }]);
    assert_eq!(pair.told(BOB)[..2], [Event::Knocks, Event::Answered]);
    assert_eq!(pair.told(BOB).last(), Some(&Event::Ended { by_us: false }));
}

#[test]
fn a_refusal_is_told_and_acknowledged() {
    for network in [NetworkConf::default(), BAD] {
        let mut pair = Pair::new(network, Manner::Refuses { status: 486 });
        pair.call();
        pair.pass(40_000);
        assert_eq!(pair.told(ANN), [Event::Refused { status: 486 }]);
        assert!(pair.phones.iter().all(Phone::is_quiet));
    }
}

#[test]
fn an_offer_may_come_with_the_answer() {
    let mut pair = Pair::new(NetworkConf::default(), SOON);
    pair.push(ANN, Command::Call(Dial { to: "bob".into(), codecs: Some(Vec::new()), ..Dial::default() }));
    pair.pass(1_000);
    assert!(pair.heard(ANN, 900.0) && pair.heard(BOB, 600.0));
}

#[test]
fn who_holds_is_silent_until_he_resumes() {
    let mut pair = Pair::new(NetworkConf::default(), SOON);
    pair.push(ANN, Command::Call(Dial { to: "bob".into(), codecs: Some(vec![Codec::Pcma]), ..Dial::default() }));
    pair.pass(1_000);
    pair.push(ANN, Command::Change { hold: Some(Hold::SendOnly), by: By::Invite });
    pair.pass(500);
    assert!(!pair.heard(ANN, 900.0) && !pair.heard(BOB, 600.0));
    pair.push(ANN, Command::Change { hold: None, by: By::Invite });
    pair.pass(500);
    assert!(pair.heard(ANN, 900.0) && pair.heard(BOB, 600.0));
    assert_eq!(pair.told(ANN)[1..], [Event::Changed { status: 200 }, Event::Changed { status: 200 }]);
}

#[test]
fn keys_are_heard_once_each() {
    let mut pair = Pair::new(NetworkConf { lost_permille: 100, ..BAD }, SOON);
    pair.call();
    pair.pass(20_000);
    for key in "12#".chars() {
        pair.push(ANN, Command::Press { key, by: Keys::Event });
    }
    pair.pass(2_000);
    assert_eq!(pair.phones[BOB].ear().map(Ear::keys), Some("12#"));
}

#[test]
fn a_phone_without_its_plug_says_nothing() {
    let mut pair = Pair::new(NetworkConf::default(), SOON);
    pair.call();
    pair.pass(1_000);
    pair.push(BOB, Command::Vanish);
    pair.push(ANN, Command::HangUp);
    pair.pass(40_000);
    assert!(pair.phones.iter().all(|phone| phone.is_quiet() && phone.deadline().is_none()));
}
