//! The recorder's thread: files can be slow, calls cannot.
//!
//! Where it stands: the control thread opens and closes recordings, media threads bring the sound; both by one bounded
//! channel. Nobody waits for it: what does not fit is refused, and counted by whoever brought it.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use audio::Clip;
use base::RecordingId;
use recorder::{Channel, Event, Input, Output, Recorder};

use super::clock::Clock;
use super::settler::Settler;

/// Half a second of one side is one clip: 10,000 recorded calls fill this in a third of a second.
const WAITING_MAX: usize = 16_384;

/// A door to the recorder.
#[derive(Clone)]
pub(super) struct Door(SyncSender<Input>);

impl Door {
    /// Tells the recorder that a recording begins or ends. False if it has fallen far behind, or ended.
    pub(super) fn tell(&self, input: Input) -> bool {
        self.0.try_send(input).is_ok()
    }

    /// Brings sound. False if there was no room for it.
    pub(super) fn bring(&self, id: RecordingId, channel: media::Channel, clip: Clip) -> bool {
        let channel = match channel {
            media::Channel::Left => Channel::Left,
            media::Channel::Right => Channel::Right,
        };
        self.tell(Input::Audio { id, channel, clip })
    }
}

/// Starts the thread. It ends, with every recording handed to the settler, when all doors are gone.
pub(super) fn start(
    recorder: Recorder,
    settler: Settler,
    clock: Clock,
    events: impl Fn(Event) + Send + 'static,
) -> io::Result<(Door, JoinHandle<()>)> {
    let (sender, inbox) = sync_channel(WAITING_MAX);
    let thread = thread::Builder::new()
        .name("recorder".to_owned())
        .spawn(move || run(recorder, settler, inbox, clock, events))?;
    Ok((Door(sender), thread))
}

#[allow(clippy::disallowed_methods)] // the shell waits
fn run(mut recorder: Recorder, settler: Settler, inbox: Receiver<Input>, clock: Clock, events: impl Fn(Event)) {
    let mut out = Vec::new();
    let mut last_tick = None;
    loop {
        let now = clock.now();
        let patience = recorder.deadline().map_or(Duration::from_secs(60), |at| at.since(now));
        let input = match inbox.recv_timeout(patience) {
            Ok(input) => input,
            Err(RecvTimeoutError::Timeout) => Input::Tick,
            Err(RecvTimeoutError::Disconnected) => {
                // Recordings told to close wait a moment for clips on their way; then there is nothing left to do.
                let until = *last_tick.get_or_insert(now + LAST_CLIPS_TIME);
                if recorder.count() == 0 || now >= until {
                    return;
                }
                thread::sleep(patience.min(until.since(now)));
                Input::Tick
            }
        };
        recorder.handle(input, clock.now(), &mut out);
        for output in out.drain(..) {
            match output {
                Output::Event(event) => events(event),
                Output::Close(closing) => settler.settle(closing),
            }
        }
    }
}

/// How long the recorder goes on when all doors are gone.
const LAST_CLIPS_TIME: Duration = Duration::from_secs(5);
