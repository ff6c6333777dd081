//! Tables of what is going on: printed once, or shown again every so often on the whole screen.
//!
//! Where it stands: `remote` asks; here is only how it looks. The screen needs seven control sequences that every terminal of
//! the last forty years knows (ECMA-48, xterm's alternate screen): a crate for that would be larger than this.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use centrala::shell::Request;
use centrala::status::{AgentStatus, CallStatus, QueueStatus};
use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::{ListArgs, table};
use crate::Failure;

#[derive(Args)]
pub struct LiveArgs {
    #[command(flatten)]
    list: ListArgs,
    /// Show it again every so many seconds, on the whole screen, until Ctrl-C
    #[arg(long, value_name = "SECS", num_args = 0..=1, default_missing_value = "1", value_parser = clap::value_parser!(u64).range(1..=3600))]
    watch: Option<u64>,
}

/// A table: what is asked for, and how a line of it looks.
pub struct Live {
    pub request: Request,
    pub head: &'static [&'static str],
    pub columns: fn(Value) -> Option<Vec<String>>,
    pub none: &'static str,
}

pub const QUEUES: Live = Live {
    request: Request::Queues,
    head: &["QUEUE", "WAITING", "BACK", "LONGEST", "NEXT", "TALKING", "FREE", "PAUSED", "LOGGED IN", "STRATEGY", ""],
    columns: queue_columns,
    none: "no queues",
};

pub const AGENTS: Live = Live {
    request: Request::Agents,
    head: &["AGENT", "STATE", "FOR", "LEFT", "REASON", "QUEUE", "CALL", "CALLS", "TALKED", "THEN", "SERVES"],
    columns: agent_columns,
    none: "no agents",
};

pub const CALLS: Live = Live {
    request: Request::Calls,
    head: &["CALL", "FOR", "DIRECTION", "CALLER", "CALLED", "AT", "STATE", "PLACE", "MOS", "RECORDING"],
    columns: call_columns,
    none: "no calls",
};

impl LiveArgs {
    pub fn run(self, live: &Live) -> Result<(), Failure> {
        let Some(secs) = self.watch else {
            print!("{}", self.text(live)?);
            return Ok(());
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.watch(live, Duration::from_secs(secs)))
    }

    /// The table as it is now.
    fn text(&self, live: &Live) -> Result<String, Failure> {
        let (mut lines, mut rows) = (String::new(), Vec::new());
        self.list.switch.ask(&live.request, |row| {
            match self.list.json {
                true => lines.push_str(&format!("{row}\n")),
                false => rows.extend((live.columns)(row)),
            }
            true
        })?;
        match (self.list.json, rows.is_empty()) {
            (true, _) => {}
            (false, true) => lines = format!("{}\n", live.none),
            (false, false) => {
                rows.insert(0, live.head.iter().map(ToString::to_string).collect());
                lines = table(&rows);
            }
        }
        Ok(lines)
    }

    async fn watch(&self, live: &Live, every: Duration) -> Result<(), Failure> {
        let mut stop = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        let [interrupt, terminate] = &mut stop;
        let screen = Screen::open(!self.list.json)?;
        let mut again = tokio::time::interval(every);
        loop {
            tokio::select! {
                _ = again.tick() => screen.show(&self.text(live)?)?,
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
            }
        }
    }
}

/// The whole screen, where there is one; else one table after the other.
struct Screen {
    whole: bool,
}

impl Screen {
    fn open(wanted: bool) -> io::Result<Screen> {
        let screen = Screen { whole: wanted && io::stdout().is_terminal() };
        if screen.whole {
            screen.say("\x1b[?1049h\x1b[?25l")?; // the other screen, and no cursor on it
        }
        Ok(screen)
    }

    fn show(&self, text: &str) -> io::Result<()> {
        if !self.whole {
            return self.say(text);
        }
        let rows = rustix::termios::tcgetwinsize(io::stdout()).map_or(24, |size| size.ws_row).max(2);
        self.say(&frame(text, rows.into()))
    }

    fn say(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.whole {
            let _ = self.say("\x1b[?25h\x1b[?1049l");
        }
    }
}

/// The text over what was there, without flicker: lines that are too long are cut by the terminal, rows too many by us.
fn frame(text: &str, rows: usize) -> String {
    let mut frame = String::from("\x1b[H\x1b[?7l");
    let lines: Vec<&str> = text.lines().collect();
    let shown = if lines.len() > rows { rows - 1 } else { lines.len() };
    for (at, line) in lines[..shown].iter().enumerate() {
        let end = if at + 1 == rows { "" } else { "\r\n" };
        frame.push_str(&format!("{line}\x1b[K{end}"));
    }
    if shown < lines.len() {
        frame.push_str(&format!("… {} more\x1b[K", lines.len() - shown));
    }
    frame + "\x1b[J\x1b[?7h"
}

pub fn clock(secs: u64) -> String {
    match secs {
        3600.. => format!("{}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60),
        _ => format!("{}:{:02}", secs / 60, secs % 60),
    }
}

fn read<T: DeserializeOwned>(row: Value) -> Option<T> {
    serde_json::from_value(row).ok()
}

fn queue_columns(row: Value) -> Option<Vec<String>> {
    let strategy = row["strategy"].as_str().unwrap_or_default().to_owned();
    let queue: QueueStatus = read(row)?;
    let longest = if queue.waiting > 0 { clock(queue.waited_secs_max) } else { "-".to_owned() };
    let next = queue.estimate_secs.map_or_else(|| "-".to_owned(), clock);
    let closed = if queue.closed { "closed" } else { "" }.to_owned();
    let [waiting, back, talking, free, paused, logged_in] =
        [queue.waiting, queue.call_backs, queue.talking, queue.free, queue.paused, queue.logged_in]
            .map(|count| count.to_string());
    Some(vec![queue.queue, waiting, back, longest, next, talking, free, paused, logged_in, strategy, closed])
}

fn agent_columns(row: Value) -> Option<Vec<String>> {
    let agent: AgentStatus = read(row)?;
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    Some(vec![
        agent.agent,
        agent.state,
        clock(agent.secs),
        or_none(agent.left_secs.map(clock)),
        or_none(agent.reason),
        or_none(agent.queue),
        or_none(agent.call),
        agent.calls.to_string(),
        clock(agent.talked_secs),
        or_none(agent.next),
        agent.queues.join(","),
    ])
}

fn call_columns(row: Value) -> Option<Vec<String>> {
    let call: CallStatus = read(row)?;
    let state = match (&call.with, call.answered) {
        _ if call.position.is_some() => "waiting".to_owned(),
        (Some(party), _) => format!("with {party}"),
        (None, true) => "answered".to_owned(),
        (None, false) => "calling".to_owned(),
    };
    let place = call.position.map_or_else(|| "-".to_owned(), |place| place.to_string());
    let mos = call.mos().map_or_else(|| "-".to_owned(), |mos| format!("{mos:.1}"));
    let recording = call.recording.unwrap_or_default();
    Some(vec![
        call.call,
        clock(call.secs),
        call.direction,
        call.caller,
        call.called,
        call.at,
        state,
        place,
        mos,
        recording,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_filled_and_never_scrolled() {
        let text = "a\nb\nc\n";
        for (rows, wanted) in [(4, "a b c "), (3, "a b c"), (2, "a … 2 more")] {
            let frame = frame(text, rows);
            let plain = frame.replace("\r\n", " ").replace("\x1b[H\x1b[?7l", "").replace("\x1b[K", "");
            assert_eq!(plain.replace("\x1b[J\x1b[?7h", ""), wanted, "{rows} rows");
            assert!(frame.matches("\r\n").count() < rows, "it scrolls");
        }
    }
}
