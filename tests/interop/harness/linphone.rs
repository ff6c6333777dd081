//! linphone's console phone, `linphonec`: commands by its standard input, and files instead of a sound card.
//!
//! What one must know of linphonec 5.1 (Debian 12) to use it so:
//! * `soundcard use files` must come before `play` and `record`, and these before the call.
//! * With its standard input at an end it quits, so the pipe stays open as long as the phone.
//! * What happens is told by its log file; its standard output stays in a buffer.
//! * It keeps a data base and its certificates below `HOME`; without that folder it complains and goes on.
//! * The last of what it hears may not reach its file, though the header counts it.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ChildStdin, Command};
use std::time::Duration;

use super::process::Process;
use super::sound::{self, Side};
use super::switch::password;
use super::{Scratch, ports, until};

/// A running phone. It answers by itself whoever calls, and plays its tone to them.
pub struct Linphone {
    process: Process,
    input: ChildStdin,
    log: PathBuf,
    heard: PathBuf,
}

impl Linphone {
    /// Starts a phone of one of the people that plays a tone of `hz`, by `transport` (`udp`, `tcp` or `tls`), with these
    /// lines more in its conf. When this returns it is registered at the switch.
    pub fn start(room: &Scratch, user: &str, hz: u32, switch: SocketAddr, transport: &str, more: &str) -> Linphone {
        let folder = room.folder(&format!("linphone-{user}"));
        room.folder(&format!("linphone-{user}/.local/share/linphone"));
        let (conf, tone, heard) = (folder.join("linphonerc"), folder.join("tone.wav"), folder.join("heard.wav"));
        sound::write_tone(&tone, hz, 30, 1);
        let (sip, media) = (ports::block(2), ports::block(2));
        let (tcp, tls) = (sip, sip + 1);
        let text = format!(
            "[sip]\nsip_port={sip}\nsip_tcp_port={tcp}\nsip_tls_port={tls}\nverify_server_certs=0\n\
             verify_server_cn=0\nuse_ipv6=0\n[rtp]\naudio_rtp_port={media}\naudio_adaptive_jitt_comp_enabled=0\n\
             [sound]\nechocancellation=0\nauto_net_state_mon=0\n{more}"
        );
        fs::write(&conf, text).expect("a file in our own folder");
        let mut linphonec = Command::new("linphonec");
        let log = folder.join("linphone.log");
        linphonec.args(["-a", "-d", "6", "-l"]).arg(&log).arg("-c").arg(&conf).env("HOME", &folder);
        let (process, input) =
            Process::listening(&format!("linphone {user}"), "linphone-cli", linphonec, &folder.join("linphonec.log"));
        let mut phone = Linphone { process, input, log, heard };
        let identity = format!("sip:{user}@{}", switch.ip());
        phone.say("soundcard use files");
        phone.say(&format!("play {}", tone.display()));
        phone.say(&format!("record {}", phone.heard.display()));
        phone.say(&format!("register {identity} sip:{switch};transport={transport} {}", password(user)));
        phone.wait_for("LinphoneRegistrationOk", Duration::from_secs(15));
        phone
    }

    pub fn dial(&mut self, uri: &str) {
        self.say(&format!("call {uri}"));
    }

    /// Sends a text.
    pub fn write(&mut self, uri: &str, text: &str) {
        self.say(&format!("chat {uri} {text}"));
    }

    pub fn hang_up(&mut self) {
        self.say("terminate");
    }

    /// Waits till its log has these words.
    pub fn wait_for(&mut self, words: &str, limit: Duration) {
        until(&format!("{words} of linphone"), limit, || {
            assert!(self.process.ended().is_none(), "the phone ended at once");
            String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).contains(words).then_some(())
        });
    }

    /// Ends the phone and reads what it heard.
    pub fn heard(mut self) -> Side {
        self.say("quit");
        self.process.end_within(Duration::from_secs(15));
        sound::read_broken(&self.heard).remove(0)
    }

    fn say(&mut self, command: &str) {
        writeln!(self.input, "{command}").expect("a phone that takes commands");
    }
}
