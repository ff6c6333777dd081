//! Card data: what a caller keys in under a mask, in all three ways there are, is nowhere afterwards.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use audio::{DtmfDetector, Encoding};
use rtp::event::Event;
use serde_json::Value;

use crate::harness::switch::Centre;
use crate::harness::{files_below, until};
use crate::operate::{Carrier, operate};

/// No eight of its digits are anywhere by chance, be it in a hash.
const CARD: &str = "4929578130642817";
const VERIFICATION: &str = "73051946";

/// What a caller sends, a packet every 20 ms.
pub struct Mouth {
    socket: UdpSocket,
    to: SocketAddr,
    sequence: u16,
    timestamp: u32,
    began: Instant,
    packets: u32,
}

impl Mouth {
    pub fn new(socket: UdpSocket, to: SocketAddr) -> Mouth {
        Mouth { socket, to, sequence: 1, timestamp: 0, began: Instant::now(), packets: 0 }
    }

    fn send(&mut self, payload_type: u8, timestamp: u32, payload: &[u8], marker: bool) {
        let mut packet = vec![0; 12];
        packet.extend_from_slice(payload);
        rtp::write_header(&mut packet, payload_type, self.sequence, timestamp, 7, marker);
        self.sequence += 1;
        self.socket.send_to(&packet, self.to).expect("a socket of our own");
    }

    fn waits(&mut self) {
        self.packets += 1;
        let due = self.began + Duration::from_millis(20) * self.packets;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        self.timestamp += 160;
    }

    /// It said nothing for a while, and goes on as if no time had gone by.
    fn stalled(&mut self) {
        self.began = Instant::now() - Duration::from_millis(20) * self.packets;
    }

    /// It said nothing for a while, and its time went on.
    fn catches_up(&mut self) {
        while Instant::now() > self.began + Duration::from_millis(20) * self.packets {
            self.packets += 1;
            self.timestamp += 160;
        }
    }

    pub fn says(&mut self, samples: &[i16]) {
        for piece in samples.chunks_exact(160) {
            self.send(0, self.timestamp, &Encoding::Pcmu.encoded(piece), false);
            self.waits();
        }
    }

    /// Keys as sound.
    pub fn sings(&mut self, keys: &str) {
        for key in keys.chars() {
            let [low, high] = audio::dtmf(key).expect("a key");
            self.says(&audio::tone(&[low, high], 100));
            self.says(&audio::silence(80));
        }
    }

    /// Keys as events (RFC 4733).
    pub fn presses(&mut self, keys: &str) {
        for key in keys.chars() {
            let timestamp = self.timestamp;
            for (marker, event) in Event::press(key, 800, 160) {
                self.send(101, timestamp, &event.to_bytes(), marker);
                self.waits();
            }
            self.says(&audio::silence(60));
        }
    }
}

/// The keys one hears in a side of a recording.
fn keys_in(samples: &[i16]) -> String {
    let mut detector = DtmfDetector::new();
    samples.chunks(160).filter_map(|piece| detector.hear(piece)).collect()
}

/// Does this text hold a piece of a secret, or a single key of it as programs write one down?
fn tells(text: &str) -> Option<String> {
    let digits: Vec<char> = CARD.chars().collect();
    let pieces = digits.windows(8).map(|piece| piece.iter().collect::<String>()).chain([VERIFICATION.to_owned()]);
    let single = digits.iter().flat_map(|digit| {
        ["'#'", "Signal=#", "key=#", "key: #", "digit=#", "digit: #", "\"key\":\"#\"", "\"digit\":\"#\""]
            .map(|form| form.replace('#', &digit.to_string()))
    });
    pieces.chain(single).find(|secret| text.contains(secret.as_str()))
}

#[test]
fn what_is_keyed_in_under_a_mask_is_nowhere_afterwards() {
    let centre = Centre::new("masks");
    let mut carrier = Carrier::join(&centre);
    centre
        .add("routes.toml", "\n[[route]]\nnumber = \"610\"\nfrom = \"trunk:carrier\"\nto = \"echo\"\nrecord = true\n");
    let switch = centre.start_talkative();
    // With and without telephone-events: one who knows none may press keys by sound alone, and is understood.
    let mut seen = Vec::new();
    for events in [true, false] {
        let socket = UdpSocket::bind((carrier.line.local().ip(), 0)).expect("a port");
        let port = socket.local_addr().expect("bound").port();
        let medium = match events {
            true => format!("m=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"),
            false => format!("m=audio {port} RTP/AVP 0\r\n"),
        };
        let answer = carrier.dial_offering("610", &medium);
        let media = answer.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("sound is agreed on");
        let port: u16 = media.split(' ').next().and_then(|port| port.parse().ok()).expect("a port");
        let to = SocketAddr::new(centre.address.ip(), port);
        let mut mouth = Mouth::new(socket, to);
        mouth.says(&audio::tone(&[(440.0, -12.0)], 500));
        mouth.sings("5");

        let (content, said) = operate(&centre, &["calls", "--json"]);
        assert!(content, "{said}");
        let call: Value = serde_json::from_str(said.lines().next().expect("a call")).expect("JSON");
        assert_eq!(call["recording"], "recorded");
        let call = call["call"].as_str().expect("an id").to_owned();
        let order = |order: &str| operate(&centre, &["recordings", order, "--call", &call, "--by", "tess"]);
        let (content, said) = order("mask");
        assert!(content && said.contains("neither sound nor keys"), "{said}");
        mouth.stalled(); // late by its time: what counts is when it came
        if events {
            mouth.presses(CARD);
            for (press, key) in CARD.chars().chain(VERIFICATION.chars()).enumerate() {
                carrier.press_by_info(&answer, key, press);
            }
        }
        mouth.catches_up();
        mouth.sings(CARD);
        mouth.sings(VERIFICATION);
        let (content, said) = order("unmask");
        assert!(content, "{said}");
        assert!(!order("unmask").0, "once is enough");
        mouth.catches_up();
        mouth.says(&audio::silence(800));
        mouth.sings("8");
        mouth.says(&audio::silence(200));
        let pcap = centre.room.path().join(format!("trace-{events}.pcap"));
        let traced = operate(&centre, &["trace", "--call", &call, "--full", "--pcap", pcap.to_str().expect("a path")]);
        assert!(traced.0, "{}", traced.1);
        carrier.hang_up(&answer);
        seen.extend([said, traced.1]);
    }
    switch.cdrs_of(2);
    let files = until("both recordings", Duration::from_secs(10), || {
        Some(files_below(&centre.recordings(), ".wav")).filter(|files| files.len() == 2)
    });
    drop(switch);
    for file in &files {
        let wav = hound::WavReader::open(file).expect("a WAV file");
        let samples: Vec<i16> = wav.into_samples().map(Result::unwrap).collect();
        let left: Vec<i16> = samples.iter().step_by(2).copied().collect();
        assert_eq!(keys_in(&left), "58", "what came before and after is there: {}", file.display());
        let text = fs::read(file.with_extension("json")).expect("a sidecar");
        let sidecar: Value = serde_json::from_slice(&text).expect("JSON");
        let mask = &sidecar["masks"][0];
        assert_eq!((&mask["begun"]["by"], &mask["ended"]["how"]), (&"tess".into(), &"command".into()), "{mask}");
        assert_eq!(sidecar["cdr"]["silences"][0]["by"], "tess", "{}", sidecar["cdr"]);
    }
    let mut searched = 0;
    let rooms = [centre.recordings(), centre.journal(), centre.room.path().to_owned()];
    for file in rooms.iter().flat_map(|room| files_below(room, "")).filter(|file| !file.ends_with(Path::new("wav"))) {
        if !file.starts_with(centre.conf()) && file.extension().is_none_or(|ending| ending != "wav") {
            let text = String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
            assert_eq!(tells(&text), None, "{}", file.display());
            searched += 1;
        }
    }
    assert!(searched >= 8, "log, journal, sidecars, manifest, traces: {searched}");
    let log = fs::read_to_string(centre.log()).expect("a log");
    assert!(log.contains("nothing is kept") && log.contains("DEBUG"), "all there is to log was logged");
    for said in seen {
        assert_eq!(tells(&said), None, "{said}");
    }
}
