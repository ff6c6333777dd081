//! Messages that callers left for people: which there are, which are new, which go.
//!
//! Where it stands: `flow`'s programs record and play them; the switch tells what happens to them here, and what comes out
//! of it goes to the lamps and to the files. It knows no sound and no file, only their names.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, HashMap};

use base::{CallId, RecordingId};
use serde::{Deserialize, Serialize};

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its recording, below the recordings folder; the ending is the one it was recorded with.
    pub file: String,
    /// The number of who left it, or the name.
    pub caller: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// How long it is.
    pub seconds: f64,
    /// Somebody has listened to it.
    pub heard: bool,
}

/// What callers hear before they leave a message, as the mailbox's owner said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Greeting {
    /// When nobody came, and whenever there is no other.
    Away,
    /// When the line was busy.
    Busy,
}

/// What mailboxes are told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A call comes to a mailbox, to leave something or to listen.
    Open {
        /// The call.
        call: CallId,
        /// Whose mailbox.
        account: String,
    },
    /// A message is being recorded.
    Begins {
        /// Its recording.
        recording: RecordingId,
        /// For whom.
        account: String,
        /// By whom.
        caller: String,
        /// Since when, RFC 3339 in UTC.
        at: String,
    },
    /// A recording is whole. Those that are no messages are none of ours.
    Recorded {
        /// Which.
        recording: RecordingId,
        /// Where it is.
        file: String,
        /// How long.
        seconds: f64,
    },
    /// A recording has failed.
    Failed {
        /// Which.
        recording: RecordingId,
    },
    /// A message was listened to.
    Heard {
        /// Whose mailbox.
        account: String,
        /// The message.
        file: String,
    },
    /// A message is to go.
    Erase {
        /// Whose mailbox.
        account: String,
        /// The message.
        file: String,
    },
    /// This is a greeting from now on.
    Greet {
        /// Whose.
        account: String,
        /// Which.
        greeting: Greeting,
        /// Its recording; none: there is none any more.
        file: Option<String>,
    },
    /// Something was recorded, and is not wanted.
    Discard {
        /// By whom.
        account: String,
        /// The recording.
        file: String,
    },
}

/// What mailboxes say.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// So it stands with the mailbox a call came to.
    Opened {
        /// The call.
        call: CallId,
        /// New ones first, each kind the oldest first.
        messages: Vec<Message>,
        /// There is no room for another.
        full: bool,
        /// The recordings of greetings.
        greetings: BTreeMap<Greeting, String>,
    },
    /// So much waits for somebody now.
    Waits {
        /// For whom.
        account: String,
        /// Not yet listened to.
        new: u32,
        /// Listened to, and kept.
        old: u32,
    },
    /// The recording of a message is to be erased.
    Erase {
        /// Its file.
        file: String,
        /// Who wants that.
        account: String,
    },
}

/// As it is kept.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Kept {
    boxes: BTreeMap<String, Vec<Message>>,
    greetings: BTreeMap<String, BTreeMap<Greeting, String>>,
}

/// All mailboxes.
#[derive(Debug, Default)]
pub struct Mailboxes {
    boxes: BTreeMap<String, Vec<Message>>,
    greetings: BTreeMap<String, BTreeMap<Greeting, String>>,
    /// Messages being recorded.
    begun: HashMap<RecordingId, (String, Message)>,
}

impl Mailboxes {
    /// As they were kept, also by a switch that knew no greetings.
    pub fn read(text: &str) -> serde_json::Result<Mailboxes> {
        let kept: Kept = serde_json::from_str(text)
            .or_else(|_| serde_json::from_str(text).map(|boxes| Kept { boxes, ..Kept::default() }))?;
        Ok(Mailboxes { boxes: kept.boxes, greetings: kept.greetings, begun: HashMap::new() })
    }

    /// To be kept.
    pub fn print(&self) -> String {
        let kept = Kept { boxes: self.boxes.clone(), greetings: self.greetings.clone() };
        serde_json::to_string(&kept).unwrap_or_default()
    }

    /// The messages of everybody, by account.
    pub fn all(&self) -> impl Iterator<Item = (&str, &[Message])> {
        self.boxes.iter().map(|(account, messages)| (account.as_str(), messages.as_slice()))
    }

    /// Takes what happened. True: what is to be kept has changed.
    pub fn handle(&mut self, input: Input, out: &mut Vec<Output>) -> bool {
        match input {
            Input::Open { call, account } => {
                let mut messages = self.boxes.get(&account).cloned().unwrap_or_default();
                let full = messages.len() >= MESSAGES_MAX;
                messages.sort_by_key(|message| message.heard);
                let greetings = self.greetings.get(&account).cloned().unwrap_or_default();
                out.push(Output::Opened { call, messages, full, greetings });
                false
            }
            Input::Greet { account, greeting, file } => {
                let own = self.greetings.entry(account.clone()).or_default();
                let before = match file {
                    Some(file) => own.insert(greeting, file),
                    None => own.remove(&greeting),
                };
                self.greetings.retain(|_, own| !own.is_empty());
                out.extend(before.map(|file| Output::Erase { file, account }));
                true
            }
            Input::Discard { account, file } => {
                out.push(Output::Erase { file, account });
                false
            }
            Input::Begins { recording, account, caller, at } => {
                let message = Message { file: String::new(), caller, at, seconds: 0.0, heard: false };
                self.begun.insert(recording, (account, message));
                false
            }
            Input::Recorded { recording, file, seconds } => {
                let Some((account, message)) = self.begun.remove(&recording) else { return false };
                if seconds < SECONDS_MIN {
                    out.push(Output::Erase { file, account }); // somebody who hung up at the tone
                    return false;
                }
                self.boxes.entry(account.clone()).or_default().push(Message { file, seconds, ..message });
                self.say(account, out);
                true
            }
            Input::Failed { recording } => {
                self.begun.remove(&recording);
                false
            }
            Input::Heard { account, file } => {
                let messages = self.boxes.get_mut(&account).into_iter().flatten();
                let Some(message) = messages.into_iter().find(|message| message.file == file && !message.heard) else {
                    return false;
                };
                message.heard = true;
                self.say(account, out);
                true
            }
            Input::Erase { account, file } => {
                let Some(messages) = self.boxes.get_mut(&account) else { return false };
                let Some(at) = messages.iter().position(|message| message.file == file) else { return false };
                messages.remove(at);
                if messages.is_empty() {
                    self.boxes.remove(&account);
                }
                out.push(Output::Erase { file, account: account.clone() });
                self.say(account, out);
                true
            }
        }
    }

    /// A message that was being left when the switch was killed. False: it is too short to be one, or known.
    pub fn salvaged(&mut self, account: &str, message: Message) -> bool {
        let known = self.boxes.get(account).into_iter().flatten().any(|one| one.file == message.file);
        let is_one = message.seconds >= SECONDS_MIN && !known;
        if is_one {
            self.boxes.entry(account.to_owned()).or_default().push(message);
        }
        is_one
    }

    /// So much waits for everybody: said at a start.
    pub fn say_all(&self, out: &mut Vec<Output>) {
        self.boxes.keys().for_each(|account| self.say(account.clone(), out));
    }

    /// Messages whose sound is gone are no messages. True: there were some.
    pub fn retain(&mut self, there: impl Fn(&Message) -> bool) -> bool {
        let count = |boxes: &BTreeMap<String, Vec<Message>>| boxes.values().map(Vec::len).sum::<usize>();
        let before = count(&self.boxes);
        self.boxes.values_mut().for_each(|messages| messages.retain(&there));
        self.boxes.retain(|_, messages| !messages.is_empty());
        count(&self.boxes) != before
    }

    fn say(&self, account: String, out: &mut Vec<Output>) {
        let messages = self.boxes.get(&account).map(Vec::as_slice).unwrap_or_default();
        let old = messages.iter().filter(|message| message.heard).count() as u32;
        out.push(Output::Waits { account, new: messages.len() as u32 - old, old });
    }
}

/// So many messages a mailbox holds.
pub const MESSAGES_MAX: usize = 100;
/// A shorter one is none.
pub const SECONDS_MIN: f64 = 1.0;

#[cfg(test)]
mod tests {
    use base::Random;

    use super::*;

    fn id(number: u16) -> RecordingId {
        RecordingId { call: CallId::new(1, &mut Random::numbered(1)), segment: number }
    }

    fn leave(boxes: &mut Mailboxes, number: u16, seconds: f64) -> Vec<Output> {
        let mut out = Vec::new();
        let (account, caller, at) = ("ann".to_owned(), "202".to_owned(), "2026-11-25T10:00:00Z".to_owned());
        boxes.handle(Input::Begins { recording: id(number), account, caller, at }, &mut out);
        boxes.handle(Input::Recorded { recording: id(number), file: format!("{number}.wav"), seconds }, &mut out);
        out
    }

    fn waits(new: u32, old: u32) -> Output {
        Output::Waits { account: "ann".to_owned(), new, old }
    }

    #[test]
    fn a_message_is_new_then_heard_then_gone() {
        let mut boxes = Mailboxes::default();
        assert_eq!(leave(&mut boxes, 1, 4.0), [waits(1, 0)]);
        assert_eq!(leave(&mut boxes, 2, 5.0), [waits(2, 0)]);
        let (account, file) = ("ann".to_owned(), "1.wav".to_owned());
        let mut out = Vec::new();
        assert!(boxes.handle(Input::Heard { account: account.clone(), file: file.clone() }, &mut out));
        assert!(!boxes.handle(Input::Heard { account: account.clone(), file: file.clone() }, &mut out));
        assert_eq!(std::mem::take(&mut out), [waits(1, 1)]);
        let call = id(1).call;
        boxes.handle(Input::Open { call, account: account.clone() }, &mut out);
        let files = |out: &[Output]| match out {
            [Output::Opened { messages, full: false, .. }] => messages.iter().map(|one| one.file.clone()).collect(),
            other => panic!("{other:?}"),
        };
        let files: Vec<String> = files(&out);
        assert_eq!(files, ["2.wav", "1.wav"], "the new one comes first");
        out.clear();
        assert!(boxes.handle(Input::Erase { account: account.clone(), file: file.clone() }, &mut out));
        assert_eq!(out, [Output::Erase { file: file.clone(), account: account.clone() }, waits(1, 0)]);
        assert!(!boxes.handle(Input::Erase { account, file }, &mut out));
    }

    #[test]
    fn what_is_too_short_or_none_of_ours_is_no_message() {
        let mut boxes = Mailboxes::default();
        let erase = Output::Erase { file: "1.wav".to_owned(), account: "ann".to_owned() };
        assert_eq!(leave(&mut boxes, 1, 0.4), [erase]);
        let mut out = Vec::new();
        let recorded = Input::Recorded { recording: id(9), file: "9.wav".to_owned(), seconds: 60.0 };
        assert!(!boxes.handle(recorded, &mut out) && out.is_empty());
        assert_eq!(boxes.all().count(), 0);
    }

    #[test]
    fn a_full_mailbox_says_so_and_what_is_kept_reads_back() {
        let mut boxes = Mailboxes::default();
        (1..=MESSAGES_MAX as u16).for_each(|number| drop(leave(&mut boxes, number, 3.0)));
        let mut again = Mailboxes::read(&boxes.print()).expect("what was printed");
        let mut out = Vec::new();
        again.handle(Input::Open { call: id(1).call, account: "ann".to_owned() }, &mut out);
        assert!(matches!(&out[..], [Output::Opened { messages, full: true, .. }] if messages.len() == MESSAGES_MAX));
        assert!(again.retain(|message| message.file != "7.wav") && !again.retain(|_| true));
        out.clear();
        again.say_all(&mut out);
        assert_eq!(out, [waits(MESSAGES_MAX as u32 - 1, 0)]);
        assert!(Mailboxes::read("nonsense").is_err());
    }

    #[test]
    fn a_greeting_takes_the_place_of_the_one_before_and_what_is_kept_reads_back() {
        let mut boxes = Mailboxes::default();
        let greet = |greeting, file: Option<&str>| {
            let (account, file) = ("ann".to_owned(), file.map(str::to_owned));
            Input::Greet { account, greeting, file }
        };
        let mut out = Vec::new();
        for (greeting, file) in [(Greeting::Away, "1.wav"), (Greeting::Busy, "2.wav"), (Greeting::Away, "3.wav")] {
            assert!(boxes.handle(greet(greeting, Some(file)), &mut out));
        }
        assert_eq!(out, [Output::Erase { file: "1.wav".to_owned(), account: "ann".to_owned() }]);
        leave(&mut boxes, 4, 5.0);
        let mut again = Mailboxes::read(&boxes.print()).expect("what was printed");
        out.clear();
        again.handle(Input::Open { call: id(1).call, account: "ann".to_owned() }, &mut out);
        let wanted = BTreeMap::from([(Greeting::Away, "3.wav".to_owned()), (Greeting::Busy, "2.wav".to_owned())]);
        assert!(
            matches!(&out[..], [Output::Opened { greetings, messages, .. }] if *greetings == wanted && messages.len() == 1)
        );
        let old = r#"{"ann":[{"file":"7.wav","caller":"bob","at":"","seconds":3.0,"heard":false}]}"#;
        assert_eq!(Mailboxes::read(old).expect("without greetings").all().count(), 1);
        again.handle(greet(Greeting::Busy, None), &mut out);
        assert!(matches!(out.last(), Some(Output::Erase { file, .. }) if file == "2.wav"));
    }
}
