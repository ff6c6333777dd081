//! sipp playing a phone or a carrier: one scenario, one call, and it must go as written.

use std::cell::OnceCell;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use super::process::Process;
use super::switch::{TLS_PORT, password};
use super::tunnel::Tunnel;
use super::{Scratch, ports, sound, until};

/// How loud a whistle is a scenario's business; how high is ours.
pub const TONE_HZ: u32 = 700;

/// Somebody to be played.
#[derive(Clone)]
pub struct Party {
    user: String,
    password: String,
    local: SocketAddr,
    transport: &'static str,
    tunnel: Rc<OnceCell<Tunnel>>,
}

/// What all everyday ladders are climbed by. sipp itself is rarely built with TLS, and forgets its connections: a [`Tunnel`]
/// does neither.
pub const TRANSPORTS: [&str; 3] = ["UDP", "TCP", "TLS"];

impl Party {
    /// One of the people, at a UDP port of her own.
    pub fn new(user: &str) -> Party {
        let local = SocketAddr::from(([127, 0, 0, 1], ports::block(2)));
        Party { user: user.to_owned(), password: password(user), local, transport: "UDP", tunnel: Rc::default() }
    }

    /// Where it speaks from.
    pub fn port(&self) -> u16 {
        self.local.port()
    }

    pub fn at(self, local: SocketAddr) -> Party {
        Party { local, ..self }
    }

    /// By one of the [`TRANSPORTS`]. For TLS, the switch listens [for that](super::switch::Centre::listen_tls), too.
    pub fn by(self, transport: &'static str) -> Party {
        Party { transport, ..self }
    }

    pub fn with_password(self, password: &str) -> Party {
        Party { password: password.to_owned(), ..self }
    }

    /// Registers, and is registered when this returns.
    pub fn register(&self, room: &Scratch, switch: SocketAddr) {
        self.play("register", room, switch, "", &[]).passes();
    }

    /// Plays a scenario that waits for a call; when this returns, it waits.
    pub fn expect(&self, scenario: &str, room: &Scratch, switch: SocketAddr, words: &[(&str, &str)]) -> Play {
        let play = self.play(scenario, room, switch, "", words);
        until("sipp waiting for a call", Duration::from_secs(10), || {
            let taken = if self.transport == "UDP" { ports::is_udp_taken } else { ports::is_tcp_taken };
            taken(self.local.port()).then_some(())
        });
        play
    }

    /// Plays a scenario that begins by itself; `to` is the number it dials. `words` take the place of placeholders.
    pub fn play(&self, scenario: &str, room: &Scratch, switch: SocketAddr, to: &str, words: &[(&str, &str)]) -> Play {
        let folder = room.folder(&format!("sipp-{}-{}", self.user, self.local.port()));
        let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/sipp").join(format!("{scenario}.xml"));
        let mut text = fs::read_to_string(&written).unwrap_or_else(|why| panic!("{}: {why}", written.display()));
        let tone = folder.join("tone.alaw");
        sound::write_alaw_tone(&tone, TONE_HZ, 10);
        let tone = tone.display().to_string();
        let switch = match self.transport {
            "UDP" => switch,
            _ => self.tunnel.get_or_init(|| self.tunnel_to(room, switch)).address,
        };
        text = text.replace("[transport]", self.transport); // sipp takes TLS for TCP
        for (placeholder, word) in [("TONE", tone.as_str()), ("TRANSPORT", self.transport)].iter().chain(words) {
            text = text.replace(placeholder, word);
        }
        let file = folder.join(format!("{scenario}.xml"));
        fs::write(&file, text).expect("a file in our own folder");

        let address = self.local.ip().to_string();
        let (port, media) = (self.local.port().to_string(), ports::block(4).to_string());
        let transport = if self.transport == "UDP" { "u1" } else { "t1" };
        let mut sipp = Command::new("sipp");
        sipp.arg(switch.to_string()).arg("-sf").arg(&file).current_dir(&folder);
        sipp.args(["-m", "1", "-s", to, "-key", "me", &self.user, "-au", &self.user, "-ap", &self.password]);
        sipp.args(["-i", &address, "-p", &port, "-mi", &address, "-mp", &media, "-t", transport]);
        sipp.args(["-rtp_echo", "-nostdin", "-timeout", "20", "-timeout_error", "-trace_err", "-trace_msg"]);
        // By itself it would put the switch's bare address into `uri`, which is not what it asks for (RFC 7616 §3.4.6).
        let asked = if to.is_empty() { switch.to_string() } else { format!("{to}@{switch}") };
        sipp.args(["-auth_uri", &asked]);
        let name = format!("sipp {} {scenario}", self.user);
        Play { process: Process::start(&name, "sip-tester", sipp, &folder.join(format!("{scenario}.log"))) }
    }
}

impl Party {
    fn tunnel_to(&self, room: &Scratch, switch: SocketAddr) -> Tunnel {
        if self.transport == "TCP" {
            return Tunnel::open(self.local, switch, None);
        }
        let tls = SocketAddr::new(switch.ip(), switch.port() + TLS_PORT);
        Tunnel::open(self.local, tls, Some(&room.path().join("conf/tls/cert.pem")))
    }
}

/// A scenario being played.
pub struct Play {
    process: Process,
}

impl Play {
    /// Waits for its end: it went as written.
    pub fn passes(mut self) {
        let status = self.process.end_within(Duration::from_secs(25));
        assert!(status.success(), "the scenario went otherwise: {status}");
    }
}
