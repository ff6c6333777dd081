//! The operator's command for alerts: one thread runs it, for one alert after another.
//!
//! Where it stands: the journal has the alert already; what is run here is told of it and nothing waits for it. A command that fails
//! is not repeated: how things stand then is told by the next alert.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use acd::What;
use rustix::process::{Pid, Signal, kill_process_group};
use tracing::warn;

/// So many alerts wait for a slow command.
const WAITING_MAX: usize = 256;
/// No command runs for longer.
const LIMIT: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// A door to the thread, which ends when this is gone.
pub(super) struct Alerts(Option<SyncSender<Vec<(&'static str, String)>>>);

impl Alerts {
    /// Starts the thread, where there is a command.
    pub(super) fn start(command: &[String]) -> std::io::Result<Alerts> {
        if command.is_empty() {
            return Ok(Alerts(None));
        }
        let (sender, inbox) = sync_channel(WAITING_MAX);
        let command = command.to_owned();
        thread::Builder::new().name("alerts".to_owned()).spawn(move || run(&command, &inbox))?;
        Ok(Alerts(Some(sender)))
    }

    /// Tells of a fact, if it is an alert.
    pub(super) fn tell(&self, what: &What) {
        let (Some(door), What::Alert { queue, alert, value, limit, raised }) = (&self.0, what) else { return };
        let said = vec![
            ("CENTRALA_QUEUE", queue.to_string()),
            ("CENTRALA_ALERT", alert.word().to_owned()),
            ("CENTRALA_STATE", if *raised { "raised" } else { "ended" }.to_owned()),
            ("CENTRALA_VALUE", value.to_string()),
            ("CENTRALA_LIMIT", limit.to_string()),
        ];
        if door.try_send(said).is_err() {
            warn!(%queue, alert = alert.word(), "the command for alerts is far behind; it was not told of this one");
        }
    }
}

fn run(command: &[String], inbox: &Receiver<Vec<(&'static str, String)>>) {
    let Some((program, arguments)) = command.split_first() else { return };
    for said in inbox {
        let child = Command::new(program)
            .args(arguments)
            .envs(said)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0) // its children end with it
            .spawn();
        match child.and_then(wait_for) {
            Ok(None) => {}
            Ok(Some(why)) => warn!(program, "the command for alerts {why}"),
            Err(why) => warn!(program, "the command for alerts cannot be run: {why}"),
        }
    }
}

/// What was wrong with it, if anything was.
#[allow(clippy::disallowed_methods)] // a process is waited for, and std waits without limit only
fn wait_for(mut child: Child) -> std::io::Result<Option<String>> {
    for _ in 0..LIMIT.as_millis() / GLANCE.as_millis() {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(None),
            Some(status) => return Ok(Some(format!("ended with {status}"))),
            None => thread::sleep(GLANCE),
        }
    }
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.wait()?;
    Ok(Some(format!("took more than {} s", LIMIT.as_secs())))
}
