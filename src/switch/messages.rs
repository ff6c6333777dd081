//! What the switch is told and what it says.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use base::{CallId, LegId, WallClock};
use bytes::Bytes;
use call::Fact;
use sip::Flow;

/// What the switch is told.
#[derive(Debug)]
pub enum Input {
    /// The network.
    Sip(sip::Input),
    /// A media thread.
    Media(media::Event),
    /// A name server.
    Located(locate::Input),
    /// Our own address towards somebody is another one now: trunks are to be told.
    Moved,
    /// These addresses of ours are not there any more: what stands at them moves, where there is another way out.
    Lost {
        /// All that are gone.
        addresses: BTreeSet<IpAddr>,
    },
    /// Somebody has set the calendar's clock: this is what it says from now on. Calls that stand keep theirs.
    ClockSet(WallClock),
    /// The recorder.
    Recorder(recorder::Event),
    /// A message that a call wants to hear was fetched; nothing, where it cannot be.
    Fetched {
        /// The call.
        call: CallId,
        /// The message's file.
        file: String,
        /// Its sound.
        sound: Option<audio::Sound>,
    },
    /// A web server has answered a call's question, or failed to.
    Answered {
        /// The call.
        call: CallId,
        /// Which of its questions.
        number: u32,
        /// What it said.
        answer: flow::Answer,
    },
    /// What the queues were when the switch ended. Once, at the beginning.
    Restore(acd::Restored),
    /// Time has passed.
    Tick,
    /// Take no new calls (503, with Retry-After); those that stand go on. It is done when [`Switch::calls`](crate::Switch::calls) is 0.
    Drain,
    /// End all calls and take no new ones. It is done when [`Switch::calls`](crate::Switch::calls) is 0.
    Shutdown,
}

/// What the switch wants done, in order.
#[derive(Debug)]
pub enum Output {
    /// Send this.
    Send {
        /// Where.
        flow: Flow,
        /// One message.
        bytes: Bytes,
    },
    /// Ask a name server; the answer comes back as [`Input::Located`].
    Ask(locate::Question),
    /// The trunks of that place are here, the first to be tried first; nowhere, as long as nothing is known.
    Located {
        /// As the conf says it.
        place: sip::Place,
        /// Where that leads.
        targets: Vec<locate::Target>,
    },
    /// Close this connection.
    Close {
        /// Its number.
        connection: u64,
    },
    /// A person has reached a limit, and a call was refused. Said once a minute of each.
    OverLimit {
        /// Who.
        account: String,
        /// Which, in the words of the conf.
        limit: &'static str,
    },
    /// A person was refused too often: nothing goes outside on that account until it is [unbanned](crate::Switch::unban).
    Blocked {
        /// Who.
        account: String,
    },
    /// Speak to this trunk by the connection it opened.
    Reuse {
        /// Its number.
        connection: u64,
        /// The trunk.
        trunk: String,
        /// Where it would be opened.
        remote: SocketAddr,
    },
    /// Tell a media thread.
    Media {
        /// Which.
        thread: usize,
        /// What.
        command: media::Command,
    },
    /// Tell the recorder.
    Record(recorder::Input),
    /// Something happened in a call.
    Fact {
        /// The call.
        call: CallId,
        /// What.
        fact: Fact,
    },
    /// Hours were opened or closed by hand, or left to the clock again.
    Hours {
        /// Which.
        hours: String,
        /// Open or closed; none: by the clock.
        by_hand: Option<bool>,
    },
    /// A person wants something else of the calls to him; what all want is to be kept.
    Wish {
        /// Who.
        account: String,
        /// What.
        wish: route::Wish,
        /// Where calls go.
        to: Option<String>,
    },
    /// What is to be kept of an account's phones for a restart.
    Phones {
        /// Whose.
        account: String,
        /// All of it.
        kept: Vec<sip::KeptBinding>,
    },
    /// So it stands with the mailboxes: to be kept.
    Voicemail {
        /// All of it.
        kept: String,
    },
    /// Ask a web server; the answer comes back as [`Input::Answered`].
    AskWeb(flow::Ask),
    /// So it stands with those who want to be called back: to be kept.
    CallBacks {
        /// All of it.
        kept: String,
    },
    /// So it stands with those who wait for somebody to be free: to be kept.
    WhenFree {
        /// All of them.
        kept: Vec<super::KeptWaiting>,
    },
    /// Fetch a message; it comes back as [`Input::Fetched`].
    Fetch {
        /// For whom.
        call: CallId,
        /// Its file.
        file: String,
    },
    /// Erase a message.
    EraseMessage {
        /// Its file.
        file: String,
        /// Who wants that.
        account: String,
    },
    /// Somebody else's recorder does not hear a call that it should hear.
    NotCopied {
        /// Which.
        call: CallId,
        /// What happened, and what is done about it.
        why: String,
    },
    /// Something happened in the queues.
    Queue(acd::Fact),
    /// A trunk came, went, or had no room.
    Trunk(trunk::News),
    /// A call has one more dialog.
    Dialog {
        /// The call.
        call: CallId,
        /// The Call-ID header of the dialog.
        sip_call_id: String,
    },
    /// Somebody has said something of a call that is over: its record and its recordings are to tell it.
    Disposed {
        /// Which.
        call: CallId,
        /// What.
        fact: Fact,
        /// Its recordings' files.
        recordings: Vec<String>,
        /// All that was said of it.
        said: Vec<call::Disposition>,
    },
    /// A call is over.
    Cdr {
        /// Which.
        call: CallId,
        /// Its record.
        cdr: Box<call::Cdr>,
    },
    /// Something an operator may want to know: a phone came or went, or was refused.
    Log(sip::Event),
    /// What became of a recording.
    Recorded(recorder::Event),
    /// No media port was left, so calls were refused or rang fewer phones.
    PortsUsedUp {
        /// How many legs there could not be, since this was last said.
        legs: u64,
    },
    /// A SIP message was lost to a fault of ours.
    Fault,
}

pub(super) fn leg_of_media(event: &media::Event) -> LegId {
    use media::Event::{Beeped, Closed, Digit, Fault, Latched, OneWay, Played, PortTaken, Sounds, Timeout};
    match event {
        Digit { leg, .. }
        | Played { leg, .. }
        | Beeped { leg, .. }
        | Timeout { leg }
        | OneWay { leg }
        | Sounds { leg, .. }
        | Fault { leg }
        | PortTaken { leg, .. }
        | Latched { leg, .. }
        | Closed { leg, .. } => *leg,
    }
}

pub(super) fn leg_of_sip(event: &sip::Event) -> Option<LegId> {
    use sip::Event::{
        Agreed, Answered, Banned, Confirmed, Declined, Digit, Ended, Flooded, Incoming, Metadata, Named, OfferDue,
        Offered, Published, Refer, Refused, Registered, RequestDone, Ringing, Said, Subscribes, Text, Unavailable,
        Unreached, Unregistered, UserToUser,
    };
    match event {
        Ringing { leg, .. }
        | Answered { leg, .. }
        | Confirmed { leg, .. }
        | Offered { leg, .. }
        | OfferDue { leg }
        | Agreed { leg, .. }
        | Declined { leg, .. }
        | Refer { leg, .. }
        | Digit { leg, .. }
        | Unavailable { leg, .. }
        | Said { leg, .. }
        | Metadata { leg, .. }
        | Ended { leg, .. } => Some(*leg),
        Incoming(_)
        | Subscribes(_)
        | Named { .. }
        | Published { .. }
        | Text { .. }
        | Registered { .. }
        | Unreached { .. }
        | Unregistered { .. }
        | Refused { .. }
        | Banned(_)
        | Flooded { .. }
        | RequestDone { .. }
        | UserToUser { .. } => None,
    }
}
