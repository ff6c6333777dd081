//! The journal's thread: what happened is on the disk before anybody is shown what follows from it.
//!
//! Where it stands: behind a bounded channel, between the control thread and the [`Store`]. Facts are appended in groups, as
//! many as have come while the last group was written; a call's CDR is a line in the day's file once its facts are safe.
//! A disk that fails loses no call: facts wait in memory, the log says so, and they are written when the disk is back.
//! What finds no room even there is counted, and the count is an entry itself.

mod queue_file;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base::{CallId, Time, WallClock};
use call::Cdr;
use jiff::Timestamp;
use journal::{Entry, JournalError, Orphans, Record, Store};
use tracing::{error, info, warn};

use super::clock::Clock;
use super::feed::Feed;
use queue_file::QueueFile;

/// Facts waiting for the thread.
const WAITING_MAX: usize = 16_384;
/// Facts kept while the disk fails.
const UNWRITTEN_MAX: usize = 400_000;
/// No group is larger: the disk is asked often enough that nobody waits long.
const GROUP_MAX: usize = 4_096;
/// One fact seldom comes alone: so long is waited for those that follow, so that the disk is asked once for all of them.
const GATHER: Duration = Duration::from_millis(20);
/// So often is looked whether all is on the disk, and no longer than this is waited for that.
const LOOK: Duration = Duration::from_millis(1);
const SETTLE_MAX: Duration = Duration::from_secs(1);
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// Lines that wait to be written after their facts: when it is more, facts wait, too.
const LINES_MAX: usize = 100_000;
const BYTES_MAX: usize = 1 << 24;

/// What is older than is wished goes in small pieces, so that nothing has to wait for it.
const FORGOTTEN_MAX: usize = 2_000;
const FORGET_EVERY: Duration = Duration::from_secs(20);

/// Up to which entry CDRs are in their files.
const CDRS: &str = "cdr";
/// The entry this run began with.
const RUN: &str = "run";

/// How far the thread is, for who looks at it.
#[derive(Default)]
pub(super) struct Progress {
    entries: AtomicU64,
    waiting: AtomicU64,
    failing: AtomicBool,
    /// Facts that were brought, and those of them that wait no more.
    brought: AtomicU64,
    settled: AtomicU64,
}

impl Progress {
    /// Waits until all that was brought so far is on the disk: what is shown must outlive a power cut. A disk that fails
    /// holds up nobody.
    pub(super) async fn settle(&self) {
        let brought = self.brought.load(Ordering::Acquire);
        let settles = async {
            while self.settled.load(Ordering::Acquire) < brought && !self.is_failing() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(SETTLE_MAX, settles).await; // a disk that hangs
    }

    /// How many entries the journal has.
    pub(super) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// How many facts are not in it yet.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Can it not be written?
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }
}

/// A door to the journal.
pub(super) struct Journal {
    door: SyncSender<Word>,
    clock: Clock,
    /// The calls that stood when the clock was set, and how their moments are named: as when they began.
    earlier: HashMap<CallId, WallClock>,
    /// Facts that found no room since the last group.
    lost: Arc<AtomicU64>,
    progress: Arc<Progress>,
    feed: Feed,
}

/// What is brought to the journal.
struct Word {
    /// When, counted from 1970, and what.
    fact: (Time, Record),
    /// The record of a call that is over.
    cdr: Option<Box<Cdr>>,
    /// It is told of a call that is over already: its record is written once more.
    again: Option<CallId>,
}

impl Journal {
    /// Opens the folder's journal, closes what a crash left open, and starts the thread. It ends, with everything written,
    /// when the journal is dropped. What is older than `keep` goes. Told is also what the queues were when the switch ended.
    pub(super) fn start(
        folder: &Path,
        keep: Option<Duration>,
        clock: Clock,
    ) -> io::Result<(Journal, JoinHandle<()>, acd::Restored)> {
        fs::create_dir_all(folder)?;
        // Whether it can be written is better known now than after the first call.
        let probe = folder.join(".probe");
        File::create(&probe).and_then(|_| fs::remove_file(&probe))?;
        let (mut writer, queues) = Writer::open(folder, clock).map_err(io::Error::other)?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let began = (clock.wall().since_1970(clock.now()), Record::Started { version });
        let run = (RUN, writer.store.last() + 1);
        writer.store.append(&[began], &[run]).map_err(io::Error::other)?;
        let (door, inbox) = sync_channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        (writer.lost, writer.keep) = (lost.clone(), keep);
        let (progress, feed) = (writer.progress.clone(), writer.feed.clone());
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(&inbox))?;
        Ok((Journal { door, clock, earlier: HashMap::new(), lost, progress, feed }, thread, queues))
    }

    /// Appends what happened.
    pub(super) fn append(&self, at: Time, record: Record) {
        self.bring(Word { fact: (self.wall(record.call()).since_1970(at), record), cdr: None, again: None });
    }

    /// Appends what is told of a call that is over, and then its CDR once more.
    pub(super) fn amend(&self, call: CallId, at: Time, record: Record) {
        self.bring(Word { fact: (self.clock.wall().since_1970(at), record), cdr: None, again: Some(call) });
    }

    /// Appends that a call is over, and then its CDR.
    pub(super) fn over(&mut self, call: CallId, cdr: Box<Cdr>) {
        let at = self.wall(Some(call)).since_1970(self.clock.now());
        self.bring(Word { fact: (at, Record::Over { call }), cdr: Some(cdr), again: None });
        self.earlier.remove(&call);
    }

    /// Somebody has set the system's clock, which said `was` before, while these calls stand.
    pub(super) fn clock_is_set(&mut self, was: WallClock, by_ms: i64, standing: impl Iterator<Item = CallId>) {
        for call in standing {
            self.earlier.entry(call).or_insert(was);
        }
        self.append(self.clock.now(), Record::ClockSet { by_ms });
    }

    fn wall(&self, call: Option<CallId>) -> WallClock {
        call.and_then(|call| self.earlier.get(&call)).copied().unwrap_or_else(|| self.clock.wall())
    }

    /// How far it is.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// What is written, as it is.
    pub(super) fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// The control thread never waits.
    fn bring(&self, word: Word) {
        if self.door.try_send(word).is_ok() {
            self.progress.brought.fetch_add(1, Ordering::AcqRel);
        } else if self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            error!("the journal is far behind; facts are lost, and counted: look after its disk");
        }
    }
}

struct Writer {
    folder: PathBuf,
    store: Store,
    clock: Clock,
    lost: Arc<AtomicU64>,
    progress: Arc<Progress>,
    feed: Feed,
    /// Not in the journal yet.
    unwritten: VecDeque<Word>,
    /// In the journal, and not in their files yet.
    lines: VecDeque<(PathBuf, String)>,
    open: Option<(PathBuf, File)>,
    queue_log: QueueFile,
    /// The entry the run before this began with.
    run_before: u64,
    /// Up to here the files are known to have their lines.
    shown: u64,
    failing: bool,
    /// How long what happened is kept, where not for ever, and when it is looked for what is older.
    keep: Option<Duration>,
    next_look: Time,
}

impl Writer {
    fn open(folder: &Path, clock: Clock) -> Result<(Writer, acd::Restored), JournalError> {
        let mut store = Store::open(folder)?;
        let Orphans { calls, queues } = store.close_orphans(clock.wall().since_1970(clock.now()))?;
        if calls > 0 {
            warn!(calls, "the switch was cut off; the calls it had are closed in the journal");
        }
        let shown = store.mark(CDRS)?;
        let run_before = store.mark(RUN)?;
        let mut told = Vec::new();
        store.after(shown, |entry| {
            told.extend(entry.record.call().filter(|_| tells_of(&entry.record)));
            true
        })?;
        let mut known = HashSet::new();
        told.retain(|call| known.insert(*call));
        let mut writer = Writer {
            folder: folder.to_owned(),
            store,
            clock,
            lost: Arc::default(),
            progress: Arc::default(),
            feed: Feed::default(),
            unwritten: VecDeque::new(),
            lines: VecDeque::new(),
            open: None,
            queue_log: QueueFile::new(folder),
            run_before,
            shown,
            failing: false,
            keep: None,
            next_look: Time::ZERO,
        };
        for call in told {
            let entries = writer.store.of_call(call)?;
            if !entries.iter().any(|entry| matches!(entry.record, Record::Over { .. })) {
                continue; // the rest of it was kept long enough
            }
            let (path, line) = line(folder, &journal::cdr_of(call, &entries));
            // It may have been written before the switch was cut off.
            if !has_line(&path, &line).unwrap_or(false) {
                writer.lines.push_back((path, line));
            }
        }
        Ok((writer, queues))
    }

    fn run(mut self, inbox: &Receiver<Word>) {
        if let Err(why) = self.queue_log.catch_up(&self.store, self.run_before) {
            error!("queue_log may lack what happened before this start: {why}");
        }
        loop {
            let ended = self.take(inbox);
            let written = self.write();
            self.say(&written);
            self.forget();
            match (ended, written) {
                (true, Ok(())) => return self.stop(),
                (true, Err(_)) if self.unwritten.is_empty() => return,
                (true, Err(_)) => {
                    return error!(
                        facts = self.unwritten.len(),
                        "the switch ends while the journal cannot be written; facts are lost"
                    );
                }
                _ => {}
            }
        }
    }

    /// Waits for more, and takes what there is. True: there will be no more.
    #[allow(clippy::disallowed_methods)] // a disk that fails is not asked all the time, nor one that works for each fact
    fn take(&mut self, inbox: &Receiver<Word>) -> bool {
        if self.failing {
            thread::sleep(TRY_AGAIN);
        } else if self.unwritten.is_empty() {
            // Once nothing happens for a while, it is remembered up to where all is shown.
            let rest = self.keep.map_or(Duration::from_secs(3600), |_| self.next_look.since(self.clock.now()));
            match inbox.recv_timeout(if self.shown < self.store.last() { TRY_AGAIN } else { rest }) {
                Ok(word) => {
                    self.unwritten.push_back(word);
                    thread::sleep(GATHER);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
        while self.failing || self.unwritten.len() < GROUP_MAX {
            match inbox.try_recv() {
                Ok(_) if self.unwritten.len() == UNWRITTEN_MAX => {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    self.progress.settled.fetch_add(1, Ordering::AcqRel);
                }
                Ok(word) => self.unwritten.push_back(word),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => return true,
            }
        }
        false
    }

    /// First the journal, then what is shown of it.
    fn write(&mut self) -> Result<(), String> {
        let now = self.clock.wall().since_1970(self.clock.now());
        loop {
            let count = self.unwritten.len().min(GROUP_MAX);
            let lost = self.lost.load(Ordering::Relaxed);
            let note = (lost > 0 && count == self.unwritten.len()).then_some((now, Record::Lost { facts: lost }));
            if self.lines.len() > LINES_MAX || self.queue_log.unwritten() > BYTES_MAX {
                self.write_lines()?;
            }
            let shown = if self.all_is_shown() { self.store.last() } else { self.shown };
            if count > 0 || note.is_some() || shown > self.shown {
                let group = self.unwritten.iter().take(count).map(|word| &word.fact).chain(&note);
                let marks = marks(shown, &self.queue_log);
                self.store
                    .append(group, if shown > self.shown { &marks } else { &[] })
                    .map_err(|why| why.to_string())?;
                self.shown = shown;
            }
            self.progress.settled.fetch_add(count as u64, Ordering::AcqRel);
            if note.is_some() {
                self.lost.fetch_sub(lost, Ordering::Relaxed);
                error!(facts = lost, "facts were lost while the journal was far behind; it says so itself");
            }
            let first = self.store.last() + 1 - count as u64 - u64::from(note.is_some());
            let mut again = Vec::new();
            for (number, word) in (first..).zip(self.unwritten.drain(..count)) {
                let (at, record) = word.fact;
                let entry = Entry { number, at, record };
                self.queue_log.take(&entry);
                self.feed.tell(&entry);
                self.lines.extend(word.cdr.map(|cdr| line(&self.folder, &cdr)));
                again.extend(word.again);
            }
            for call in again {
                let entries = self.store.of_call(call).map_err(|why| why.to_string())?;
                self.lines.push_back(line(&self.folder, &journal::cdr_of(call, &entries)));
            }
            self.write_lines()?;
            if self.unwritten.is_empty() {
                return Ok(());
            }
        }
    }

    /// What has been kept long enough goes: entries that are shown and of no call that stands, and the CDRs of such days.
    fn forget(&mut self) {
        let now = self.clock.now();
        let is_due = now >= self.next_look && self.shown > 0 && !self.failing;
        let Some(keep) = self.keep.filter(|_| is_due) else { return };
        self.next_look = now + FORGET_EVERY;
        let wall = self.clock.wall();
        let before = wall.since_1970(now) - keep;
        match self.store.forget(before, self.shown, FORGOTTEN_MAX) {
            Ok(0) => {}
            // There is more: a busy centre writes more in a day than goes at leisure.
            Ok(FORGOTTEN_MAX) => self.next_look = now + TRY_AGAIN,
            Ok(entries) => info!(entries, "kept long enough: out of the journal"),
            Err(why) => warn!("what is old stays in the journal: {why}"),
        }
        let first = Timestamp::from_millisecond(WallClock::UNIX.unix_ms(before)).unwrap_or_default();
        let first = first.strftime("%Y-%m-%d").to_string();
        for file in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = file.file_name();
            let day = name.to_str().and_then(|name| name.strip_prefix("cdr-")?.strip_suffix(".jsonl"));
            if day.is_some_and(|day| day.len() == first.len() && *day < *first)
                && let Err(why) = fs::remove_file(file.path())
            {
                warn!("{} is kept long enough, and stays: {why}", file.path().display());
            }
        }
    }

    fn all_is_shown(&self) -> bool {
        self.lines.is_empty() && self.queue_log.unwritten() == 0
    }

    fn write_lines(&mut self) -> Result<(), String> {
        self.write_cdrs().map_err(|why| format!("CDRs: {why}"))?;
        self.queue_log.write().map_err(|why| format!("queue_log: {why}"))
    }

    fn write_cdrs(&mut self) -> io::Result<()> {
        while let Some((path, line)) = self.lines.front() {
            if self.open.as_ref().is_none_or(|(of, _)| of != path) {
                self.open = Some((path.clone(), OpenOptions::new().create(true).append(true).open(path)?));
            }
            if let Some((_, file)) = &mut self.open {
                let whole = file.metadata()?.len();
                if let Err(why) = file.write_all(line.as_bytes()) {
                    let _ = file.set_len(whole); // half a line is none
                    return Err(why);
                }
            }
            self.lines.pop_front();
        }
        Ok(())
    }

    fn say(&mut self, written: &Result<(), String>) {
        let folder = self.folder.display();
        match written {
            Ok(()) if self.failing => info!("the journal in {folder} can be written again"),
            Err(why) if !self.failing => {
                self.open = None;
                error!("the journal in {folder} cannot be written ({why}); make room or mend it: facts and CDRs wait");
            }
            _ => {}
        }
        self.failing = written.is_err();
        let Progress { entries, waiting, failing, .. } = &*self.progress;
        entries.store(self.store.last(), Ordering::Relaxed);
        waiting.store(self.unwritten.len() as u64, Ordering::Relaxed);
        failing.store(self.failing, Ordering::Relaxed);
    }

    /// The last entry, and that all is shown.
    fn stop(mut self) {
        let at = self.clock.wall().since_1970(self.clock.now());
        let shown = self.store.last();
        if let Err(why) = self.store.append(&[(at, Record::Stopped)], &marks(shown, &self.queue_log)) {
            error!("{why}");
        }
    }
}

/// What is remembered when all is shown up to this entry.
fn marks(shown: u64, queue_log: &QueueFile) -> [(&'static str, u64); 3] {
    [(CDRS, shown), (queue_file::SHOWN, shown), (queue_file::BYTES, queue_log.bytes())]
}

/// A record as a line, and the file it belongs to.
fn line(folder: &Path, cdr: &Cdr) -> (PathBuf, String) {
    let day = cdr.ended.get(..10).unwrap_or("undated");
    let line = serde_json::to_string(cdr).unwrap_or_else(|why| format!("{{\"error\":\"{why}\"}}"));
    (folder.join(format!("cdr-{day}.jsonl")), line + "\n")
}

/// Is this an entry that a call's record follows?
fn tells_of(record: &Record) -> bool {
    matches!(record, Record::Over { .. } | Record::Call { what: call::What::Disposed(_), .. })
}

/// Is this line in the file? A last line that lost its end is taken away: it is written anew.
fn has_line(path: &Path, line: &str) -> io::Result<bool> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    file.set_len(whole as u64)?;
    let line = line.trim_end().as_bytes();
    Ok(text[..whole].split(|byte| *byte == b'\n').any(|one| one == line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Random;
    use call::{Direction, Side, What};

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("centrala-shell-journal-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).expect("a folder");
            Folder(path)
        }

        fn cdrs(&self) -> String {
            let files = fs::read_dir(&self.0).expect("a folder").flatten().map(|file| file.path());
            let files = files.filter(|file| file.extension().is_some_and(|ending| ending == "jsonl") && file.is_file());
            files.map(|file| fs::read_to_string(file).expect("read")).collect()
        }

        fn facts(&self) -> usize {
            let mut facts = 0;
            let store = Store::read_only(&self.0).expect("opened").expect("there");
            let count = |_| {
                facts += 1;
                true
            };
            store.after(0, count).expect("read");
            facts
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// A call's facts, and its record.
    fn a_call(call: CallId, clock: Clock) -> (Vec<call::Fact>, Box<Cdr>) {
        let started =
            What::Started { caller: "ann".into(), called: "9".into(), direction: Direction::Internal, trunk: None };
        let what = [started, What::HungUp { by: Side::Caller, cause: "bye".into() }];
        let facts: Vec<_> = what.map(|what| call::Fact { at: clock.now(), what }).into();
        let cdr = Box::new(Cdr::of(call, &facts, clock.wall()));
        (facts, cdr)
    }

    fn tell(journal: &mut Journal, call: CallId, clock: Clock) {
        let (facts, cdr) = a_call(call, clock);
        facts.into_iter().for_each(|fact| journal.append(fact.at, Record::Call { call, what: fact.what }));
        journal.over(call, cdr);
    }

    #[allow(clippy::disallowed_methods)] // a thread is waited for
    fn until(what: &str, done: impl Fn() -> bool) {
        for _ in 0..3_000 {
            if done() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} has not come");
    }

    #[test]
    fn what_is_kept_long_enough_goes_and_nothing_of_a_call_that_stands() {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let folder = Folder::new("kept");
        let (clock, mut random) = (Clock::start(), Random::numbered(1));
        let today = clock.wall().since_1970(clock.now());
        let [over, standing] = [(); 2].map(|()| CallId::new(clock.wall().unix_ms_at_zero, &mut random));
        let mut store = Store::open(&folder.0).expect("opened");
        for (days, calls) in [(40_u64, vec![over, standing]), (10, vec![])] {
            let first = |call: &CallId| {
                let what = a_call(*call, clock).0.into_iter().next().expect("a fact").what;
                Record::Call { call: *call, what }
            };
            let ended = calls.iter().filter(|call| **call == over).map(|call| Record::Over { call: *call });
            let records = calls.iter().map(first).chain(ended).chain([Record::Lost { facts: days }]);
            let group: Vec<(Time, Record)> = records.map(|record| (today - DAY * days as u32, record)).collect();
            store.append(&group, &[]).expect("appended");
        }
        let before = folder.facts();
        assert_eq!(store.forget(today - DAY * 30, 2, 100).expect("forgotten"), 1, "what is shown alone");
        assert_eq!(store.forget(today - DAY * 30, 100, 1).expect("forgotten"), 1, "so many at once");
        assert_eq!(store.forget(today - DAY * 30, 100, 100).expect("forgotten"), 1);
        assert_eq!(store.forget(today - DAY * 30, 100, 100).expect("forgotten"), 0);
        assert_eq!(folder.facts(), before - 3);
        let mut left = Vec::new();
        let read = |entry: Entry| {
            left.push(entry.record.call());
            true
        };
        store.after(0, read).expect("read");
        assert_eq!(left, [Some(standing), None], "the call that stands, and what is younger");
        let last = store.last();
        drop(store);
        for day in ["2001-01-01", "2999-01-01"] {
            fs::write(folder.0.join(format!("cdr-{day}.jsonl")), "{}\n").expect("written");
        }
        let (journal, thread, _) = Journal::start(&folder.0, Some(DAY * 5), clock).expect("started");
        until("the end of an old day's CDRs", || !folder.0.join("cdr-2001-01-01.jsonl").exists());
        drop(journal);
        thread.join().expect("ended");
        assert!(folder.0.join("cdr-2999-01-01.jsonl").exists());
        let store = Store::open(&folder.0).expect("opened");
        assert!(store.last() > last, "no number is given again");
    }

    #[test]
    fn what_a_busy_centre_wrote_goes_as_fast_as_it_came() {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let folder = Folder::new("busy");
        let clock = Clock::start();
        let old = clock.wall().since_1970(clock.now()) - DAY * 40;
        let group: Vec<_> = (0..4 * FORGOTTEN_MAX as u64).map(|facts| (old, Record::Lost { facts })).collect();
        Store::open(&folder.0).and_then(|mut store| store.append(&group, &[])).expect("appended");
        let (journal, thread, _) = Journal::start(&folder.0, Some(DAY * 5), clock).expect("started");
        until("the end of what is old", || folder.facts() < 10);
        drop(journal);
        thread.join().expect("ended");
    }

    #[test]
    fn every_record_is_shown_once_whatever_was_cut_off() {
        let folder = Folder::new("once");
        let (clock, mut random) = (Clock::start(), Random::numbered(1));
        let ids = [(); 3].map(|()| CallId::new(clock.wall().unix_ms_at_zero, &mut random));
        let (mut journal, thread, _) = Journal::start(&folder.0, None, clock).expect("started");
        ids.iter().for_each(|call| tell(&mut journal, *call, clock));
        drop(journal);
        thread.join().expect("ended");
        let told = folder.cdrs();
        assert_eq!((told.lines().count(), folder.facts()), (3, 1 + 3 * 3 + 1));

        // A crash after the group was safe: of the last two records one is half there, one not at all.
        let mut store = Store::open(&folder.0).expect("opened");
        store.append(&[], &[(CDRS, 4)]).expect("as if no more had been shown");
        drop(store);
        let file = line(&folder.0, &a_call(ids[0], clock).1).0;
        let whole = told.lines().next().map_or(0, str::len) + 1;
        fs::write(&file, &told[..whole + 30]).expect("written");
        let (journal, thread, _) = Journal::start(&folder.0, None, clock).expect("started");
        drop(journal);
        thread.join().expect("ended");
        assert_eq!(folder.cdrs(), told);
    }

    #[test]
    fn what_was_said_of_a_call_that_is_over_is_told_whatever_was_cut_off() {
        let folder = Folder::new("said");
        let (clock, mut random) = (Clock::start(), Random::numbered(1));
        let [one, other] = [(); 2].map(|()| CallId::new(clock.wall().unix_ms_at_zero, &mut random));
        let (mut journal, thread, _) = Journal::start(&folder.0, None, clock).expect("started");
        [one, other].iter().for_each(|call| tell(&mut journal, *call, clock));
        let actor = call::Actor { by: "ann".to_owned(), how: call::How::Command };
        let what = What::Disposed(call::Disposed { disposition: Some("sold".to_owned()), note: None, actor });
        journal.amend(one, clock.now(), Record::Call { call: one, what });
        drop(journal);
        thread.join().expect("ended");
        let told = folder.cdrs();
        assert!(told.lines().count() == 3 && told.matches("sold").count() == 1, "{told}");

        // A crash after the entry was safe: of the line nothing is there, or half of it, or all.
        let file = line(&folder.0, &a_call(one, clock).1).0;
        let before = told.trim_end().rfind('\n').map_or(0, |at| at + 1);
        for kept in [before, before + 30, told.len()] {
            let mut store = Store::open(&folder.0).expect("opened");
            store.append(&[], &[(CDRS, 7)]).expect("as if no more had been shown");
            drop(store);
            fs::write(&file, &told[..kept]).expect("written");
            let (journal, thread, _) = Journal::start(&folder.0, None, clock).expect("started");
            drop(journal);
            thread.join().expect("ended");
            assert_eq!(folder.cdrs(), told);
        }
    }

    #[test]
    fn the_queue_log_goes_on_where_it_was_cut_off() {
        let folder = Folder::new("queue-log");
        let clock = Clock::start();
        let (journal, thread, _) = Journal::start(&folder.0, None, clock).expect("started");
        for name in ["ann", "bob", "eve"] {
            let (agent, state) = (name.parse().expect("a name"), acd::AgentState::Available);
            journal.append(clock.now(), Record::Queue(acd::What::AgentIs { agent, state }));
        }
        drop(journal);
        thread.join().expect("ended");
        let file = folder.0.join("queue_log");
        let told = fs::read_to_string(&file).expect("written");
        assert_eq!(told.lines().count(), 4, "{told}");

        // A crash: one line is known to be there, one and a half are.
        let first = told.lines().next().map_or(0, str::len) + 1;
        let mut store = Store::open(&folder.0).expect("opened");
        let marks = [(queue_file::SHOWN, 1), (queue_file::BYTES, first as u64)];
        store.append(&[], &marks).expect("as if no more had been shown");
        drop(store);
        fs::write(&file, &told[..first + 40]).expect("written");
        let (journal, thread, _) = Journal::start(&folder.0, None, clock).expect("started");
        drop(journal);
        thread.join().expect("ended");
        let later = fs::read_to_string(&file).expect("written");
        let more = later.strip_prefix(&told).expect("the same, byte for byte");
        assert_eq!(more.matches("|AGENTLOGOFF|").count(), 3, "{more}");
        assert!(more.ends_with("|NONE|NONE|NONE|QUEUESTART|\n"), "{more}");
    }

    #[test]
    fn a_crash_closes_calls_and_tells_their_records() {
        let folder = Folder::new("crash");
        let (clock, mut random) = (Clock::start(), Random::numbered(2));
        let call = CallId::new(clock.wall().unix_ms_at_zero, &mut random);
        let mut store = Store::open(&folder.0).expect("opened");
        let started = a_call(call, clock).0.remove(0);
        let fact = (clock.wall().since_1970(started.at), Record::Call { call, what: started.what });
        store.append(&[fact], &[]).expect("appended");
        drop(store);
        let (journal, thread, _) = Journal::start(&folder.0, None, clock).expect("started");
        drop(journal);
        thread.join().expect("ended");
        let told = folder.cdrs();
        assert!(told.lines().count() == 1 && told.contains("\"cause\":\"crash\""), "{told}");
    }

    #[test]
    fn a_disk_that_fails_loses_nothing_and_holds_up_nobody() {
        let folder = Folder::new("disk");
        let (clock, mut random) = (Clock::start(), Random::numbered(3));
        let ids = [(); 50].map(|()| CallId::new(clock.wall().unix_ms_at_zero, &mut random));
        let file = line(&folder.0, &a_call(ids[0], clock).1).0;
        fs::create_dir(&file).expect("in the way");
        let (mut journal, thread, _) = Journal::start(&folder.0, None, clock).expect("started");
        ids[..25].iter().for_each(|call| tell(&mut journal, *call, clock));
        until("the facts", || folder.facts() > 25 * 3);
        ids[25..].iter().for_each(|call| tell(&mut journal, *call, clock));
        assert_eq!(folder.cdrs(), "");
        fs::remove_dir(&file).expect("out of the way");
        until("the records", || folder.cdrs().lines().count() == 50);
        drop(journal);
        thread.join().expect("ended");
        assert_eq!(folder.facts(), 1 + 50 * 3 + 1);
    }
}
