//! The demo's centre: a conf folder made for it, as an operator would write it.

use std::io::{self, Cursor};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use audio::Sound;
use base::Random;
use sip::Transport;

/// The folder and what is in it.
pub(super) struct Centre {
    folder: PathBuf,
    /// Where the trunk's customers call from.
    pub(super) trunk: IpAddr,
    pub(super) passwords: Passwords,
}

/// Made anew each time.
pub(super) struct Passwords {
    pub(super) agent: String,
    guest: String,
    old_guest: String,
}

/// All of 127.0.0.0/8 is this machine on Linux: the trunk has an address of its own, so that nobody else is it.
const TRUNK: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const PORTS: u16 = 100;

impl Centre {
    /// Makes the folder. With `keep` the switch is open to this machine's network, else to itself only.
    pub(super) fn build(keep: bool, recordings: &Path, random: &mut Random) -> io::Result<Centre> {
        let folder = env::temp_dir().join(format!("centrala-demo-{}", process::id()));
        fs::create_dir_all(folder.join("prompts"))?;
        let fault = |why: io::Error| {
            let remedy = "run the demo in a folder you may write to";
            io::Error::new(why.kind(), format!("cannot make {} here ({why}); {remedy}", recordings.display()))
        };
        fs::create_dir_all(recordings).map_err(fault)?;
        let passwords = Passwords { agent: random.token(12), guest: random.token(12), old_guest: random.token(12) };
        let listen = match keep {
            false => "127.0.0.1:0",
            true if is_free(5060) => "0.0.0.0:5060",
            true => "0.0.0.0:0",
        };
        let first = free_ports(random)?;
        let last = first + PORTS - 1;
        let Passwords { agent, guest, old_guest } = &passwords;
        let (journal, recordings) = (quoted(&folder.join("journal")), quoted(&fs::canonicalize(recordings)?));
        let files = [
            (
                "switch.toml",
                format!(
                    "listen = [\"{listen}\"]\n\n[media]\nports = \"{first}-{last}\"\nthreads = 1\n\n\
                     [recording]\nfolder = {recordings}\n\n[journal]\nfolder = {journal}\n"
                ),
            ),
            (
                "people.toml",
                format!(
                    "[ann]\nnumber = \"201\"\nname = \"Ann\"\npassword = \"{agent}\"\n\n\
                     [guest]\nnumber = \"202\"\nname = \"Guest\"\npassword = \"{guest}\"\n\n\
                     [guest-md5]\nnumber = \"203\"\nname = \"Guest with an old phone\"\npassword = \"{old_guest}\"\ndigest = [\"MD5\"]\n"
                ),
            ),
            ("trunks.toml", format!("[carrier]\naddress = \"{TRUNK}:5060\"\n")),
            (
                "routes.toml",
                "[[route]]\nnumber = \"100\"\nto = \"menu:main\"\n\n[[route]]\nnumber = \"300\"\nto = \"group:agents\"\n\n\
                 [[route]]\nnumber = \"600\"\nto = \"echo\"\n\n[[route]]\nnumber = \"601\"\nto = \"tone\"\n\n\
                 [group.agents]\npeople = [\"ann\"]\nrecord = true\n"
                    .to_owned(),
            ),
            (
                "menus.toml",
                "[main]\ngreeting = \"welcome\"\notherwise = \"group:agents\"\n\n[main.keys]\n1 = \"group:agents\"\n\
                 2 = \"person:guest\"\n9 = \"echo\"\n"
                    .to_owned(),
            ),
        ];
        for (name, text) in files {
            fs::write(folder.join(name), text)?;
        }
        fs::write(folder.join("prompts/welcome.wav"), WELCOME)?;
        Ok(Centre { folder, trunk: TRUNK.into(), passwords })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the phones on this machine find the switch.
    pub(super) fn address(&self, listening: &[(Transport, SocketAddr)]) -> SocketAddr {
        let udp = listening.iter().find(|(transport, _)| *transport == Transport::Udp);
        let port = udp.map_or(5060, |(_, address)| address.port());
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// Everything a real phone must be told.
    pub(super) fn show_accounts(&self, switch: SocketAddr) {
        let Passwords { guest, old_guest, .. } = &self.passwords;
        println!("\nThe switch stays, and so does Ann. For a phone of yours (UDP or TCP; G.711, G.722, Opus):\n");
        println!(
            "  registrar  {switch}{}",
            own_address(switch.port()).map_or(String::new(), |own| format!("  (from elsewhere: {own})"))
        );
        println!("  user       guest       password  {guest}");
        println!("  or         guest-md5   password  {old_guest}   (for phones that know MD5 only, such as baresip)\n");
        println!("  dial  201 Ann   100 the menu (1 Ann, 2 you, 9 echo)   600 echo   601 tone   300 Ann, recorded");
        println!("\nCtrl-C ends it.\n");
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The greeting, and what caller and agent say to each other: the agent first, then the caller, over and over.
pub(super) fn voices() -> Result<[Sound; 3], String> {
    let [greeting, agent, caller] = [WELCOME, AGENT, CALLER].map(read);
    let (greeting, agent, caller) = (greeting?, agent?, caller?);
    let pause = audio::silence(300);
    let agent_says = [&agent[..], &pause, &vec![0; caller.len()], &pause].concat();
    let caller_says = [&vec![0; agent.len()][..], &pause, &caller, &pause].concat();
    Ok([greeting, caller_says, agent_says].map(Sound::from_pcm))
}

const WELCOME: &[u8] = include_bytes!("../../conf/prompts/welcome.wav");
const AGENT: &[u8] = include_bytes!("voices/agent.wav");
const CALLER: &[u8] = include_bytes!("voices/caller.wav");

fn read(wav: &[u8]) -> Result<Vec<i16>, String> {
    let fault = |why: hound::Error| format!("a voice of this program cannot be read: {why}");
    hound::WavReader::new(Cursor::new(wav)).map_err(fault)?.into_samples().collect::<Result<_, _>>().map_err(fault)
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

/// The first of a row of ports nobody has.
fn free_ports(random: &mut Random) -> io::Result<u16> {
    let free = |port: u16| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
    let mut first = 0;
    for _ in 0..20 {
        first = 20_000 + 2 * random.below(5_000) as u16;
        if (first..first + PORTS).all(free) {
            return Ok(first);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("ports near {first} are all taken; end what uses them")))
}

/// How others on the network see this machine, if it has a network. Connecting a UDP socket asks, and sends nothing.
fn own_address(port: u16) -> Option<SocketAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback()).then_some(SocketAddr::new(own, port))
}

/// A path as TOML writes it.
fn quoted(path: &Path) -> String {
    toml::Value::String(path.display().to_string()).to_string()
}
