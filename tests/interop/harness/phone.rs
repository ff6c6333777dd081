//! A real softphone, baresip, without a screen or a sound card.
//!
//! What one must know of baresip 1.0 (Debian 12) to use it so:
//! * It skips the loopback interface unless `net_interface` names the address itself (`127.0.0.1`, not `lo`).
//! * `sip_listen` takes the port for UDP and TCP, and the next one for TLS.
//! * `aufile` is a source only. What the phone hears is written by the audio filter `sndfile`, which needs no player.
//! * `ctrl_tcp` takes commands and tells events, each a JSON text in a netstring.
//! * It refuses to register when *any* challenge it is sent names another algorithm than MD5.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::process::Process;
use super::sip::anywhere;
use super::sound::{self, Side};
use super::switch::password;
use super::{Scratch, files_below, ports, until};

/// A running phone. It answers by itself whoever calls, and plays its tone to them.
pub struct Phone {
    process: Process,
    control: TcpStream,
    unread: Vec<u8>,
    events: Vec<Value>,
    heard: PathBuf,
}

impl Phone {
    /// Starts a phone of one of the people that plays a tone of `hz`, by `transport` (`udp`, `tcp` or `tls`). When this
    /// returns it is registered at the switch.
    pub fn start(room: &Scratch, user: &str, hz: u32, switch: SocketAddr, transport: &str) -> Phone {
        Phone::speaking(room, user, hz, switch, transport, "pcmu,pcma")
    }

    /// The same with codecs of its own, as baresip writes them: `opus/48000/2,g722/16000/1,pcma`.
    pub fn speaking(room: &Scratch, user: &str, hz: u32, switch: SocketAddr, transport: &str, codecs: &str) -> Phone {
        Phone::made(room, user, hz, switch, transport, codecs, "")
    }

    /// One that speaks G.722 and whose tone may be one that only wideband has.
    pub fn wideband(room: &Scratch, user: &str, hz: u32, switch: SocketAddr) -> Phone {
        Phone::made(room, user, hz, switch, "udp", "g722/16000/1,pcma", "")
    }

    /// A phone that encrypts its media by TLS's keys, as baresip calls it: `srtp` where the other side can, `srtp-mand`
    /// always.
    pub fn encrypting(room: &Scratch, user: &str, hz: u32, switch: SocketAddr, mediaenc: &str) -> Phone {
        Phone::made(room, user, hz, switch, "tls", "pcmu,pcma", &format!(";mediaenc={mediaenc}"))
    }

    /// A phone that keeps a flow to a proxy before the switch, and says so (RFC 5626).
    pub fn outbound(
        room: &Scratch,
        user: &str,
        hz: u32,
        switch: SocketAddr,
        (proxy, transport): (SocketAddr, &str),
    ) -> Phone {
        let account = format!(";sipnat=outbound;outbound=\"sip:{proxy};transport={transport}\"");
        Phone::made(room, user, hz, switch, transport, "pcmu,pcma", &account)
    }

    fn made(
        room: &Scratch,
        user: &str,
        hz: u32,
        switch: SocketAddr,
        transport: &str,
        codecs: &str,
        account: &str,
    ) -> Phone {
        let folder = room.folder(&format!("phone-{user}"));
        let heard = room.folder(&format!("phone-{user}/heard"));
        let tone = folder.join("tone.wav");
        // aufile wants as many channels as the codec has in name.
        // aufile plays at the file's own rate; one below that of the codec it would bring up, badly.
        let rate = if hz > 4_000 { 16_000 } else { 8_000 };
        sound::write_tone_at(rate, &tone, hz, 30, if codecs.starts_with("opus") { 2 } else { 1 });

        let mut listen = anywhere(switch); // of the switch's family
        listen.set_port(ports::block(2)); // UDP and TCP, then TLS
        let control = ports::block(1);
        let media = ports::block(10);
        let conf = format!(
            "net_interface {home}\n\
             sip_listen {listen}\n\
             rtp_ports {media}-{media_last}\n\
             audio_source aufile,{tone}\n\
             ausrc_srate {rate}\n\
             audio_channels 1\n\
             snd_path {heard}\n\
             ctrl_tcp_listen 127.0.0.1:{control}\n\
             module_path {modules}\n\
             module opus.so\n\
             module g722.so\n\
             module g711.so\n\
             module aufile.so\n\
             module sndfile.so\n\
             module srtp.so\n\
             {uuid}module_tmp account.so\n\
             module_app menu.so\n\
             module_app ctrl_tcp.so\n",
            // A phone that keeps flows has a name of its own.
            uuid = if account.contains("outbound") { "module_tmp uuid.so\n" } else { "" },
            home = listen.ip(),
            media_last = media + 9,
            tone = tone.display(),
            heard = heard.display(),
            modules = modules().display(),
        );
        let account = format!(
            "<sip:{user}@{switch};transport={transport}>;auth_user={user};auth_pass={};regint=300;answermode=auto;\
             audio_codecs={codecs}{account}\n",
            password(user)
        );
        for (name, text) in [("config", conf.as_str()), ("accounts", account.as_str()), ("contacts", "")] {
            fs::write(folder.join(name), text).expect("a file in our own folder");
        }

        let mut baresip = Command::new("baresip");
        baresip.arg(if listen.is_ipv4() { "-4" } else { "-6" }).arg("-f").arg(&folder);
        let mut process =
            Process::start(&format!("phone {user}"), "baresip-core", baresip, &folder.join("baresip.log"));
        let control = until("a phone taking commands", Duration::from_secs(10), || {
            assert!(process.ended().is_none(), "the phone ended at once");
            TcpStream::connect(("127.0.0.1", control)).ok()
        });
        until("a registered phone", Duration::from_secs(10), || process.said().contains("200 OK").then_some(()));
        Phone { process, control, unread: Vec::new(), events: Vec::new(), heard }
    }

    pub fn dial(&mut self, uri: &str) {
        self.command("dial", uri);
    }

    pub fn hang_up(&mut self) {
        self.command("hangup", "");
    }

    /// Says nothing from now on.
    pub fn mute(&mut self) {
        self.command("mute", "");
    }

    /// Puts the other side on hold.
    pub fn hold(&mut self) {
        self.command("hold", "");
    }

    /// Takes the call up again.
    pub fn resume(&mut self) {
        self.command("resume", "");
    }

    /// Presses a key during a call (RFC 4733).
    pub fn press(&mut self, key: char) {
        self.command("sndcode", &key.to_string());
    }

    /// Waits for an event baresip tells of, such as `CALL_ESTABLISHED`, or finds it among those it has told.
    pub fn wait_for(&mut self, event: &str, limit: Duration) {
        let end = Instant::now() + limit;
        while !self.events.iter().any(|told| told["type"] == event) {
            self.read_events();
            let told: Vec<&str> = self.events.iter().filter_map(|told| told["type"].as_str()).collect();
            assert!(
                Instant::now() < end,
                "{} tells of no {event} within {limit:?}, only {told:?}",
                self.process.name()
            );
        }
    }

    /// Ends the phone and reads what it heard in its one call.
    pub fn heard(self) -> Side {
        sound::read(&self.heard_file()).remove(0)
    }

    /// Ends the phone and reads what it heard in each of its calls, in their order.
    pub fn heard_each(mut self) -> Vec<Side> {
        self.command("quit", "");
        self.process.end_within(Duration::from_secs(5));
        let mut files = files_below(&self.heard, "-dec.wav");
        files.sort_by_key(|file| file.metadata().and_then(|meta| meta.modified()).ok());
        files.iter().map(|file| sound::read(file).remove(0)).collect()
    }

    /// Ends the phone and says where that is which it heard in its one call, at the rate of its codec.
    pub fn heard_file(mut self) -> PathBuf {
        self.command("quit", "");
        self.process.end_within(Duration::from_secs(5));
        let files = files_below(&self.heard, "-dec.wav");
        assert_eq!(files.len(), 1, "one call, one file: {files:?}");
        files[0].clone()
    }

    fn command(&mut self, command: &str, params: &str) {
        let text = json!({ "command": command, "params": params }).to_string();
        let netstring = format!("{}:{text},", text.len());
        self.control.write_all(netstring.as_bytes()).expect("a phone that takes commands");
    }

    /// Reads for at most a tenth of a second and keeps every whole netstring.
    fn read_events(&mut self) {
        let mut buffer = [0; 4096];
        self.control.set_read_timeout(Some(Duration::from_millis(100))).expect("a time above zero");
        match self.control.read(&mut buffer) {
            Ok(0) => panic!("the phone is gone"),
            Ok(length) => self.unread.extend_from_slice(&buffer[..length]),
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(why) => panic!("the phone is gone: {why}"),
        }
        while let Some((text, length)) = netstring(&self.unread) {
            let event = serde_json::from_slice(text).unwrap_or_else(|why| panic!("baresip writes JSON: {why}"));
            self.events.push(event);
            self.unread.drain(..length);
        }
    }
}

/// The text of the netstring `bytes` begin with, and the length of the whole of it.
fn netstring(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
    let text = bytes.get(colon + 1..colon + 1 + length)?;
    bytes.get(colon + 1 + length)?; // the comma
    Some((text, colon + length + 2))
}

/// Where this system keeps baresip's modules.
fn modules() -> PathBuf {
    let places = [
        "/usr/lib/baresip/modules",
        "/usr/lib/x86_64-linux-gnu/baresip/modules",
        "/usr/lib/aarch64-linux-gnu/baresip/modules",
        "/usr/local/lib/baresip/modules",
    ];
    let place = places.into_iter().map(Path::new).find(|place| place.join("sndfile.so").exists());
    place.expect("baresip's modules; they come with baresip-core (./dev test installs it)").to_owned()
}
