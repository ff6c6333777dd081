//! The recorder's thread: files can be slow, calls cannot.
//!
//! Where it stands: the control thread opens and closes recordings, media threads bring the sound; both by one bounded
//! channel. Nobody waits for it: what does not fit is refused, counted by whoever brought it, and becomes a gap that the
//! sidecar tells of. A disk that does not answer at all is said by those at the door, for this thread cannot: of every
//! recording that has sound for it, or is to begin, once each time.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use audio::Clip;
use base::RecordingId;
use base::Time;
use recorder::{Channel, Event, Input, Output, Recorder};

use super::clock::Clock;
use super::settler::Settler;

/// Half a second of one side is one clip: 10,000 recorded calls fill this in a third of a second.
const WAITING_MAX: usize = 16_384;

/// Pieces of sound that found no room and are not told of yet; of more than these the sidecars will not know.
const MISSED_MAX: usize = 65_536;
/// A disk that has not answered for so long is said.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long sound may wait to be fetched: much less than a recording lets it wait for the other side.
const BREATH: Duration = Duration::from_millis(50);
/// How often the room on the disks is looked at.
const ROOM_EVERY: Duration = Duration::from_secs(5);

/// A door to the recorder.
#[derive(Clone)]
pub(super) struct Door {
    inbox: SyncSender<Input>,
    state: Arc<State>,
    clock: Clock,
    events: Arc<dyn Fn(Event) + Send + Sync>,
}

/// What those at the door and the thread behind it know of each other.
#[derive(Default)]
struct State {
    missed: Mutex<Vec<Input>>,
    has_missed: AtomicBool,
    /// Since when the thread has been at what it does, in nanoseconds; 0: it waits for something to do.
    busy_since: AtomicU64,
    /// The recordings of which it is said that the disk does not answer, and since when it does not.
    stuck: Mutex<(u64, HashSet<RecordingId>)>,
}

impl State {
    fn miss(&self, lost: Input) {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        if missed.len() < MISSED_MAX {
            missed.push(lost);
        }
        self.has_missed.store(true, Ordering::Release);
    }

    fn take_missed(&self) -> Vec<Input> {
        if !self.has_missed.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut self.missed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the disk not answered for too long? True once each time for each recording.
    fn is_stuck(&self, id: RecordingId, now: Time) -> bool {
        let since = self.busy_since.load(Ordering::Relaxed);
        if since == 0 || now.since(Time::from_nanos(since)) <= PATIENCE {
            return false;
        }
        let (of, told) = &mut *self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        if *of != since {
            (*of, *told) = (since, HashSet::new());
        }
        told.len() < MISSED_MAX && told.insert(id)
    }

    fn begins(&self, now: Time) {
        self.busy_since.store(now.as_nanos().max(1), Ordering::Relaxed);
    }

    fn ends(&self) {
        self.busy_since.store(0, Ordering::Relaxed);
    }
}

impl Door {
    /// Tells the recorder that a recording begins or ends. False if it has fallen far behind, or ended.
    pub(super) fn tell(&self, input: Input) -> bool {
        if let Input::Open { id, .. } = &input {
            self.say_if_stuck(*id);
        }
        self.inbox.try_send(input).is_ok()
    }

    fn say_if_stuck(&self, id: RecordingId) {
        if self.state.is_stuck(id, self.clock.now()) {
            let why = format!(
                "the disk of the recordings has not answered for {PATIENCE:?}; its sound waits or is lost until it does"
            );
            (self.events)(Event::Stalled { id, why });
        }
    }

    /// Brings sound. False if there was no room for it.
    pub(super) fn bring(&self, id: RecordingId, channel: media::Channel, clip: Clip) -> bool {
        let channel = match channel {
            media::Channel::Left => Channel::Left,
            media::Channel::Right => Channel::Right,
        };
        self.say_if_stuck(id);
        let (at, samples) = (clip.at, clip.samples() as u64);
        let taken = self.tell(Input::Audio { id, channel, clip });
        if !taken {
            self.state.miss(Input::Lost { id, channel, at, samples });
        }
        taken
    }
}

/// Starts the thread. It ends, with every recording handed to the settler, when all doors are gone.
pub(super) fn start(
    recorder: Recorder,
    settler: Settler,
    folders: Vec<PathBuf>,
    clock: Clock,
    events: impl Fn(Event) + Send + Sync + 'static,
) -> io::Result<(Door, JoinHandle<()>)> {
    let (sender, inbox) = sync_channel(WAITING_MAX);
    let state = Arc::new(State::default());
    let events: Arc<dyn Fn(Event) + Send + Sync> = Arc::new(events);
    let door = Door { inbox: sender, state: state.clone(), clock, events: events.clone() };
    let thread = Thread { recorder, settler, folders, state, clock, events, next_look: Time::ZERO };
    let thread = thread::Builder::new().name("recorder".to_owned()).spawn(move || thread.run(&inbox))?;
    Ok((door, thread))
}

struct Thread {
    recorder: Recorder,
    settler: Settler,
    folders: Vec<PathBuf>,
    state: Arc<State>,
    clock: Clock,
    events: Arc<dyn Fn(Event) + Send + Sync>,
    /// When the room on the disks is looked at again.
    next_look: Time,
}

impl Thread {
    #[allow(clippy::disallowed_methods)] // the shell waits
    fn run(mut self, inbox: &Receiver<Input>) {
        let mut last_tick = None;
        loop {
            let now = self.clock.now();
            if now >= self.next_look {
                self.next_look = now + ROOM_EVERY;
                self.look_for_room();
            }
            let due = self.recorder.deadline().map_or(self.next_look, |at| at.min(self.next_look));
            let patience = due.since(now);
            let input = match self.next(inbox, patience) {
                Ok(input) => input,
                Err(RecvTimeoutError::Timeout) => Input::Tick,
                Err(RecvTimeoutError::Disconnected) => {
                    // Recordings told to close wait a moment for clips on their way; then there is nothing left to do.
                    let until = *last_tick.get_or_insert(now + LAST_CLIPS_TIME);
                    if self.recorder.count() == 0 || now >= until {
                        return;
                    }
                    thread::sleep(patience.min(until.since(now)));
                    Input::Tick
                }
            };
            for missed in self.state.take_missed() {
                self.handle(missed);
            }
            self.handle(input);
        }
    }

    /// Sound is fetched every now and then, so that no media thread has to wake this one.
    #[allow(clippy::disallowed_methods)] // the shell waits
    fn next(&self, inbox: &Receiver<Input>, patience: Duration) -> Result<Input, RecvTimeoutError> {
        match inbox.try_recv() {
            Ok(input) => Ok(input),
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) if self.recorder.count() == 0 => inbox.recv_timeout(patience),
            Err(TryRecvError::Empty) => {
                thread::sleep(BREATH.min(patience));
                Ok(inbox.try_recv().unwrap_or(Input::Tick))
            }
        }
    }

    fn handle(&mut self, input: Input) {
        let now = self.clock.now();
        self.state.begins(now);
        let mut out = Vec::new();
        self.recorder.handle(input, now, &mut out);
        for output in out {
            match output {
                Output::Event(event) => (self.events)(event),
                Output::Close(closing) => self.settler.settle(closing),
            }
        }
        self.state.ends();
    }

    fn look_for_room(&mut self) {
        for folder in self.folders.clone() {
            self.state.begins(self.clock.now());
            let room = rustix::fs::statvfs(&folder);
            self.state.ends();
            // A folder that cannot even be asked has no room.
            let bytes = room.map_or(0, |room| room.f_bavail.saturating_mul(room.f_frsize));
            self.handle(Input::Room { folder, bytes });
        }
    }
}

/// How long the recorder goes on when all doors are gone.
const LAST_CLIPS_TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn id(segment: u16) -> RecordingId {
        RecordingId { call: base::CallId::new(0, &mut base::Random::numbered(1)), segment }
    }

    #[test]
    fn a_disk_that_does_not_answer_is_said_once_each_time_of_each_recording() {
        let state = State::default();
        let at = |ms| Time::from_millis(ms);
        assert!(!state.is_stuck(id(1), at(60_000)), "it waits for something to do");
        state.begins(at(60_000));
        let said: Vec<bool> = [60_000, 63_000, 63_001, 64_000].map(|ms| state.is_stuck(id(1), at(ms))).into();
        assert_eq!(said, [false, false, true, false]);
        assert!(state.is_stuck(id(2), at(64_000)));
        state.ends();
        state.begins(at(70_000));
        assert_eq!([70_100, 80_000].map(|ms| state.is_stuck(id(1), at(ms))), [false, true]);
    }

    #[test]
    fn what_found_no_room_is_told_when_there_is_some() {
        let (sender, inbox) = sync_channel(1);
        let door = Door { inbox: sender, state: Arc::default(), clock: Clock::start(), events: Arc::new(|_| {}) };
        let clip = |at| Clip { at, encoding: audio::Encoding::Pcmu, wide: 1, payload: vec![0; 160] };
        let taken = [0, 160, 320].map(|at| door.bring(id(1), media::Channel::Left, clip(at)));
        assert_eq!(taken, [true, false, false]);
        let missed: Vec<u64> = door
            .state
            .take_missed()
            .iter()
            .map(|lost| match lost {
                Input::Lost { at, samples: 160, channel: Channel::Left, .. } => *at,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(missed, [160, 320]);
        assert!(door.state.take_missed().is_empty() && inbox.try_recv().is_ok());
    }
}
