//! The programs a call may run, and the journey that runs them.
//!
//! Where it stands: above `call`, whose verbs the programs use, `route`, whose destinations name them, and `acd`, to
//! which a queue's program speaks. It never names a socket, a packet or a header.
#![forbid(unsafe_code)]

mod announce;
mod asking;
mod call_back;
mod collect;
mod conf;
mod conference;
mod duty;
mod echo;
mod follow;
mod graph;
mod greetings;
mod hook;
mod journey;
mod leave;
mod listen;
mod look_up;
mod masked;
mod menu;
mod night;
mod page;
mod park;
mod pass;
mod phrase;
mod programs;
mod queue;
mod record;
mod ring;
mod say;
mod spelling;
mod voicemail;
mod wanting;
mod web;
mod which_number;
mod wishes;
mod words;

pub use self::conference::{ConferenceConf, RoomWords};
pub use call_back::CallingBack;
pub use conf::{
    CallBackConf, ChooseConf, CollectConf, FlowConf, ForwardConf, GroupConf, MenuConf, OtherNumberConf, OverflowConf,
    PersonConf, QuestionConf, QueueConf, RingOrder, SayConf, SetConf, StepConf,
};
pub use graph::{Finding, Graph};
pub use hook::HookConf;
pub use journey::Journey;
pub use look_up::LookUpConf;
pub use park::ParkConf;
pub use phrase::{Phrase, Piece, Spoken};
pub use queue::SHUTDOWN;
pub use record::{Keep, RecordConf, RecordRule, Scene, Verdict, WithoutConsent};
pub use ring::rung;
pub use spelling::Spellings;
pub use voicemail::VoicemailConf;
pub use web::{Address, Answer, Ask, ServerConf, Token};
pub use wishes::{Wanted, Wishes};
pub use words::{Vocabulary, Words};

use call::{Call, Event};
use route::{Destination, Wish};

/// A small machine that owns a call's next decision.
pub trait Program: std::fmt::Debug {
    /// One decision. The first event is `Started`; after `HungUp` nothing follows. A call of ours that nobody takes has
    /// one event alone, `Unreached`.
    fn step(&mut self, event: Event, call: &mut Call) -> Next;

    /// A party brings its partner elsewhere: this program has the call no longer.
    fn handed_on(&mut self, _call: &Call) {}

    /// The queues have said something about this call.
    fn told(&mut self, _word: &acd::Output, _call: &mut Call) -> Next {
        Next::Wait
    }

    /// The mailboxes have said something about this call.
    fn mail(&mut self, _news: &::voicemail::Output, _call: &mut Call) -> Next {
        Next::Wait
    }

    /// What was recorded for itself is written.
    fn recorded(&mut self, _file: &str, _call: &mut Call) -> Next {
        Next::Wait
    }

    /// A message was fetched; nothing, where it cannot be.
    fn fetched(&mut self, _file: &str, _sound: Option<&audio::Sound>, _call: &mut Call) -> Next {
        Next::Wait
    }

    /// Something has happened in the room the caller is in, or wants in.
    fn room(&mut self, _news: &::conference::News, _call: &mut Call) -> Next {
        Next::Wait
    }

    /// A web server has answered, or failed to.
    fn answered(&mut self, _answer: Answer, _call: &mut Call) -> Next {
        Next::Wait
    }

    /// What the caller wants of the calls to him is so from now; or the SIP status that says why not.
    fn granted(&mut self, _granted: Result<(), u16>, _call: &mut Call) -> Next {
        Next::Wait
    }

    /// The place where the caller is parked.
    fn parked(&self) -> Option<&str> {
        None
    }

    /// What is to be told to others.
    fn words(&mut self) -> Vec<Word> {
        Vec::new()
    }
}

/// What a program tells others.
#[derive(Debug)]
pub enum Word {
    /// The queues.
    Queue(acd::Input),
    /// Somebody opens or closes these hours by hand, or leaves them to the clock again.
    Hours {
        /// Which.
        hours: String,
        /// Open or closed; none: by the clock.
        by_hand: Option<bool>,
    },
    /// Somebody says what his last call came to.
    Disposes {
        /// Who.
        account: String,
        /// What.
        disposition: String,
    },
    /// Those who want to be called back.
    CallBack(acd::CallBackInput),
    /// The rooms in which many talk.
    Room(::conference::Input),
    /// The mailboxes.
    Mailbox(::voicemail::Input),
    /// A person wants something of the calls to him.
    Wish {
        /// Who.
        account: String,
        /// What.
        wish: Wish,
        /// The number calls are to go to.
        number: String,
    },
    /// A person wants to follow another over calls.
    Follow {
        /// By this call.
        call: base::CallId,
        /// Who.
        account: String,
        /// The number of the other.
        number: String,
        /// How he takes part to begin with.
        ear: route::Ear,
    },
    /// A web server is asked.
    Ask(Ask),
    /// A message's sound is wanted.
    Fetch {
        /// By this call.
        call: base::CallId,
        /// The message's file.
        file: String,
    },
}

impl From<::voicemail::Input> for Word {
    fn from(word: ::voicemail::Input) -> Word {
        Word::Mailbox(word)
    }
}

impl From<::conference::Input> for Word {
    fn from(word: ::conference::Input) -> Word {
        Word::Room(word)
    }
}

impl From<acd::Input> for Word {
    fn from(word: acd::Input) -> Word {
        Word::Queue(word)
    }
}

/// What comes after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The program goes on.
    Wait,
    /// Another program takes over.
    Go(Destination),
    /// The program has ended the call, or found it ended.
    Over,
}
