//! How soon an agent is rung once he is ready: a whole switch in memory, with as many callers who wait as agents, from the
//! agent's word to the INVITE that leaves for his phone. `cargo test --release --test ready -- --ignored --nocapture` says it;
//! what is looked at without being asked is that each agent gets a caller at once, and which.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base::{Random, Time, WallClock};
use bytes::Bytes;
use centrala::conf::Conf;
use centrala::{Input, Output, Switch};
use sim::phone::{self, Phone, PhoneConf};
use sip::{Flow, Transport};

const SWITCH: &str = "192.0.2.1:5060";
const CARRIER: &str = "203.0.113.5:5060";

struct Centre {
    switch: Switch,
    now: Time,
    folder: PathBuf,
}

impl Drop for Centre {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Centre {
    /// So many agents with a phone each, and so many callers who wait.
    fn new(agents: usize) -> Centre {
        let folder = std::env::temp_dir().join(format!("centrala-ready-{}-{agents}", std::process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        let names: Vec<String> = (0..agents).map(|number| format!("a{number}")).collect();
        let people: String = names.iter().map(|name| format!("[{name}]\npassword = \"secret\"\n")).collect();
        let switch = format!("listen = [\"{SWITCH}\"]\ncalls_max = 20000\n[media]\nports = \"20000-39999\"\n");
        let queue = format!("[queue.all]\nagents = {names:?}\ncallers_max = {agents}\n");
        let routes = "[[route]]\nnumber = \"400\"\nto = \"queue:all\"\n";
        let trunks = format!("[carrier]\naddress = \"{CARRIER}\"\n");
        for (file, text) in [
            ("switch.toml", switch.as_str()),
            ("people.toml", &people),
            ("queues.toml", &queue),
            ("routes.toml", routes),
            ("trunks.toml", &trunks),
        ] {
            fs::write(folder.join(file), text).expect("a conf");
        }
        let conf = Conf::load(&folder).unwrap_or_else(|problems| panic!("{problems}"));
        let own: SocketAddr = SWITCH.parse().expect("an address");
        let clock = WallClock { unix_ms_at_zero: 1_795_430_000_000 };
        let switch = Switch::new(&conf, move |_, _| own, clock, Random::numbered(1));
        let mut centre = Centre { switch, now: Time::from_millis(1), folder };
        for (number, name) in names.iter().enumerate() {
            centre.register(number, name);
        }
        (0..agents).for_each(|number| centre.calls(number));
        centre
    }

    fn hears(&mut self, from: SocketAddr, bytes: Bytes) -> Vec<Output> {
        let local = SWITCH.parse().expect("an address");
        let flow = Flow { transport: Transport::Udp, local, remote: from, connection: 0 };
        let mut out = Vec::new();
        self.switch.handle(Input::Sip(sip::Input::Received { flow, bytes }), self.now, &mut out);
        out
    }

    fn register(&mut self, number: usize, name: &str) {
        let sip = SocketAddr::from(([198, 18, (number / 250) as u8, (number % 250) as u8 + 1], 5060));
        let conf = PhoneConf { sip, password: Some("secret".to_owned()), ..phone::example(name) };
        let mut phone = Phone::new(conf, Random::numbered(number as u64));
        let mut said = Vec::new();
        let register = phone::Command::Register { expires_secs: 3600 };
        phone.handle(phone::Input::Command(register), self.now, &mut said);
        while let Some(output) = said.pop() {
            let phone::Output::Sip { bytes, .. } = output else { continue };
            self.now += Duration::from_millis(5); // strangers are not many at once
            for answer in self.hears(sip, bytes) {
                if let Output::Send { bytes, .. } = answer {
                    phone.handle(phone::Input::Sip(bytes), self.now, &mut said);
                }
            }
        }
    }

    fn calls(&mut self, number: usize) {
        let sdp =
            "v=0\r\no=- 1 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
        let invite = format!(
            "INVITE sip:400@{SWITCH} SIP/2.0\r\nVia: SIP/2.0/UDP {CARRIER};branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n\
             From: <sip:{number}@{CARRIER}>;tag=t{number}\r\nTo: <sip:400@{SWITCH}>\r\nCall-ID: c{number}\r\nCSeq: 1 INVITE\r\n\
             Contact: <sip:{CARRIER}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        );
        self.now += Duration::from_millis(1);
        self.hears(CARRIER.parse().expect("an address"), invite.into());
    }

    /// The agent is ready: how long until the INVITE to his phone is there to be sent, and how many there are.
    #[allow(clippy::disallowed_methods)] // it is measured
    fn ready(&mut self, number: usize) -> (Duration, usize) {
        let agent = format!("a{number}").parse().expect("a name");
        let mut out = Vec::new();
        let began = Instant::now();
        self.switch.command_queues(acd::Input::Ready { agent }, self.now, &mut out);
        let took = began.elapsed();
        let to = format!("INVITE sip:a{number}@");
        let invites =
            out.iter().filter(|out| matches!(out, Output::Send { bytes, .. } if bytes.starts_with(to.as_bytes())));
        (took, invites.count())
    }
}

fn measure(agents: usize) -> Vec<Duration> {
    let mut centre = Centre::new(agents);
    let mut took = Vec::with_capacity(agents);
    for number in 0..agents {
        let waiting = centre.switch.acd().queues(centre.now)[0].waiting;
        assert_eq!(waiting, agents, "who is rung for still waits");
        let (time, invites) = centre.ready(number);
        assert_eq!(invites, 1, "agent {number} is rung once, at once");
        took.push(time);
    }
    let states = centre.switch.acd().states();
    assert!(states.into_iter().all(|state| state == acd::AgentState::Offered));
    took
}

#[test]
fn every_agent_is_rung_in_the_step_in_which_he_is_ready() {
    measure(40);
}

#[test]
#[ignore = "measures: run it alone, with --release"]
fn a_thousand_agents_and_a_thousand_callers() {
    let mut took = measure(1_000);
    took.sort();
    let at = |permille: usize| took[(took.len() * permille / 1000).min(took.len() - 1)];
    println!("ready to INVITE: median {:?}, p99 {:?}, longest {:?}", at(500), at(990), at(999));
    assert!(at(990) < Duration::from_millis(5));
}
