//! The thread that sends messages of voicemail by e-mail, with what a program of the operator's has understood of them.
//!
//! Where it stands: behind the archive, whose chain is its queue, as it is the hook's: what could not be sent is tried again
//! for three days, over a restart too. Nobody waits for it. It asks an SMTP server (RFC 5321), through `lettre`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Attachment, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use recorder::{Act, Because, Cut, Entry, Format, Keyring, Manifest, Outbox, play, transcribed};
use serde_json::Value;
use tracing::{info, warn};

use super::clock::Clock;
use super::hook::end;
use crate::conf::{MailConf, MailTls};

/// Wakes the thread, or tells it of another conf.
#[derive(Clone)]
pub(super) struct Mail(SyncSender<Word>);

enum Word {
    News,
    Conf(Arc<MailConf>),
}

impl Mail {
    /// Starts the thread. It ends, leaving for the next start what is not sent, when the last of these is gone.
    pub(super) fn start(
        folders: Vec<PathBuf>,
        keys: Keyring,
        format: Format,
        conf: Arc<MailConf>,
        clock: Clock,
    ) -> io::Result<Mail> {
        // What is sent is what stays.
        let acts: &'static [Act] = match format {
            Format::Wav => &[Act::Closed, Act::Salvaged],
            Format::G711 | Format::Opus => &[Act::Encoded],
        };
        let (sender, inbox) = sync_channel(WORDS_MAX);
        let sending = Sending { folders, keys, acts, conf, clock };
        thread::Builder::new().name("mail".to_owned()).spawn(move || sending.run(&inbox))?;
        Ok(Mail(sender))
    }

    /// A message was left.
    pub(super) fn wake(&self) {
        let _ = self.0.try_send(Word::News); // full: it is woken already
    }

    /// From now on it is so.
    pub(super) fn reload(&self, conf: Arc<MailConf>) {
        if self.0.try_send(Word::Conf(conf)).is_err() {
            warn!("the thread that sends messages is far behind; it goes on by the old voicemail.toml");
        }
    }
}

struct Sending {
    folders: Vec<PathBuf>,
    keys: Keyring,
    acts: &'static [Act],
    conf: Arc<MailConf>,
    clock: Clock,
}

/// What is known of a message.
struct Left {
    account: String,
    caller: String,
    at: String,
    secs: f64,
    transcript: Option<String>,
}

impl Sending {
    fn run(mut self, inbox: &Receiver<Word>) {
        let mut outboxes: Option<Vec<(PathBuf, Outbox)>> = None;
        loop {
            let mut wait = LOOK_EVERY;
            if self.conf.has_work() {
                let new = || self.folders.iter().map(|it| (it.clone(), Outbox::new(it, "mail", self.acts))).collect();
                for (folder, outbox) in outboxes.get_or_insert_with(new) {
                    if let Err(why) = self.tell(folder, outbox) {
                        warn!(folder = %folder.display(), "messages are not sent: {why}");
                    }
                    let now = self.clock.today();
                    let due = outbox.deadline().map_or(LOOK_EVERY, |at| at.duration_since(now).unsigned_abs());
                    wait = wait.min(due).max(LEAST_WAIT);
                }
            }
            match inbox.recv_timeout(wait) {
                Ok(Word::Conf(conf)) => self.conf = conf,
                Ok(Word::News) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Sends all that is due; one that cannot be sent does not keep the others from it.
    fn tell(&self, folder: &Path, outbox: &mut Outbox) -> io::Result<()> {
        while let Some(entry) = outbox.next(self.clock.today())? {
            let Some(left) = self.left(folder, &entry) else {
                outbox.done(&entry)?; // it is no message
                continue;
            };
            match self.send(folder, &entry, left) {
                Ok(()) => outbox.done(&entry)?,
                Err(why) => match outbox.failed(&entry, self.clock.today())? {
                    Some(again) => warn!(file = entry.file, %again, "a message is not sent: {why}; it is tried again"),
                    None => warn!(file = entry.file, "a message is not sent: {why}; it is given up after three days"),
                },
            }
        }
        Ok(())
    }

    /// What the sidecar says of a message, if it is one.
    fn left(&self, folder: &Path, entry: &Entry) -> Option<Left> {
        if !entry.file.starts_with("voicemail/") {
            return None;
        }
        let sidecar = fs::read(folder.join(&entry.file).with_extension("json")).ok()?;
        let sidecar: Value = serde_json::from_slice(&sidecar).ok()?;
        let left = &sidecar["channels"]["left"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let secs = sidecar["seconds"].as_f64()?;
        Some(Left {
            account: sidecar["asked"]["by"].as_str()?.strip_prefix("voicemail:")?.to_owned(),
            caller: text(&left["name"]).or_else(|| text(&left["number"])).unwrap_or_default(),
            at: text(&sidecar["began"]).unwrap_or_default(),
            secs,
            transcript: text(&sidecar["transcript"]),
        })
        .filter(|_| secs >= voicemail::SECONDS_MIN)
    }

    fn send(&self, folder: &Path, entry: &Entry, mut left: Left) -> Result<(), String> {
        let mut wav = Vec::new();
        play(&folder.join(&entry.file), &mut wav, &Cut { mono: true, ..Cut::default() }, &self.keys)
            .map_err(|why| format!("it cannot be read: {why}"))?;
        if left.transcript.is_none() && !self.conf.transcript.is_empty() {
            match self.understand(&wav) {
                Ok(text) => {
                    let because = Because { by: "voicemail", why: "transcript", at: self.clock.today() };
                    if let Err(why) = transcribed(&mut Manifest::new(folder), &entry.file, because, &text) {
                        warn!(file = entry.file, "what was understood of a message is not in its sidecar: {why}");
                    }
                    left.transcript = Some(text);
                }
                Err(why) => warn!(file = entry.file, "the program for transcripts {why}; the message is sent without"),
            }
        }
        let (Some(server), Some(to)) = (&self.conf.server, self.conf.addresses.get(&left.account)) else {
            return Ok(());
        };
        let name = Path::new(&entry.file).with_extension("wav");
        let name = name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let kind = ContentType::parse("audio/wav").map_err(|why| why.to_string())?;
        let said = |text: &str| {
            text.replace("{caller}", &left.caller)
                .replace("{at}", &left.at)
                .replace("{secs}", &format!("{:.0}", left.secs))
                .replace("{transcript}", left.transcript.as_deref().unwrap_or(""))
        };
        let letter = Message::builder()
            .from(server.from.parse().map_err(|why| format!("{:?} is no address: {why}", server.from))?)
            .to(to.parse().map_err(|why| format!("{to:?} is no address: {why}"))?)
            .subject(said(&server.subject).replace(['\r', '\n'], " "))
            .multipart(
                MultiPart::mixed()
                    .singlepart(SinglePart::plain(said(&server.text)))
                    .singlepart(Attachment::new(name).body(wav, kind)),
            )
            .map_err(|why| why.to_string())?;
        let tls = || TlsParameters::new(server.host.clone()).map_err(|why| why.to_string());
        let tls = match server.tls {
            MailTls::None => Tls::None,
            MailTls::StartTls => Tls::Required(tls()?),
            MailTls::Tls => Tls::Wrapper(tls()?),
        };
        let mut transport =
            SmtpTransport::builder_dangerous(&server.host).port(server.port).tls(tls).timeout(Some(SERVER_PATIENCE));
        if let Some((user, password)) = &server.login {
            transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
        }
        transport.build().send(&letter).map_err(|why| format!("{}:{} says: {why}", server.host, server.port))?;
        info!(file = entry.file, account = left.account, "a message was sent by e-mail");
        Ok(())
    }

    /// Gives the sound to the program, as a file of our own, and takes what it says.
    fn understand(&self, wav: &[u8]) -> Result<String, String> {
        let Some((program, arguments)) = self.conf.transcript.split_first() else { return Ok(String::new()) };
        let place = std::env::temp_dir().join(format!("centrala-message-{}", std::process::id()));
        let (sound, text) = (place.with_extension("wav"), place.with_extension("txt"));
        let disk = |why: io::Error| format!("has no file to read: {why}");
        let understood = own_file(&sound).and_then(|mut file| io::Write::write_all(&mut file, wav)).map_err(disk);
        let understood = understood.and_then(|()| {
            let out = own_file(&text).map_err(disk)?;
            let child = Command::new(program)
                .args(arguments)
                .arg(&sound)
                .stdin(Stdio::null())
                .stdout(out)
                .process_group(0) // its children end with it
                .spawn();
            let mut child = child.map_err(|why| format!("cannot be run: {program}: {why}"))?;
            let limit = self.clock.now() + self.conf.transcript_max;
            loop {
                match child.try_wait() {
                    Ok(Some(status)) if status.success() => break,
                    Ok(Some(status)) => return Err(format!("ended with {status}")),
                    Ok(None) if self.clock.now() < limit => pause(),
                    Ok(None) | Err(_) => {
                        end(&mut child);
                        return Err(format!("took more than {} s", self.conf.transcript_max.as_secs()));
                    }
                }
            }
            let mut said = Vec::new();
            let read = File::open(&text).and_then(|file| file.take(TRANSCRIPT_BYTES_MAX).read_to_end(&mut said));
            read.map_err(|why| format!("wrote nothing that can be read: {why}"))?;
            Ok(String::from_utf8_lossy(&said).trim().to_owned())
        });
        let _ = fs::remove_file(&sound);
        let _ = fs::remove_file(&text);
        understood
    }
}

/// A file that nobody else can read.
fn own_file(path: &Path) -> io::Result<File> {
    let _ = fs::remove_file(path);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[allow(clippy::disallowed_methods)] // a process is waited for, and std waits without limit only
fn pause() {
    thread::sleep(GLANCE);
}

const WORDS_MAX: usize = 16;
/// What nobody has told of is found so soon.
const LOOK_EVERY: Duration = Duration::from_secs(60);
const LEAST_WAIT: Duration = Duration::from_millis(500);
/// How often a program that runs is looked at.
const GLANCE: Duration = Duration::from_millis(20);
const SERVER_PATIENCE: Duration = Duration::from_secs(30);
/// Nobody speaks more in an hour.
const TRANSCRIPT_BYTES_MAX: u64 = 256 * 1024;
