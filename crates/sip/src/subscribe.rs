//! One subscription, seen from the notifier's end (RFC 6665 §4.2): from the SUBSCRIBE to the last NOTIFY.
//!
//! Where it stands: the endpoint keeps them in a [`Table`], has seen who asks, and hands each what belongs to its dialog;
//! the rooms above say whether it may be, and how what it watches stands. At most one NOTIFY is under way: what changes
//! meanwhile is one more thing to tell, and what is told then is the newest. It sends nothing itself.

mod table;

use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use base::Time;
use bytes::Bytes;
use rsip::Method;

pub use table::Table;

use crate::dialog::Dialog;
use crate::invite::{TransactionId, contact};
use crate::pace::{Pace, Rhythm};
use crate::package::{ALLOW_EVENTS, Known, List, Package, State};
use crate::{Flow, Name, Params, Request, Response, Uri};

/// A subscription of somebody to something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SubscriptionId(pub u64);

/// A subscription.
#[derive(Debug)]
pub struct Subscription {
    /// Who watches, proven.
    pub watcher: Box<str>,
    /// By which package.
    pub package: Package,
    /// What it watches, as it was asked for: the Request-URI without parameters.
    pub entity: Box<str>,
    /// The phone's end.
    pub dialog: Dialog,
    /// Where the phone is, if a proxy of ours stands between.
    pub behind: Option<SocketAddr>,
    /// When it ends, if it is not refreshed.
    pub expires: Time,
    /// Tells it from others in its dialog's Event header (RFC 6665 §8.2.1).
    event_id: Option<Box<str>>,
    /// How many documents it has had.
    version: u32,
    /// What it knows of those on a list.
    known: Known,
    pace: Pace,
    stage: Stage,
}

/// How far it has come.
#[derive(Debug)]
enum Stage {
    /// Those above have not said whether it may be.
    Asked { transaction: TransactionId, ok: Box<Response> },
    /// It knows how things stand.
    Told,
    /// There is something to tell, but not before that: much was told lately, or it would not hear just now.
    Later { at: Time },
    /// A NOTIFY waits for its answer.
    Telling { then: Then },
    /// Its flow is gone. Until then the phone may come back by another (RFC 5626 §4.5).
    Adrift { until: Time },
    /// The last NOTIFY waits for its answer.
    Parting,
    /// Nothing is left to be done.
    Over,
}
use Stage::*;

/// What follows the answer to a NOTIFY.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    Rest,
    Tell,
    Part(Reason),
}

/// Why a subscription ends (RFC 6665 §4.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It was not refreshed, or was ended by the watcher.
    Timeout,
    /// There is no such thing any more.
    NoResource,
    /// The watcher may not see it any more.
    Rejected,
}

/// What a subscription is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// It may be.
    Admit,
    /// It may not.
    Deny { status: u16 },
    /// What it watches has changed.
    News,
    /// A SUBSCRIBE within its dialog; `ok` is the answer to it.
    Refresh { transaction: TransactionId, request: &'a Request, ok: Box<Response>, secs: u32 },
    /// The answer to its NOTIFY.
    Answered { response: &'a Response },
    /// Its NOTIFY was not answered, or could not be sent.
    Unheard,
    /// The stream to the phone is gone.
    FlowLost,
    /// The phone is reached by this from now on.
    Moved { to: Flow },
    /// It is to end.
    End { reason: Reason },
    /// It is `deadline()`.
    Tick,
}

/// What a subscription wants.
#[derive(Debug)]
pub enum Output {
    /// Answer a SUBSCRIBE.
    Respond { transaction: TransactionId, status: u16, bytes: Bytes },
    /// Begin a client transaction.
    Notify { request: Request, to: Flow },
}

impl Reason {
    fn word(self) -> &'static str {
        match self {
            Reason::Timeout => "timeout",
            Reason::NoResource => "noresource",
            Reason::Rejected => "rejected",
        }
    }
}

impl Subscription {
    /// Somebody asks for it: `request` came by `transaction`, and `ok` is what it hears if it may be. It is for `secs`; for
    /// 0 it is a question, answered once (RFC 6665 §4.4.3).
    pub fn new(
        (watcher, package): (&str, Package),
        request: &Request,
        dialog: Dialog,
        (transaction, ok): (TransactionId, Box<Response>),
        secs: u32,
        now: Time,
    ) -> Subscription {
        Subscription {
            watcher: watcher.into(),
            package,
            entity: entity(&request.uri).into(),
            dialog,
            behind: None,
            expires: now + Duration::from_secs(secs.into()),
            event_id: event_id(request).map(Box::from),
            version: 0,
            known: Known::default(),
            pace: Pace::default(),
            stage: Asked { transaction, ok },
        }
    }

    /// Tells it what happened. `state` is how what it watches stands, once that is known.
    pub fn handle(&mut self, input: Input<'_>, state: Option<&State>, now: Time, out: &mut Vec<Output>) {
        self.stage = match (mem::replace(&mut self.stage, Over), input) {
            (Asked { transaction, mut ok }, Input::Admit) => {
                needs_lists(&mut ok, state);
                out.push(Output::Respond { transaction, status: ok.status, bytes: ok.to_bytes() });
                self.say_how_it_stands(state, now, out)
            }
            (Asked { transaction, ok }, Input::Deny { status }) => {
                let mut refused = Response::copying(&ok.headers, status);
                if status == 421 {
                    refused.headers.push(Name::Require, EVENTLIST); // RFC 4662 §4.3
                }
                out.push(Output::Respond { transaction, status, bytes: refused.to_bytes() });
                Over
            }
            (Told, Input::News) => match self.pace.wait(RHYTHM, now) {
                None => self.say_how_it_stands(state, now, out),
                Some(at) => Later { at },
            },
            (Later { at }, Input::Tick) if now >= at && now < self.expires => self.say_how_it_stands(state, now, out),
            (Telling { then: Then::Rest }, Input::News) => Telling { then: Then::Tell },

            // RFC 6665 §4.2.1.2: each SUBSCRIBE is followed by a NOTIFY, whether there is news or not.
            (Asked { .. } | Parting | Over, Input::Refresh { transaction, request, .. }) => {
                let gone = Response::to(request, 481);
                out.push(Output::Respond { transaction, status: 481, bytes: gone.to_bytes() });
                Parting
            }
            (stage, Input::Refresh { transaction, request, mut ok, secs }) => {
                needs_lists(&mut ok, state);
                self.known.forget();
                out.push(Output::Respond { transaction, status: ok.status, bytes: ok.to_bytes() });
                self.dialog.refresh(&request.headers);
                self.expires = now + Duration::from_secs(secs.into());
                match stage {
                    Telling { then: Then::Part(reason) } => Telling { then: Then::Part(reason) },
                    Telling { .. } if secs == 0 => Telling { then: Then::Part(Reason::Timeout) },
                    Telling { .. } => Telling { then: Then::Tell },
                    _ => self.say_how_it_stands(state, now, out),
                }
            }

            (Telling { then }, Input::Answered { response }) if response.is_success() => match then {
                Then::Rest => Told,
                Then::Part(reason) => self.part(reason, state, now, out),
                Then::Tell => match self.pace.wait(RHYTHM, now) {
                    None => self.say_how_it_stands(state, now, out),
                    Some(at) => Later { at },
                },
            },
            (stage @ (Telling { .. } | Parting), Input::Answered { response }) if response.is_provisional() => stage,
            // RFC 6665 §4.2.2: one that says when to try again is told again; any other knows of no subscription.
            (Telling { then }, Input::Answered { response }) => match (then, retry_after(response)) {
                (Then::Rest | Then::Tell, Some(wait)) => Later { at: now + wait },
                _ => Over,
            },
            (Parting, Input::Answered { .. }) => Over,
            (Telling { .. } | Parting, Input::Unheard) => Over,

            (Told | Later { .. } | Telling { then: Then::Rest | Then::Tell } | Adrift { .. }, Input::FlowLost) => {
                Adrift { until: (now + ADRIFT_TIME).min(self.expires) }
            }
            (Parting | Telling { .. }, Input::FlowLost) => Over,
            (Adrift { .. }, Input::Moved { to }) => {
                self.dialog.flow = to;
                self.say_how_it_stands(state, now, out)
            }
            (stage, Input::Moved { to }) => {
                self.dialog.flow = to;
                stage
            }
            (Adrift { until }, Input::Tick) if now >= until => Over,

            (Told | Later { .. }, Input::Tick) if now >= self.expires => self.part(Reason::Timeout, state, now, out),
            (Told | Later { .. }, Input::End { reason }) => self.part(reason, state, now, out),
            (Telling { .. }, Input::Tick) if now >= self.expires => Telling { then: Then::Part(Reason::Timeout) },
            (Telling { .. }, Input::End { reason }) => Telling { then: Then::Part(reason) },
            (Adrift { .. }, Input::End { .. }) => Over,
            (stage, _) => stage, // late, or nothing to it
        };
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        match self.stage {
            Later { at } => Some(at.min(self.expires)),
            Adrift { until } => Some(until),
            Told | Telling { then: Then::Rest | Then::Tell } => Some(self.expires),
            Asked { .. } | Telling { then: Then::Part(_) } | Parting | Over => None,
        }
    }

    /// Is nothing left to be done?
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Over)
    }

    /// Has the watcher been told that it stands, and not that it is over?
    pub fn stands(&self) -> bool {
        matches!(self.stage, Told | Later { .. } | Telling { .. } | Adrift { .. })
    }

    /// Is this SUBSCRIBE about it?
    pub fn is_of(&self, package: Package, request: &Request) -> bool {
        self.package == package && self.event_id.as_deref() == event_id(request)
    }

    /// Did the phone that sends this SUBSCRIBE begin the other, before it was started anew?
    pub fn is_forgotten_by(&self, new: &Subscription) -> bool {
        (self.package, &self.entity, &self.event_id) == (new.package, &new.entity, &new.event_id)
            && self.dialog.target() == new.dialog.target()
            && self.dialog.flow.remote.ip() == new.dialog.flow.remote.ip()
    }

    /// The state, or the last of it where the time is up: a question, or one that ends with its SUBSCRIBE.
    fn say_how_it_stands(&mut self, state: Option<&State>, now: Time, out: &mut Vec<Output>) -> Stage {
        if now >= self.expires {
            return self.part(Reason::Timeout, state, now, out);
        }
        let left = self.expires.since(now);
        let secs = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let more = self.notify(&format!("active;expires={secs}"), state, now, out);
        self.pace.step(RHYTHM, now);
        Telling { then: if more { Then::Tell } else { Then::Rest } }
    }

    fn part(&mut self, reason: Reason, state: Option<&State>, now: Time, out: &mut Vec<Output>) -> Stage {
        // What somebody may not see, he is not told at the end either.
        let state = state.filter(|_| reason == Reason::Timeout);
        self.notify(&format!("terminated;reason={}", reason.word()), state, now, out);
        Parting
    }

    /// True: there is more to tell than a NOTIFY holds.
    fn notify(&mut self, standing: &str, state: Option<&State>, now: Time, out: &mut Vec<Output>) -> bool {
        let mut request = self.dialog.request(Method::Notify);
        let headers = &mut request.headers;
        headers.push(Name::Contact, contact(self.dialog.flow));
        let event = self.package.word();
        headers.push(Name::Event, self.event_id.as_ref().map_or(event.to_owned(), |id| format!("{event};id={id}")));
        headers.push(Name::SubscriptionState, standing);
        headers.push(Name::AllowEvents, ALLOW_EVENTS);
        let mut more = false;
        if let Some(state) = state {
            request.body = match state {
                State::List(list) => {
                    headers.push(Name::Require, EVENTLIST);
                    headers.push(Name::ContentType, List::content_type());
                    let (body, rest) = list.print(&self.entity, self.version, &mut self.known, now);
                    more = rest;
                    body.into()
                }
                state => {
                    headers.push(Name::ContentType, self.package.content_type());
                    state.print(&self.entity, self.version, now).into()
                }
            };
            self.version += 1; // it is the same dialog's next document (RFC 4235 §4.1.2, RFC 3680 §5.3, RFC 4662 §5.1)
        }
        out.push(Output::Notify { request, to: self.dialog.flow });
        more
    }
}

/// RFC 4662 §4.4: who watches a list is told that it is one.
fn needs_lists(ok: &mut Response, state: Option<&State>) {
    if matches!(state, Some(State::List(_))) {
        ok.headers.push(Name::Require, EVENTLIST);
    }
}

/// The `id` of an Event header.
fn event_id(request: &Request) -> Option<&str> {
    let mut params = request.headers.first(&Name::Event)?.split(';').skip(1);
    params.find_map(|param| {
        let (name, value) = param.split_once('=')?;
        name.trim().eq_ignore_ascii_case("id").then(|| value.trim())
    })
}

/// A Request-URI as documents name it: without parameters and headers.
fn entity(text: &str) -> String {
    let Ok(uri) = text.parse::<Uri>() else { return text.to_owned() };
    Uri { params: Params::NONE, headers: None, ..uri }.to_string()
}

/// When a refusal says that one may try again, within reason.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers.first(&Name::RetryAfter)?;
    let digits = text.trim_start().split(|letter: char| !letter.is_ascii_digit()).next()?;
    let secs: u64 = digits.parse().ok()?;
    Some(Duration::from_secs(secs.clamp(1, RETRY_SECS_MAX)))
}

/// The option tag of those who can watch lists (RFC 4662 §4.1).
pub const EVENTLIST: &str = "eventlist";
/// How often a watcher is told (RFC 4235 §3.10): a call that is dialled, rings, is answered and ends shows at once.
const RHYTHM: Rhythm = Rhythm { spacing: Duration::from_secs(1), at_once: 5 };
/// How long a phone whose connection broke may take to come back.
const ADRIFT_TIME: Duration = Duration::from_secs(60);
/// However late a phone wants to be told again, this is soon enough.
const RETRY_SECS_MAX: u64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_name_what_was_subscribed_to() {
        for (uri, name) in [
            ("sip:202@centrala", "sip:202@centrala"),
            ("sip:202@centrala;transport=tcp?x=y", "sip:202@centrala"),
            ("sip:2;x=1@centrala:5060;a=b@c", "sip:2;x=1@centrala:5060"),
            ("sip:centrala?a=b", "sip:centrala"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(entity(uri), name);
        }
    }

    #[test]
    fn an_event_may_have_an_id() {
        for (value, id) in
            [("dialog", None), ("dialog;id=7", Some("7")), ("dialog ; x=y ; ID = a", Some("a")), ("dialog;id", None)]
        {
            assert_eq!(event_id(&Request::new(Method::Subscribe, "sip:x").with(Name::Event, value)), id, "{value}");
        }
    }

    #[test]
    fn one_tries_again_when_told_but_within_reason() {
        for (value, secs) in [("5", Some(5)), ("0", Some(1)), ("18000;duration=3600", Some(300)), ("soon", None)] {
            let refused = Response::copying(&crate::Headers::default(), 503).with(Name::RetryAfter, value);
            assert_eq!(retry_after(&refused).map(|wait| wait.as_secs()), secs, "{value}");
        }
    }
}
