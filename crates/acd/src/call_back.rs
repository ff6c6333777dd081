//! Who wants to be called back: callers who gave up their waiting, and not their place.
//!
//! Where it stands: beside [`Acd`](crate::Acd), which knows nothing of it. When a wish is due, an entry joins its queue in the place
//! its caller would have by now; when an agent is found for it, somebody is called. The switch carries words between the two,
//! makes the calls, and keeps what is wished over a restart. Moments are milliseconds since 1970, as they outlive a run.
//!
//! A wish ends in one way: reached, expired, given up after so many tries, or cancelled. Each step of it is a fact.

use base::{CallId, Random};
use serde::{Deserialize, Serialize};

use crate::{AgentName, QueueName};

/// A wish, with all that was said when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The call it was made in: what the wish is called by.
    pub id: CallId,
    /// The queue.
    pub queue: QueueName,
    /// The number to call,
    pub number: String,
    /// or one of ours.
    pub account: Option<String>,
    /// The trunk the number goes out by.
    pub trunk: Option<String>,
    /// Who called, as the queue knows him.
    pub caller: String,
    /// How urgent he was.
    pub priority: i32,
    /// How long he had waited by then.
    pub waited_ms: i64,
    /// When that was.
    pub asked_ms: i64,
    /// Whom to call first.
    pub first: First,
    /// Only while these hours are open.
    pub hours: Option<String>,
    /// How long his phone rings.
    pub dial_ms: i64,
    /// How long after a try in vain comes the next,
    pub retry_ms: i64,
    /// and how many there are.
    pub tries_max: u32,
    /// For how long the wish stands.
    pub stands_ms: i64,
    /// How often it was tried.
    pub tries: u32,
    /// When it is due next.
    pub due_ms: i64,
    #[serde(skip)]
    at: At,
}

/// Whom to call first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum First {
    /// The agent, who then hears the customer's phone ring.
    #[default]
    Agent,
    /// The customer, for whom an agent is kept free meanwhile.
    Customer,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// Nothing is under way.
    #[default]
    Rest,
    /// This entry waits for it, or somebody is being called for it.
    Entry(CallId),
}

/// What the wishes are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallBackInput {
    /// Somebody wants to be called back. Who wants that already keeps the better place.
    Ask(Box<Wish>),
    /// An agent was found for an entry.
    Offered {
        /// The entry.
        entry: CallId,
        /// Who.
        agent: AgentName,
    },
    /// The customer was reached.
    Reached {
        /// The entry.
        entry: CallId,
    },
    /// He was called, and not reached.
    Unreached {
        /// The entry.
        entry: CallId,
        /// The SIP status that tells why.
        status: u16,
    },
    /// The queue did not keep the entry, or the agent gave up before the customer could be called: no try was made.
    Left {
        /// The entry.
        entry: CallId,
    },
    /// Nobody wants it any more.
    Cancel {
        /// The wish.
        id: CallId,
    },
    /// Time has passed.
    Tick,
}

/// What they want done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallBackOutput {
    /// This entry is to join the wish's queue, as if it had waited so long.
    Join {
        /// The entry.
        entry: CallId,
        /// For whom.
        wish: Box<Wish>,
        /// So long.
        credit_ms: i64,
    },
    /// Call somebody for it.
    Call {
        /// The entry.
        entry: CallId,
        /// For whom.
        wish: Box<Wish>,
        /// The agent who was found.
        agent: AgentName,
    },
    /// This entry is to leave.
    Leave {
        /// The entry.
        entry: CallId,
    },
    /// Write this down: how far a wish is. What is to be kept has changed.
    Told {
        /// Which.
        wish: Box<Wish>,
        /// How far.
        state: CallBackState,
    },
}

/// How far a wish is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallBackState {
    /// It was made.
    Asked,
    /// The customer was called, and not reached.
    Unreached {
        /// The SIP status that tells why.
        status: u16,
    },
    /// He was reached: it is over.
    Reached,
    /// Its time was up.
    Expired,
    /// It was tried often enough.
    GivenUp,
    /// Nobody wanted it any more.
    Cancelled,
}

impl CallBackState {
    /// One word for logs and tables.
    pub fn word(self) -> &'static str {
        match self {
            CallBackState::Asked => "asked",
            CallBackState::Unreached { .. } => "unreached",
            CallBackState::Reached => "reached",
            CallBackState::Expired => "expired",
            CallBackState::GivenUp => "given-up",
            CallBackState::Cancelled => "cancelled",
        }
    }
}

/// All who want to be called back.
#[derive(Debug)]
pub struct CallBacks {
    wishes: Vec<Wish>,
    random: Random,
}

impl Wish {
    /// Nothing is under way for it yet.
    #[allow(clippy::too_many_arguments)] // each is one of its fields
    pub fn new(id: CallId, queue: QueueName, number: String, caller: String, terms: Terms, asked_ms: i64) -> Wish {
        let Terms { account, trunk, priority, waited_ms, first, hours, dial_ms, retry_ms, tries_max, stands_ms } =
            terms;
        Wish {
            id,
            queue,
            number,
            account,
            trunk,
            caller,
            priority,
            waited_ms,
            asked_ms,
            first,
            hours,
            dial_ms,
            retry_ms,
            tries_max,
            stands_ms,
            tries: 0,
            due_ms: asked_ms,
            at: At::Rest,
        }
    }

    fn entry(&self) -> Option<CallId> {
        match self.at {
            At::Rest => None,
            At::Entry(entry) => Some(entry),
        }
    }
}

/// What a wish is made by, beside who made it.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// See [`Wish`].
    pub account: Option<String>,
    /// See [`Wish`].
    pub trunk: Option<String>,
    /// See [`Wish`].
    pub priority: i32,
    /// See [`Wish`].
    pub waited_ms: i64,
    /// See [`Wish`].
    pub first: First,
    /// See [`Wish`].
    pub hours: Option<String>,
    /// See [`Wish`].
    pub dial_ms: i64,
    /// See [`Wish`].
    pub retry_ms: i64,
    /// See [`Wish`].
    pub tries_max: u32,
    /// See [`Wish`].
    pub stands_ms: i64,
}

impl CallBacks {
    /// Those who wanted it when the switch was last there.
    pub fn new(kept: Vec<Wish>, random: Random) -> CallBacks {
        CallBacks { wishes: kept, random }
    }

    /// All of them, in the order in which they were made.
    pub fn wishes(&self) -> &[Wish] {
        &self.wishes
    }

    /// Takes over what was kept.
    pub fn remember(&mut self, kept: Vec<Wish>) {
        self.wishes = kept;
    }

    /// Is this the entry of a wish that is still open?
    pub fn has(&self, entry: CallId) -> bool {
        self.wishes.iter().any(|wish| wish.entry() == Some(entry))
    }

    /// When [`CallBackInput::Tick`] is due next.
    pub fn deadline_ms(&self) -> Option<i64> {
        let due = |wish: &Wish| if wish.at == At::Rest { wish.due_ms } else { i64::MAX };
        self.wishes.iter().map(|wish| due(wish).min(wish.asked_ms.saturating_add(wish.stands_ms))).min()
    }

    /// Takes what happened. `may`: could this one join its queue now?
    pub fn handle(
        &mut self,
        input: CallBackInput,
        now_ms: i64,
        may: impl Fn(&Wish) -> bool,
        out: &mut Vec<CallBackOutput>,
    ) {
        match input {
            CallBackInput::Ask(wish) => self.ask(*wish, out),
            CallBackInput::Offered { entry, agent } => {
                let found = self.wishes.iter().find(|wish| wish.entry() == Some(entry));
                out.extend(found.map(|wish| CallBackOutput::Call { entry, wish: Box::new(wish.clone()), agent }));
            }
            CallBackInput::Reached { entry } => self.ends(entry, CallBackState::Reached, out),
            CallBackInput::Unreached { entry, status } => self.unreached(entry, status, now_ms, out),
            CallBackInput::Left { entry } => {
                if let Some(wish) = self.of(entry) {
                    (wish.at, wish.due_ms) = (At::Rest, now_ms + AGAIN_MS);
                }
            }
            CallBackInput::Cancel { id } => {
                if let Some(wish) = self.wishes.iter().find(|wish| wish.id == id) {
                    out.extend(wish.entry().map(|entry| CallBackOutput::Leave { entry }));
                    self.over(id, CallBackState::Cancelled, out);
                }
            }
            CallBackInput::Tick => {}
        }
        self.time_has_passed(now_ms, may, out);
    }

    fn ask(&mut self, wish: Wish, out: &mut Vec<CallBackOutput>) {
        let same = |known: &Wish| known.queue == wish.queue && known.number == wish.number;
        if self.wishes.len() >= WISHES_MAX || self.wishes.iter().any(same) {
            return;
        }
        out.push(CallBackOutput::Told { wish: Box::new(wish.clone()), state: CallBackState::Asked });
        self.wishes.push(wish);
    }

    fn of(&mut self, entry: CallId) -> Option<&mut Wish> {
        self.wishes.iter_mut().find(|wish| wish.entry() == Some(entry))
    }

    fn unreached(&mut self, entry: CallId, status: u16, now_ms: i64, out: &mut Vec<CallBackOutput>) {
        let Some(wish) = self.of(entry) else { return };
        wish.tries += 1;
        (wish.at, wish.due_ms) = (At::Rest, now_ms.saturating_add(wish.retry_ms));
        let (id, is_last) = (wish.id, wish.tries >= wish.tries_max);
        let state = CallBackState::Unreached { status };
        out.push(CallBackOutput::Told { wish: Box::new(wish.clone()), state });
        if is_last {
            self.over(id, CallBackState::GivenUp, out);
        }
    }

    fn ends(&mut self, entry: CallId, state: CallBackState, out: &mut Vec<CallBackOutput>) {
        if let Some(id) = self.of(entry).map(|wish| wish.id) {
            self.over(id, state, out);
        }
    }

    fn over(&mut self, id: CallId, state: CallBackState, out: &mut Vec<CallBackOutput>) {
        if let Some(at) = self.wishes.iter().position(|wish| wish.id == id) {
            let wish = Box::new(self.wishes.remove(at));
            out.push(CallBackOutput::Told { wish, state });
        }
    }

    fn time_has_passed(&mut self, now_ms: i64, may: impl Fn(&Wish) -> bool, out: &mut Vec<CallBackOutput>) {
        let expired = |wish: &&Wish| wish.asked_ms.saturating_add(wish.stands_ms) <= now_ms;
        let expired: Vec<(CallId, Option<CallId>)> =
            self.wishes.iter().filter(expired).map(|wish| (wish.id, wish.entry())).collect();
        for (id, entry) in expired {
            out.extend(entry.map(|entry| CallBackOutput::Leave { entry }));
            self.over(id, CallBackState::Expired, out);
        }
        for wish in &mut self.wishes {
            if wish.at != At::Rest || wish.due_ms > now_ms {
                continue;
            }
            if !may(wish) {
                wish.due_ms = now_ms + AGAIN_MS;
                continue;
            }
            let entry = CallId::new(now_ms, &mut self.random);
            wish.at = At::Entry(entry);
            let credit_ms = wish.waited_ms + (now_ms - wish.asked_ms).max(0);
            out.push(CallBackOutput::Join { entry, wish: Box::new(wish.clone()), credit_ms });
        }
    }
}

/// So many wishes stand at most.
const WISHES_MAX: usize = 10_000;
/// So often it is looked whether a queue can take an entry.
const AGAIN_MS: i64 = 30_000;

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn wish(number: &str, asked_ms: i64) -> Wish {
        let terms = Terms {
            waited_ms: 60_000,
            retry_ms: 300_000,
            tries_max: 2,
            stands_ms: HOUR,
            dial_ms: 20_000,
            ..Terms::default()
        };
        let id = CallId::new(asked_ms, &mut Random::numbered(asked_ms as u64));
        Wish::new(id, "sales".parse().expect("a name"), number.into(), number.into(), terms, asked_ms)
    }

    struct Desk {
        wishes: CallBacks,
        open: bool,
    }

    impl Desk {
        fn tell(&mut self, input: CallBackInput, now_ms: i64) -> Vec<CallBackOutput> {
            let mut out = Vec::new();
            let open = self.open;
            self.wishes.handle(input, now_ms, |_| open, &mut out);
            out
        }

        /// Asks, and returns the entry.
        fn joined(out: &[CallBackOutput]) -> Option<(CallId, i64)> {
            out.iter().find_map(|out| match out {
                CallBackOutput::Join { entry, credit_ms, .. } => Some((*entry, *credit_ms)),
                _ => None,
            })
        }
    }

    fn states(out: &[CallBackOutput]) -> Vec<CallBackState> {
        let state = |out: &CallBackOutput| match out {
            CallBackOutput::Told { state, .. } => Some(*state),
            _ => None,
        };
        out.iter().filter_map(state).collect()
    }

    fn desk(open: bool) -> Desk {
        Desk { wishes: CallBacks::new(Vec::new(), Random::numbered(3)), open }
    }

    #[test]
    fn a_wish_keeps_the_place_it_was_made_from_until_somebody_is_reached() {
        let mut desk = desk(true);
        let out = desk.tell(CallBackInput::Ask(Box::new(wish("1", 1_000))), 1_000);
        assert_eq!(states(&out), [CallBackState::Asked]);
        let (entry, credit) = Desk::joined(&out).expect("it joins at once");
        assert_eq!(credit, 60_000, "what he had waited");
        let agent: AgentName = "ann".parse().expect("a name");
        let out = desk.tell(CallBackInput::Offered { entry, agent }, 5_000);
        assert!(matches!(&out[..], [CallBackOutput::Call { wish, .. }] if wish.number == "1"));
        let out = desk.tell(CallBackInput::Unreached { entry, status: 486 }, 10_000);
        assert_eq!(states(&out), [CallBackState::Unreached { status: 486 }]);
        assert!(!desk.wishes.has(entry));
        assert_eq!(desk.wishes.deadline_ms(), Some(310_000));
        let (entry, credit) = Desk::joined(&desk.tell(CallBackInput::Tick, 310_000)).expect("the next try");
        assert_eq!(credit, 60_000 + 309_000, "and all the time since");
        assert_eq!(states(&desk.tell(CallBackInput::Reached { entry }, 311_000)), [CallBackState::Reached]);
        assert_eq!((desk.wishes.wishes().len(), desk.wishes.deadline_ms()), (0, None));
    }

    #[test]
    fn a_wish_ends_when_it_was_tried_often_enough_or_its_time_is_up_or_nobody_wants_it() {
        let mut desk = desk(true);
        let (entry, _) = Desk::joined(&desk.tell(CallBackInput::Ask(Box::new(wish("1", 0))), 0)).expect("joined");
        desk.tell(CallBackInput::Unreached { entry, status: 480 }, 0);
        let (entry, _) = Desk::joined(&desk.tell(CallBackInput::Tick, 300_000)).expect("joined again");
        let out = desk.tell(CallBackInput::Unreached { entry, status: 480 }, 300_000);
        assert_eq!(states(&out), [CallBackState::Unreached { status: 480 }, CallBackState::GivenUp]);

        let (entry, _) = Desk::joined(&desk.tell(CallBackInput::Ask(Box::new(wish("2", 0))), 0)).expect("joined");
        let out = desk.tell(CallBackInput::Tick, HOUR);
        assert!(out.contains(&CallBackOutput::Leave { entry }) && states(&out) == [CallBackState::Expired]);

        let third = wish("3", HOUR);
        desk.tell(CallBackInput::Ask(Box::new(third.clone())), HOUR);
        let again = desk.tell(CallBackInput::Ask(Box::new(wish("3", HOUR + 5))), HOUR + 5);
        assert!(again.is_empty(), "he keeps his better place");
        let out = desk.tell(CallBackInput::Cancel { id: third.id }, HOUR + 9);
        assert_eq!(states(&out), [CallBackState::Cancelled]);
        assert!(matches!(out[0], CallBackOutput::Leave { .. }));
    }

    #[test]
    fn nobody_is_called_while_the_queue_takes_nobody_and_a_restart_forgets_nothing() {
        let mut desk = desk(false);
        assert_eq!(Desk::joined(&desk.tell(CallBackInput::Ask(Box::new(wish("1", 0))), 0)), None);
        assert_eq!(desk.wishes.deadline_ms(), Some(AGAIN_MS));
        desk.open = true;
        let (entry, _) = Desk::joined(&desk.tell(CallBackInput::Tick, AGAIN_MS)).expect("it opens");
        desk.tell(CallBackInput::Left { entry }, AGAIN_MS); // it closes once more: that was no try
        assert_eq!(desk.wishes.wishes()[0].tries, 0);
        desk.tell(CallBackInput::Tick, 2 * AGAIN_MS);
        assert!(desk.wishes.wishes()[0].entry().is_some());

        let text = serde_json::to_string(desk.wishes.wishes()).expect("printed");
        let kept: Vec<Wish> = serde_json::from_str(&text).expect("read");
        desk.wishes = CallBacks::new(kept, Random::numbered(4));
        let (_, credit) = Desk::joined(&desk.tell(CallBackInput::Tick, 3 * AGAIN_MS)).expect("it is due at once");
        assert_eq!(credit, 60_000 + 3 * AGAIN_MS);
    }
}
