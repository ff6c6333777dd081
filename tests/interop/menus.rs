//! Menus as a caller from outside meets them: three levels in two languages by keys in all three forms, how soon a key cuts
//! what is heard, and a conf that is read anew while somebody is inside.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use audio::{Encoding, goertzel};

use crate::harness::sound;
use crate::harness::switch::Centre;
use crate::harness::until;
use crate::masks::Mouth;
use crate::operate::{Carrier, operate};

const A_WHILE: Duration = Duration::from_secs(15);
/// The prompts, each a tone of its own: a language's names begin with its folder.
const PROMPTS: [(&str, u32); 7] = [
    ("language", 500),
    ("main", 700),
    ("hr/main", 900),
    ("services", 1_100),
    ("hr/services", 1_300),
    ("bye", 1_500),
    ("hr/bye", 1_700),
];
const MENUS: &str = r#"
[language]
greeting = "language"
patience_secs = 30
otherwise = "play:bye"
keys = { 1 = "menu:croatian", 2 = "menu:main" }

[croatian]
set = { language = "hr" }
then = "menu:main"

[main]
greeting = "main"
patience_secs = 30
otherwise = "play:bye"
keys = { 4 = "menu:services" }

[services]
greeting = "services"
patience_secs = 30
otherwise = "play:bye"
keys = { 9 = "play:bye" }
"#;

fn centre(name: &str) -> (Centre, Carrier) {
    let centre = Centre::new(name);
    let carrier = Carrier::join(&centre);
    std::fs::create_dir_all(centre.conf().join("prompts/hr")).expect("a folder of our own");
    for (name, hz) in PROMPTS {
        sound::write_tone(&centre.conf().join(format!("prompts/{name}.wav")), hz, 20, 1);
    }
    centre.write("menus.toml", MENUS);
    centre.add("routes.toml", "\n[[route]]\nnumber = \"610\"\nfrom = \"trunk:carrier\"\nto = \"menu:language\"\n");
    centre.replace("routes.toml", "to = \"menu:main\"", "to = \"menu:language\"");
    (centre, carrier)
}

/// A caller: what he says and, packet by packet, what he hears.
struct Caller {
    answer: String,
    mouth: Mouth,
    ear: Receiver<(Instant, Vec<i16>)>,
}

impl Caller {
    fn dials(carrier: &mut Carrier, centre: &Centre, events: bool) -> Caller {
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
        let hears = socket.try_clone().expect("the same socket");
        let (packets, ear) = channel();
        thread::spawn(move || {
            let mut packet = [0; 2048];
            while let Ok(length) = hears.recv(&mut packet) {
                let heard = (Instant::now(), Encoding::Pcmu.decoded(&packet[12.min(length)..length]));
                if packets.send(heard).is_err() {
                    return;
                }
            }
        });
        let mut caller = Caller { answer, mouth: Mouth::new(socket, to), ear };
        caller.mouth.says(&audio::silence(200));
        caller
    }

    /// Hears this prompt, and forgets what he heard before it.
    fn hears(&self, hz: u32) {
        let end = Instant::now() + A_WHILE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (_, samples) = self.ear.recv_timeout(left).unwrap_or_else(|_| panic!("{hz} Hz is not heard"));
            if is(&samples, hz) {
                return;
            }
        }
    }

    /// Presses a key, while he hears a prompt, and until he does not; tells how long that took, from the first packet of the
    /// key to the last one of the prompt.
    fn cuts(&mut self, key: &str, hz: u32) -> Duration {
        self.ear.try_iter().for_each(drop);
        let began = Instant::now();
        self.mouth.presses(key);
        self.mouth.says(&audio::silence(200));
        let heard = self.ear.try_iter().filter(|(_, samples)| is(samples, hz)).map(|(at, _)| at).last();
        heard.map_or(Duration::ZERO, |at| at.saturating_duration_since(began))
    }
}

/// Is it this tone, and nothing else?
fn is(samples: &[i16], hz: u32) -> bool {
    samples.len() >= 160 && goertzel::level(samples, f64::from(hz)) > -20.0
}

#[test]
fn a_menu_of_three_levels_is_walked_in_two_languages_by_keys_in_all_three_forms() {
    let (centre, mut carrier) = centre("menus");
    let switch = centre.start();
    for (form, events) in [("events", true), ("sound", false), ("info", true)] {
        for (language, first, prompts) in [("hr", '1', [900, 1_300, 1_700]), ("en", '2', [700, 1_100, 1_500])] {
            let mut caller = Caller::dials(&mut carrier, &centre, events);
            caller.hears(500);
            for (press, (key, hz)) in
                [(first, prompts[0]), ('4', prompts[1]), ('9', prompts[2])].into_iter().enumerate()
            {
                match form {
                    "events" => caller.mouth.presses(&key.to_string()),
                    "sound" => caller.mouth.sings(&key.to_string()),
                    _ => carrier.press_by_info(&caller.answer, key, press),
                }
                caller.hears(hz);
                println!("{form}, {language}: {key} leads to {hz} Hz");
            }
            carrier.hang_up(&caller.answer);
        }
    }
    for cdr in switch.cdrs_of(6) {
        let path: Vec<&str> = cdr["path"].as_array().into_iter().flatten().filter_map(|step| step.as_str()).collect();
        assert_eq!(path.last(), Some(&"play:bye"), "{path:?}");
        assert_eq!(path.iter().filter(|step| ["menu:main", "menu:services"].contains(step)).count(), 2, "{path:?}");
    }
}

/// A key is known once its event has lasted for 40 ms at the sender; what is measured here is from its first packet on. A busy
/// machine is let have its time: the figure is printed.
#[test]
fn a_key_cuts_what_is_heard() {
    let (centre, mut carrier) = centre("key-cuts");
    let _switch = centre.start();
    let mut took: Vec<Duration> = (0..10)
        .map(|_| {
            let mut caller = Caller::dials(&mut carrier, &centre, true);
            caller.hears(500);
            let took = caller.cuts("2", 500);
            carrier.hang_up(&caller.answer);
            took
        })
        .collect();
    took.sort_unstable();
    println!("from the first packet of a key to the last of the prompt: median {:?}, most {:?}", took[5], took[9]);
    assert!(took[5] < Duration::from_millis(300), "{took:?}");
}

#[test]
fn who_is_inside_goes_on_by_the_menus_he_began_with() {
    let (centre, mut carrier) = centre("menus-reload");
    let switch = centre.start();
    let mut inside = Caller::dials(&mut carrier, &centre, true);
    inside.hears(500);
    inside.mouth.presses("2");
    inside.hears(700);
    // The next level is gone, the first one says something else, and leads elsewhere.
    let menus = "[language]\ngreeting = \"services\"\npatience_secs = 30\notherwise = \"play:bye\"\nkeys = { 2 = \"play:bye\" }\n";
    centre.write("menus.toml", menus);
    sound::write_tone(&centre.conf().join("prompts/services.wav"), 2_100, 20, 1);
    let (content, said) = operate(&centre, &["reload"]);
    assert!(content, "{said}");
    inside.mouth.presses("4");
    inside.hears(1_100);
    let mut next = Caller::dials(&mut carrier, &centre, true);
    next.hears(2_100);
    next.mouth.presses("2");
    next.hears(1_500);
    inside.mouth.presses("9");
    inside.hears(1_500);
    for caller in [inside, next] {
        carrier.hang_up(&caller.answer);
    }
    let paths = until("both records", A_WHILE, || Some(switch.cdrs()).filter(|cdrs| cdrs.len() == 2));
    let paths: Vec<String> = paths.iter().map(|cdr| cdr["path"].to_string()).collect();
    assert!(paths.iter().any(|path| path.contains("menu:services")), "{paths:?}");
    assert!(paths.iter().any(|path| path == r#"["menu:language","play:bye"]"#), "{paths:?}");
}
