//! The switch under test: the real program, with a conf folder, ports and folders of one test's own.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::getuid;
use serde_json::Value;

use super::process::Process;
use super::sip::{Line, anywhere};
use super::sound::{self, Side};
use super::{Scratch, files_below, ports, until};

/// What the caller of 700 hears first: a tone stands in for a friendly voice.
pub const WELCOME_HZ: u32 = 1_200;
/// How long it lasts.
pub const WELCOME_SECS: u32 = 1;

/// The password of one of the people.
pub fn password(user: &str) -> String {
    format!("{user}-secret")
}

/// A small centre on disk. Ann is 201, Bob 202 and recorded, Cid 203; 600 echoes, 601 is a tone, 602 an announcement,
/// 700 a menu whose key 1 leads to Bob, 800 rings Bob and Cid.
pub struct Centre {
    pub room: Scratch,
    pub address: SocketAddr,
    media: u16,
}

const PEOPLE: &str = r#"
[ann]
number = "201"
name = "Ann"
password = "ann-secret"
digest = ["MD5"]

[bob]
number = "202"
name = "Bob"
password = "bob-secret"
digest = ["MD5"]
record = true
ring_secs = 2

[cid]
number = "203"
password = "cid-secret"
digest = ["MD5"]
"#;

const ROUTES: &str = r#"
[[route]]
number = "600"
to = "echo"

[[route]]
number = "601"
to = "tone"

[[route]]
number = "602"
to = "play:welcome"

[[route]]
number = "700"
to = "menu:main"

[[route]]
number = "800"
to = "group:sales"

[group.sales]
people = ["bob", "cid"]
ring_secs = 20
"#;

const MENUS: &str = r#"
[main]
greeting = "welcome"
patience_secs = 2
tries = 2
otherwise = "reject:480"

[main.keys]
1 = "person:bob"
"#;

impl Centre {
    pub fn new(name: &str) -> Centre {
        let room = Scratch::new(name);
        let address = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), ports::block(2));
        let centre = Centre { room, address, media: ports::block(MEDIA_PORTS) };
        let (first, last) = (centre.media, centre.media + MEDIA_PORTS - 1);
        let switch = format!(
            "listen = [\"{address}\"]\nrealm = \"centrala\"\ndigest = [\"SHA-256\", \"MD5\"]\n\n\
             [media]\nports = \"{first}-{last}\"\ntimeout_secs = 60\n\n\
             [recording]\nfolder = {:?}\n\n[journal]\nfolder = {:?}\n",
            centre.recordings(),
            centre.journal(),
        );
        for (file, text) in [("switch", switch.as_str()), ("people", PEOPLE), ("routes", ROUTES), ("menus", MENUS)] {
            centre.write(&format!("{file}.toml"), text);
        }
        centre.write("trunks.toml", "");
        sound::write_tone(&centre.room.folder("conf/prompts").join("welcome.wav"), WELCOME_HZ, WELCOME_SECS, 1);
        centre
    }

    /// The conf folder.
    pub fn conf(&self) -> PathBuf {
        self.room.folder("conf")
    }

    pub fn recordings(&self) -> PathBuf {
        self.room.path().join("recordings")
    }

    pub fn log(&self) -> PathBuf {
        self.room.path().join("centrala.log")
    }

    pub fn journal(&self) -> PathBuf {
        self.room.path().join("journal")
    }

    /// Another text for a conf file.
    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.conf().join(file), text).expect("a file in our own folder");
    }

    /// Other words in a conf file.
    pub fn replace(&self, file: &str, these: &str, by: &str) {
        let text = fs::read_to_string(self.conf().join(file)).expect("a file in our own folder");
        assert!(text.contains(these), "{these} is not in {file}");
        self.write(file, &text.replace(these, by));
    }

    /// More text for a conf file.
    pub fn add(&self, file: &str, text: &str) {
        let open = OpenOptions::new().append(true).open(self.conf().join(file));
        open.and_then(|mut file| file.write_all(text.as_bytes())).expect("a file in our own folder");
    }

    /// A carrier at an address of its own: whoever calls from there is it. 9… goes out through it.
    pub fn add_carrier(&self) -> SocketAddr {
        let carrier = SocketAddr::new(IpAddr::from([127, 0, 0, 2]), ports::block(2));
        self.add("trunks.toml", &format!("[carrier]\naddress = \"{carrier}\"\nnumber = \"+38515550100\"\n"));
        let (out, inward) =
            ("number = \"9*\"\nto = \"trunk:carrier\"", "number = \"+38515550100\"\nto = \"person:bob\"");
        self.add("routes.toml", &format!("\n[[route]]\n{out}\n\n[[route]]\nfrom = \"trunk:carrier\"\n{inward}\n"));
        carrier
    }

    /// The switch at another address of this machine, so that two of them tell each other from phones.
    pub fn at(mut self, address: impl Into<IpAddr>) -> Centre {
        let before = self.address;
        self.address.set_ip(address.into());
        self.replace("switch.toml", &before.to_string(), &self.address.to_string());
        self
    }

    /// The switch at the same port of IPv6, too.
    pub fn listen_ipv6(&self) -> SocketAddr {
        let ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, self.address.port()));
        self.replace("switch.toml", "listen = [", &format!("listen = [\"{ipv6}\", "));
        ipv6
    }

    /// Lets the switch listen for TLS, at the port beside the other; its certificate is made at the first start.
    pub fn listen_tls(&self) -> SocketAddr {
        let tls = SocketAddr::new(self.address.ip(), self.address.port() + TLS_PORT);
        self.replace("switch.toml", "realm =", &format!("listen_tls = [\"{tls}\"]\nrealm ="));
        tls
    }

    /// Lets the switch listen for WebSockets, plain and secure.
    pub fn listen_web(&self) -> (SocketAddr, SocketAddr) {
        let first = ports::block(2);
        let [ws, wss] = [first, first + 1].map(|port| SocketAddr::new(self.address.ip(), port));
        self.replace("switch.toml", "realm =", &format!("listen_ws = [\"{ws}\"]\nlisten_wss = [\"{wss}\"]\nrealm ="));
        (ws, wss)
    }

    /// The program with these words, to be run by the test itself.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_centrala"));
        command.args(words).arg("--conf").arg(self.conf()).current_dir(self.room.path());
        command
    }

    /// The program with these words and no conf.
    pub fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_centrala"));
        command.args(words).current_dir(self.room.path());
        command
    }

    /// Starts the switch; when this returns, it answers.
    pub fn start(&self) -> Switch {
        self.start_by(self.command(&["run"]))
    }

    /// The same, with all there is to log.
    pub fn start_talkative(&self) -> Switch {
        let mut command = self.command(&["run"]);
        command.env("RUST_LOG", "trace");
        self.start_by(command)
    }

    /// Starts it where recordings lie on a disk that only it sees: `mount` makes it, at `$DISK`. None: the system does not let
    /// us.
    pub fn start_with_disk(&self, mount: &str) -> Option<Switch> {
        let on_disk = |program: &Command| {
            let mut command = Command::new("unshare");
            command.args(if getuid().is_root() { "-m" } else { "-rm" }.split(' '));
            command.args(["sh", "-c", &format!("{mount} && exec \"$@\"",), "sh"]).arg(program.get_program());
            command.args(program.get_args()).current_dir(self.room.path()).env("DISK", self.recordings());
            command
        };
        fs::create_dir_all(self.recordings()).expect("our own folder");
        let may = on_disk(&Command::new("true")).output().expect("unshare of util-linux");
        may.status.success().then(|| self.start_by(on_disk(&self.command(&["run"]))))
    }

    /// The same, by a command of the test's own.
    pub fn start_by(&self, command: Command) -> Switch {
        let log = self.log();
        let mut process = Process::start("centrala", "this very workspace", command, &log);
        until("a switch that answers", Duration::from_secs(10), || {
            assert!(process.ended().is_none(), "the switch ended at once");
            Line::udp(anywhere(self.address), self.address).is_answered(Duration::from_millis(200)).then_some(())
        });
        Switch { process, address: self.address, recordings: self.recordings(), journal: self.journal() }
    }
}

/// So far beside the other is the port for TLS.
pub const TLS_PORT: u16 = 1;
/// Twenty calls' worth.
const MEDIA_PORTS: u16 = 80;

/// A running switch.
pub struct Switch {
    pub process: Process,
    pub address: SocketAddr,
    recordings: PathBuf,
    journal: PathBuf,
}

impl Switch {
    /// The recordings as it sees them.
    pub fn its_recordings(&self) -> PathBuf {
        Path::new("/proc")
            .join(self.process.id().to_string())
            .join("root")
            .join(self.recordings.strip_prefix("/").expect("a whole path"))
    }

    /// Does something to the disk that only it sees, at `$DISK`.
    pub fn to_its_disk(&self, what: &str) {
        let mut command = Command::new("nsenter");
        command.args(["-m", "-t", &self.process.id().to_string()]);
        if !getuid().is_root() {
            command.args(["-U", "--preserve-credentials"]);
        }
        let done =
            command.args(["sh", "-c", what]).env("DISK", &self.recordings).output().expect("nsenter of util-linux");
        assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// All call records so far.
    pub fn cdrs(&self) -> Vec<Value> {
        let texts = files_below(&self.journal, ".jsonl").into_iter().filter_map(|file| fs::read_to_string(file).ok());
        let whole = |text: String| text[..text.rfind('\n').map_or(0, |end| end + 1)].to_owned();
        let lines: Vec<String> =
            texts.map(whole).flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{line}: {why}"))).collect()
    }

    /// The call records there are to be, in the order of the calls' ends. A record is written a moment after its call.
    pub fn cdrs_of(&self, calls: usize) -> Vec<Value> {
        let cdrs =
            until("the call records", Duration::from_secs(10), || Some(self.cdrs()).filter(|cdrs| cdrs.len() >= calls));
        assert_eq!(cdrs.len(), calls, "a call, a record: {cdrs:#?}");
        cdrs
    }

    /// The one call record there is to be.
    pub fn cdr(&self) -> Value {
        self.cdrs_of(1).remove(0)
    }

    /// The one finished recording there is to be: its file, its sides (caller, other party) and its sidecar.
    pub fn recording(&self) -> Recording {
        let mut files = until("a finished recording", Duration::from_secs(10), || {
            Some(files_below(&self.recordings, ".wav")).filter(|files| !files.is_empty())
        });
        assert_eq!(files.len(), 1, "one recording: {files:?}");
        let file = files.remove(0);
        let text = fs::read_to_string(file.with_extension("json")).expect("a sidecar beside the recording");
        let sidecar = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let Ok([caller, party]) = <[Side; 2]>::try_from(sound::read(&file)) else { panic!("two channels") };
        Recording { file, caller, party, sidecar }
    }
}

/// A recording, looked at from outside.
pub struct Recording {
    pub file: PathBuf,
    pub caller: Side,
    pub party: Side,
    pub sidecar: Value,
}

impl Recording {
    /// Each is on its own side, and on no other.
    pub fn assert_sides(&self, caller_hz: u32, party_hz: u32) {
        self.caller.assert_only("the caller's side", caller_hz, party_hz);
        self.party.assert_only("the party's side", party_hz, caller_hz);
    }
}

/// Checks some fields of a call record.
pub fn assert_fields(cdr: &Value, wanted: &Value) {
    for (field, wanted) in wanted.as_object().expect("fields") {
        assert_eq!(&cdr[field], wanted, "{field} in {cdr:#}");
    }
}
