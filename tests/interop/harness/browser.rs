//! A phone in a page: JsSIP in a headless Chromium, whose microphone is a file.
//!
//! The page (`browser/phone.js`, one script made by esbuild) is served from here, fetches what it is told to do and
//! posts what happens. So the browser is driven by what every browser does, and nothing speaks its debugging protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Scratch;
use super::process::Process;
use super::sound;
use super::switch::password;

/// A browser with our page open.
pub struct Browser {
    tell: Sender<Value>,
    said: Receiver<Value>,
    events: Vec<Value>,
    process: Process,
}

impl Browser {
    /// Opens one whose microphone hears a tone of `hz` without end.
    pub fn start(room: &Scratch, hz: u32) -> Browser {
        let folder = room.folder("browser");
        let (script, tone) = (folder.join("phone.js"), folder.join("tone.wav"));
        bundle(&script);
        sound::write_tone(&tone, hz, 30, 1);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("a bound socket");
        let (tell, told) = channel();
        let (saying, said) = channel();
        let script = std::fs::read(&script).expect("the script just made");
        thread::spawn(move || serve(&listener, &script, told, &saying));

        let mut chromium = Command::new("chromium");
        chromium.env("HOME", &folder); // what it writes beside its profile
        chromium.args("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run".split(' '));
        chromium.args("--disable-background-networking --disable-component-update --disable-sync".split(' '));
        chromium.args("--disable-dev-shm-usage --mute-audio --autoplay-policy=no-user-gesture-required".split(' '));
        chromium.args("--ignore-certificate-errors --use-fake-device-for-media-stream".split(' '));
        chromium.args(["--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection"]);
        chromium.arg(format!("--use-file-for-fake-audio-capture={}", tone.display()));
        chromium.arg(format!("--user-data-dir={}", folder.join("profile").display()));
        chromium.arg(format!("http://{address}/"));
        let process = Process::start("chromium", "chromium", chromium, &folder.join("chromium.log"));
        Browser { tell, said, events: Vec::new(), process }
    }

    /// Registers one of the people by secure WebSocket; returns when that is done.
    pub fn register(&mut self, user: &str, server: SocketAddr) {
        self.tell(json!({ "verb": "register", "user": user, "password": password(user), "server": server }));
        self.wait_for("registered", PATIENCE);
    }

    /// Tells the page something.
    pub fn tell(&self, what: Value) {
        self.tell.send(what).expect("a page that listens");
    }

    /// Waits for an event, or finds it among those the page has told of; it is not found a second time.
    pub fn wait_for(&mut self, event: &str, limit: Duration) -> Value {
        let end = Instant::now() + limit;
        loop {
            if let Some(at) = self.events.iter().position(|told| told["event"] == event) {
                return self.events.remove(at);
            }
            assert!(self.process.ended().is_none(), "the browser ended at once");
            match self.said.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(told) => self.events.push(told),
                Err(_) => panic!("the page tells of no {event} within {limit:?}, only {:?}", self.events),
            }
        }
    }

    /// Waits until what one of its people hears in the latest call is mostly this tone.
    pub fn hears(&mut self, user: &str, hz: u32) {
        super::until(&format!("{hz} Hz in the browser"), PATIENCE, || {
            self.tell(json!({ "verb": "listen", "user": user }));
            let level = self.wait_for("level", PATIENCE);
            let near = level["peak"]["hz"].as_f64().is_some_and(|peak| (peak - f64::from(hz)).abs() < 30.0);
            (near && level["peak"]["db"].as_f64().is_some_and(|db| db > -45.0)).then_some(())
        });
    }
}

/// One script of the page and all it needs.
fn bundle(script: &Path) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/browser");
    let mut esbuild = Command::new(folder.join("node_modules/.bin/esbuild"));
    esbuild.arg(folder.join("phone.js")).arg("--bundle").arg(format!("--outfile={}", script.display()));
    let what = "esbuild of tests/interop/browser";
    let mut process = Process::start(what, "npm packages", esbuild, &script.with_extension("log"));
    assert!(process.end_within(PATIENCE).success(), "no script was made");
}

/// Serves the page till the test ends. Each request has a connection of its own; the one for the next thing to do waits.
fn serve(listener: &TcpListener, script: &[u8], told: Receiver<Value>, said: &Sender<Value>) {
    let told = Arc::new(Mutex::new(told));
    for stream in listener.incoming().flatten() {
        let (script, told, said) = (script.to_vec(), told.clone(), said.clone());
        thread::spawn(move || answer(stream, &script, &told, &said));
    }
}

fn answer(stream: TcpStream, script: &[u8], told: &Mutex<Receiver<Value>>, said: &Sender<Value>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut line, mut length, mut asked) = (String::new(), 0, String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        match line.to_ascii_lowercase().strip_prefix("content-length:") {
            Some(number) => length = number.trim().parse().ok()?,
            None if asked.is_empty() => asked = line.clone(),
            None => {}
        }
        line.clear();
    }
    let (status, kind, body) = match asked.split(' ').nth(1)? {
        "/" => ("200 OK", "text/html", b"<!doctype html><title>phone</title><script src=phone.js></script>".to_vec()),
        "/phone.js" => ("200 OK", "text/javascript", script.to_vec()),
        "/said" => {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            said.send(serde_json::from_slice(&body).ok()?).ok()?;
            ("204 No Content", "text/plain", Vec::new())
        }
        "/told" => match told.lock().ok()?.recv_timeout(Duration::from_secs(5)) {
            Ok(what) => ("200 OK", "application/json", what.to_string().into_bytes()),
            Err(_) => ("204 No Content", "text/plain", Vec::new()),
        },
        _ => ("404 Not Found", "text/plain", Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    let mut stream = stream;
    stream.write_all(&[format!("{head}Connection: close\r\n\r\n").as_bytes(), &body].concat()).ok()
}

/// A browser starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
