//! The queue: the caller waits, hears something, and gets the agent the queues choose for him.
//!
//! Where it stands: `acd` decides who gets whom; this program tells it what happens to the call, and does what it says.
//! Whatever the caller hears is cut short by an agent who answers.

use std::time::Duration;

use acd::{AgentName, EndedBy, Gone, Join, Outcome, Overflow, Refusal, Skilled};
use call::{Call, Event, Preface, Side, Target, What};
use route::Destination;

use crate::which_number::{Asked, Then};
use crate::{CallBackConf, Next, Program, QueueConf, Word};

/// One caller in a queue, then with an agent.
#[derive(Debug)]
pub(crate) struct Queue {
    conf: QueueConf,
    state: State,
    /// The caller is being told something.
    tells: bool,
    /// What he is asked who wants to be called back.
    asked: Option<Asked>,
    /// He was told that he may be called back.
    offered: bool,
    /// So much music was heard when it was interrupted last.
    heard: Duration,
    words: Vec<Word>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// He is being called back.
    Away,
    Waiting,
    Talking,
    Over,
}

impl Queue {
    pub(crate) fn new(conf: QueueConf) -> Queue {
        let (asked, offered) = (None, false);
        Queue { conf, state: State::Waiting, tells: false, asked, offered, heard: Duration::ZERO, words: Vec::new() }
    }

    /// Somebody comes who waits in the queue already, and is rung for that.
    pub(crate) fn entered_by_one_away(conf: QueueConf) -> Queue {
        Queue { state: State::Away, offered: true, ..Queue::new(conf) }
    }

    fn gone(&mut self, call: &Call, how: Gone) {
        self.words.push(acd::Input::Gone { call: call.id(), how }.into());
    }

    fn agent_left(&mut self, call: &Call, by: EndedBy) {
        self.words.push(acd::Input::Ended { call: call.id(), by }.into());
    }

    /// Music, until it is time to say something.
    fn hold(&mut self, call: &mut Call) {
        self.tells = false;
        let tells = self.conf.announce.is_some() || self.conf.announce_wait.is_some();
        let mut every = tells.then_some(self.conf.announce_every);
        if let Some(offer_after) = self.offers_after() {
            let left = offer_after.saturating_sub(waited(call)).max(Duration::from_millis(100));
            every = Some(every.map_or(left, |every| every.min(left)));
        }
        call.play_music(&self.conf.music, self.heard, every);
        self.heard += every.unwrap_or_default();
    }

    /// The caller is told something. An agent who answers cuts it short, as all that is played.
    fn tell(&mut self, position: usize, wait: Option<Duration>, call: &mut Call) {
        let wait = wait.filter(|wait| !wait.is_zero()).map(|wait| wait.as_secs().div_ceil(60).max(1).to_string());
        let phrase = wait.as_ref().and(self.conf.announce_wait.as_ref()).or(self.conf.announce.as_ref());
        let Some(phrase) = phrase else { return self.hold(call) };
        let position = position.to_string();
        let sound = phrase.with(call, |field| match field {
            "position" => Some(&position),
            "wait" => wait.as_deref(),
            _ => None,
        });
        self.tells = true;
        call.play(&sound, false);
    }

    /// After how long he is told that he may be called back, if that is still to be done.
    fn offers_after(&self) -> Option<Duration> {
        let conf = self.conf.call_back.as_ref().filter(|_| !self.offered)?;
        conf.offer.as_ref().map(|_| conf.offer_after)
    }

    /// The caller has heard music for a while: what is he told?
    fn has_heard_music(&mut self, call: &mut Call) {
        if self.offers_after().is_some_and(|after| waited(call) >= after)
            && let Some(offer) = self.conf.call_back.as_ref().and_then(|conf| conf.offer.as_ref())
        {
            let sound = offer.to(call);
            (self.offered, self.tells) = (true, true);
            return call.play(&sound, false);
        }
        self.words.push(acd::Input::Where { call: call.id() }.into());
    }

    /// He wants to be called back: is that his number? Who shows none cannot be.
    fn asks_for_number(&mut self, conf: &CallBackConf, call: &mut Call) {
        let party = &call.caller().party;
        let shown = !party.number.is_empty() && !party.number.eq_ignore_ascii_case("anonymous");
        let way_out = conf.trunk.as_ref().or(party.trunk.as_ref()).is_some();
        if shown && (party.account.is_some() || way_out) {
            let asked = Asked::IsIt { number: party.number.clone(), own: true };
            return self.asks(Then::Ask(asked), conf, call);
        }
        let other = conf.other.is_some() && way_out;
        self.asks(if other { Then::Ask(Asked::which()) } else { Then::Never }, conf, call);
    }

    /// What he has answered leads on.
    fn asks(&mut self, then: Then, conf: &CallBackConf, call: &mut Call) {
        let way_out = conf.trunk.as_ref().or(call.caller().party.trunk.as_ref()).is_some();
        match then {
            Then::Ask(Asked::Which { .. }) if !way_out => self.hold(call),
            Then::Ask(asked) => {
                let sound = match (&asked, &conf.other) {
                    (Asked::Which { .. }, Some(other)) => other.ask.to(call),
                    (Asked::IsIt { number, .. }, _) => {
                        conf.confirm.with(call, |field| (field == "number").then_some(number.as_str()))
                    }
                    (Asked::Which { .. }, None) => return self.hold(call), // nobody is asked that
                };
                self.asked = Some(asked);
                call.ask(&sound, CONFIRM_PATIENCE);
            }
            Then::Listen(asked) => {
                self.asked = Some(asked);
                call.listen(NEXT_KEY);
            }
            Then::Agreed { number, own } => self.is_called_back(number, own, conf, call),
            Then::Never => self.hold(call),
        }
    }

    /// It is: he gives up his waiting, and keeps his place.
    fn is_called_back(&mut self, number: String, own: bool, conf: &CallBackConf, call: &Call) {
        let party = &call.caller().party;
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let terms = acd::Terms {
            account: party.account.clone().filter(|_| own),
            trunk: conf.trunk.clone().or(party.trunk.clone()),
            priority: self.conf.priority,
            waited_ms: ms(waited(call)),
            first: conf.first,
            hours: conf.hours.clone(),
            dial_ms: ms(conf.dial),
            retry_ms: ms(conf.retry),
            tries_max: conf.tries,
            stands_ms: ms(conf.stands),
        };
        let (queue, caller) = (self.conf.name.clone(), party.label().to_owned());
        let wish = acd::Wish::new(call.id(), queue, number, caller, terms, call.unix_ms());
        self.words.push(Word::CallBack(acd::CallBackInput::Ask(Box::new(wish))));
        self.gone(call, Gone::CallBack);
    }

    /// What an agent hears first.
    fn preface(&self, call: &Call) -> Option<Preface> {
        let minutes = waited(call).as_secs().div_ceil(60).max(1).to_string();
        let sound =
            self.conf.whisper.as_ref().map(|whisper| whisper.usual(|name| (name == "wait").then_some(&minutes)));
        match (sound, self.conf.accept) {
            (None, None) => None,
            (sound, accept) => Some(Preface { sound: sound.unwrap_or_else(|| self.conf.accept_tone.clone()), accept }),
        }
    }

    /// Where a caller goes who leaves without an agent.
    fn way_out(&self, outcome: &Outcome) -> Destination {
        if let Outcome::Moved { to } = outcome {
            return Destination::Queue(to.to_string());
        }
        let ways = &self.conf.overflow;
        let way = match outcome {
            Outcome::Key(key) => self.conf.keys.get(key),
            Outcome::CallBack => self.conf.call_back.as_ref().and_then(|conf| conf.then.as_ref()),
            Outcome::TimedOut => ways.timeout.as_ref(),
            Outcome::Closed => ways.closed.as_ref(),
            Outcome::Overflowed(Overflow::Full) => ways.full.as_ref(),
            Outcome::Overflowed(Overflow::LongWait) => ways.long_wait.as_ref(),
            Outcome::Overflowed(Overflow::Empty) => ways.empty.as_ref(),
            Outcome::Overflowed(Overflow::Emptied | Overflow::Unstaffed) => ways.unstaffed.as_ref(),
            _ => None,
        };
        way.cloned().unwrap_or(Destination::Reject(480))
    }
}

/// What a caller's own agent must be able to do, of what somebody is.
fn wanted(conf: &QueueConf, call: &Call) -> Vec<Skilled> {
    let wanted = conf.skill_fields.iter().filter_map(|(field, level)| {
        let skill = call.field(field)?.parse().ok()?;
        conf.skills.get(&skill).is_some_and(|best| best >= level).then_some(Skilled { skill, level: *level })
    });
    wanted.collect()
}

impl Program for Queue {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match (&self.state, event) {
            (State::Waiting, Event::Started) => {
                call.queued(self.conf.name.as_str());
                let join = acd::Input::Join(Join {
                    call: call.id(),
                    queue: self.conf.name.clone(),
                    caller: call.caller().party.label().into(),
                    priority: self.conf.priority,
                    skills: wanted(&self.conf, call),
                    credit: waited_before(call),
                    prefers: self.conf.prefer.as_ref().and_then(|field| call.field(field)?.parse().ok()),
                });
                self.words.push(join.into());
            }
            (State::Waiting, Event::Played) if self.tells => self.hold(call),
            (State::Away, Event::Started) => {
                call.queued(self.conf.name.as_str());
                self.words.push(Word::CallBack(acd::CallBackInput::Reached { entry: call.id() }));
                self.words.push(acd::Input::Reached { call: call.id() }.into());
                self.state = State::Waiting;
            }
            (State::Away, Event::Unreached(status)) => {
                self.words.push(Word::CallBack(acd::CallBackInput::Unreached { entry: call.id(), status }));
                self.gone(call, Gone::Unreached);
                self.state = State::Over;
                return Next::Over;
            }
            (State::Waiting, Event::Key(key)) if self.asked.is_some() => {
                if let (Some(asked), Some(conf)) = (self.asked.take(), self.conf.call_back.clone()) {
                    self.asks(asked.key(key, &conf), &conf, call);
                }
            }
            (State::Waiting, Event::NoKey) if self.asked.is_some() => {
                if let (Some(asked), Some(conf)) = (self.asked.take(), self.conf.call_back.clone()) {
                    self.asks(asked.no_key(&conf), &conf, call);
                }
            }
            (State::Waiting, Event::Key(key)) if self.conf.call_back.as_ref().is_some_and(|conf| conf.key == key) => {
                if let Some(conf) = self.conf.call_back.clone() {
                    self.asks_for_number(&conf, call);
                }
            }
            (State::Waiting, Event::Played) => self.has_heard_music(call),
            (State::Waiting, Event::Key(key)) if self.conf.keys.contains_key(&key) => self.gone(call, Gone::Key(key)),
            (State::Waiting, Event::PickedUp { party }) => {
                let patience = if self.conf.accept.is_some() { self.conf.accept_patience } else { WHISPER_MAX };
                let agent = party.parse().ok();
                self.words.extend(agent.map(|agent| acd::Input::PickedUp { call: call.id(), agent, patience }.into()));
            }
            (State::Waiting, Event::PartyRefused { party, status, reached }) => {
                if let Ok(agent) = party.parse() {
                    let how = refusal(status, reached);
                    self.words.push(acd::Input::Refused { call: call.id(), agent, how }.into());
                }
            }
            (State::Waiting, Event::Connected) => {
                let agent: Option<AgentName> = connected_to(call).and_then(|party| party.parse().ok());
                self.words.extend(agent.map(|agent| acd::Input::Answered { call: call.id(), agent }.into()));
                self.state = State::Talking;
            }
            (State::Waiting, Event::HungUp) => {
                let how = match (ended_by(call), is_shutdown(call)) {
                    (EndedBy::Caller, _) => Gone::HungUp,
                    (_, true) => Gone::Failed,
                    _ => Gone::Withdrawn,
                };
                self.gone(call, how);
                self.state = State::Over;
                return Next::Over;
            }
            (State::Talking, Event::PartyLeft(cause)) => {
                self.agent_left(call, EndedBy::Agent);
                self.state = State::Over;
                if let Some(survey) = &self.conf.survey {
                    return Next::Go(survey.clone());
                }
                call.hang_up(Side::Agent, cause);
                return Next::Over;
            }
            (State::Talking, Event::HungUp) => {
                self.agent_left(call, ended_by(call));
                self.state = State::Over;
                return Next::Over;
            }
            _ => {}
        }
        Next::Wait
    }

    fn handed_on(&mut self, call: &Call) {
        if self.state == State::Talking {
            self.agent_left(call, EndedBy::Agent);
            self.state = State::Over;
        }
    }

    fn told(&mut self, word: &acd::Output, call: &mut Call) -> Next {
        match word {
            acd::Output::Left { outcome, .. } => {
                call.unqueued(outcome.word());
                if self.state == State::Away && !call.has_ended() {
                    self.state = State::Over;
                    call.hang_up(Side::Switch, "withdrawn");
                }
                let leaves = !matches!(outcome, Outcome::Answered { .. });
                if leaves && self.state == State::Waiting && !call.has_ended() {
                    self.state = State::Over;
                    if *outcome == Outcome::CallBack && self.way_out(outcome) == Destination::Reject(480) {
                        call.hang_up(Side::Switch, "call-back");
                        return Next::Over;
                    }
                    return Next::Go(self.way_out(outcome));
                }
            }
            acd::Output::Joined { .. } if self.state == State::Waiting => self.hold(call),
            acd::Output::Stands { position, wait, .. } if self.state == State::Waiting && self.asked.is_none() => {
                self.tell(*position, *wait, call);
            }
            acd::Output::Offer { agent, .. } if self.state == State::Waiting => {
                let preface = self.preface(call);
                call.ring_also(Target::Account(agent.to_string()), preface);
            }
            acd::Output::Withdraw { agent, .. } => call.ring_no_longer(agent.as_str()),
            acd::Output::Joined { .. }
            | acd::Output::Stands { .. }
            | acd::Output::Offer { .. }
            | acd::Output::Fact(_) => {}
        }
        Next::Wait
    }

    fn words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }
}

/// How long the caller may think whether his number is right, or which it is,
const CONFIRM_PATIENCE: Duration = Duration::from_secs(5);
/// and how long the next key of it may take.
const NEXT_KEY: Duration = Duration::from_secs(4);
/// So long nothing is said to agents.
const WHISPER_MAX: Duration = Duration::from_secs(60);

/// What an agent's phone said, as a queue understands it.
fn refusal(status: u16, reached: bool) -> Refusal {
    match status {
        486 | 600 => Refusal::Busy,
        _ if !reached => Refusal::Unreachable,
        404 | 408 | 410 | 500..=599 => Refusal::Unreachable,
        _ => Refusal::Declined,
    }
}

/// How long the caller has waited on this call.
fn waited(call: &Call) -> Duration {
    let since = call.facts().iter().rev().find(|fact| matches!(fact.what, What::Queued { .. })).map(|fact| fact.at);
    waited_before(call) + since.map_or(Duration::ZERO, |since| call.now().since(since))
}

/// How long the caller has waited in other queues, on this call.
fn waited_before(call: &Call) -> Duration {
    let (mut waited, mut since) = (Duration::ZERO, None);
    for fact in call.facts() {
        match fact.what {
            What::Queued { .. } => since = Some(fact.at),
            What::Unqueued { .. } => waited += since.take().map_or(Duration::ZERO, |since| fact.at.since(since)),
            _ => {}
        }
    }
    waited
}

fn connected_to(call: &Call) -> Option<&str> {
    call.facts().iter().rev().find_map(|fact| match &fact.what {
        What::Connected { party, .. } => Some(party.as_str()),
        _ => None,
    })
}

/// The switch ended the call because it stops itself: the caller is owed what he waited.
fn is_shutdown(call: &Call) -> bool {
    call.facts().iter().rev().any(|fact| matches!(&fact.what, What::HungUp { cause, .. } if cause == SHUTDOWN))
}

/// The cause of calls that end because the switch does.
pub const SHUTDOWN: &str = "shutdown";

fn ended_by(call: &Call) -> EndedBy {
    let by = call.facts().iter().rev().find_map(|fact| match fact.what {
        What::HungUp { by, .. } => Some(by),
        _ => None,
    });
    match by {
        Some(Side::Caller) => EndedBy::Caller,
        Some(Side::Agent) => EndedBy::Agent,
        Some(Side::Switch) | None => EndedBy::Switch,
    }
}
