//! The thread that runs a command of the operator's after each recording.
//!
//! Where it stands: behind settler and encoder, which only wake it: what there is to do is in the archive's chain. It
//! waits for a command as long as that is to take, and nobody waits for it.

use std::cell::Cell;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use recorder::{Act, Entry, Format, Outbox};
use rustix::process::{Pid, Signal, kill_process_group};
use tracing::{debug, error, warn};

use super::clock::Clock;
use crate::conf::RecordingConf;

/// What was missed while the disk failed is looked for so often.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How often a command that runs is looked at.
const GLANCE: Duration = Duration::from_millis(20);
/// A command that runs when the switch ends has so long left.
const GRACE: Duration = Duration::from_secs(3);

/// Wakes the thread. It ends, leaving for the next start what is not done, when the last of these is gone.
#[derive(Clone)]
pub(super) struct Hook(SyncSender<()>);

impl Hook {
    /// Starts the thread; none where no command is named.
    pub(super) fn start(
        folders: &[PathBuf],
        conf: &RecordingConf,
        clock: Clock,
    ) -> io::Result<Option<(Hook, JoinHandle<()>)>> {
        if conf.hook.is_empty() {
            return Ok(None);
        }
        // Who takes recordings elsewhere wants them as they will stay.
        let acts: &[Act] = match conf.format {
            Format::Wav => &[Act::Closed, Act::Salvaged],
            Format::Opus if conf.live && conf.key_file.is_none() => &[Act::Closed, Act::Salvaged, Act::Encoded],
            Format::G711 | Format::Opus => &[Act::Encoded],
        };
        let outboxes = folders.iter().map(|folder| (folder.clone(), Outbox::new(folder, "hook", acts))).collect();
        let (sender, inbox) = sync_channel(1);
        let limit = Duration::from_secs(conf.hook_secs_max.into());
        let running = Running { command: conf.hook.clone(), limit, clock, inbox, woken: Cell::new(false) };
        let thread = thread::Builder::new().name("hook".to_owned()).spawn(move || running.run(outboxes))?;
        Ok(Some((Hook(sender), thread)))
    }

    /// The chain has news.
    pub(super) fn wake(&self) {
        let _ = self.0.try_send(()); // full: it is woken already
    }
}

struct Running {
    command: Vec<String>,
    limit: Duration,
    clock: Clock,
    inbox: Receiver<()>,
    /// There was news while a command ran.
    woken: Cell<bool>,
}

impl Running {
    fn run(self, mut outboxes: Vec<(PathBuf, Outbox)>) {
        loop {
            let mut least = GLANCE;
            for (folder, outbox) in &mut outboxes {
                if let Err(why) = self.tell(folder, outbox) {
                    error!(folder = %folder.display(), "the hook waits: {why}");
                    least = LOOK_EVERY;
                }
            }
            if self.woken.take() {
                continue;
            }
            let deadline = outboxes.iter().filter_map(|(_, outbox)| outbox.deadline()).min();
            let wait = deadline.map_or(LOOK_EVERY, |at| at.duration_since(self.clock.today()).unsigned_abs());
            if let Err(RecvTimeoutError::Disconnected) = self.inbox.recv_timeout(wait.clamp(least, LOOK_EVERY)) {
                return;
            }
        }
    }

    /// Runs the command for all that is due.
    fn tell(&self, folder: &Path, outbox: &mut Outbox) -> io::Result<()> {
        while !self.is_over()
            && let Some(entry) = outbox.next(self.clock.today())?
        {
            match self.command_for(folder, &entry) {
                Ok(()) => {
                    debug!(file = entry.file, "the hook has run");
                    outbox.done(&entry)?;
                }
                Err(why) => match outbox.failed(&entry, self.clock.today())? {
                    Some(again) => warn!(file = entry.file, %again, "the hook {why}; it is tried again"),
                    None => error!(file = entry.file, "the hook {why}; it is given up after three days"),
                },
            }
        }
        Ok(())
    }

    fn command_for(&self, folder: &Path, entry: &Entry) -> Result<(), String> {
        let Some((program, arguments)) = self.command.split_first() else { return Ok(()) };
        let sound = folder.join(&entry.file);
        let act = match entry.act {
            Act::Encoded => "encoded",
            Act::Salvaged => "salvaged",
            _ => "closed",
        };
        let child = Command::new(program)
            .args(arguments)
            .env("CENTRALA_ACT", act)
            .env("CENTRALA_SIDECAR", sound.with_extension("json"))
            .env("CENTRALA_FILE", sound)
            .env("CENTRALA_SHA256", entry.sha256.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0) // its children end with it
            .spawn();
        self.wait_for(child.map_err(|why| format!("cannot be run: {program}: {why}"))?)
    }

    fn wait_for(&self, mut child: Child) -> Result<(), String> {
        let mut limit = self.clock.now() + self.limit;
        let mut over = false;
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("ended with {status}")),
                Ok(None) => {}
                Err(why) => return Err(format!("cannot be waited for: {why}")),
            }
            if !over && self.is_over() {
                over = true;
                limit = limit.min(self.clock.now() + GRACE);
            }
            if self.clock.now() >= limit {
                end(&mut child);
                return Err(format!("took more than {} s", if over { GRACE } else { self.limit }.as_secs()));
            }
            self.pause();
        }
    }

    /// Has the switch no more to tell?
    fn is_over(&self) -> bool {
        let news = self.inbox.try_recv();
        self.woken.set(self.woken.get() || news.is_ok());
        news == Err(TryRecvError::Disconnected)
    }

    #[allow(clippy::disallowed_methods)] // a process is waited for, and std waits without limit only
    fn pause(&self) {
        thread::sleep(GLANCE);
    }
}

/// Ends a command, and whatever it has begun.
pub(super) fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}
