//! Sessions that change: hold and resume in all spellings, by re-INVITE (RFC 3261 §14), UPDATE (RFC 3311) and PRACK (RFC 3262
//! §5), before and after the answer, and what happens when both sides want it at once.

use std::time::Duration;

use base::Time;
use sip::{Method, Name, Request, Response};

use super::asked::Why;
use super::call::{PhoneCall, State};
use super::{By, Event, Hold, Phone};

/// What the phone wants of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To hold so, or to resume.
    Hold(Option<Hold>),
    /// That the other side makes an offer.
    TheirOffer,
}

/// What it will ask for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) at: Time,
    wish: Wish,
    by: By,
}

impl Phone {
    /// Is a re-INVITE or UPDATE of ours under way?
    pub(super) fn is_changing(&self) -> bool {
        self.asked.iter().any(|asked| matches!(asked.why, Why::Change(_)))
    }

    /// Asks for another session, if it may: not while another change is under way (RFC 3261 §14.1).
    pub(super) fn change(&mut self, wish: Wish, by: By) {
        let contact = self.contact();
        let changing = self.is_changing();
        let Some(call) = self.call.as_mut().filter(|call| !changing && call.again.is_none()) else { return };
        if let (By::Prack, Wish::Hold(hold)) = (by, wish) {
            call.in_prack = Some(hold);
            return;
        }
        let may = matches!(call.state, State::Up) || (by == By::Update && call.remote.tag().is_some());
        if !may {
            return;
        }
        let method = if by == By::Update { Method::Update } else { Method::Invite };
        let mut request = call.request(method, &contact);
        if let Wish::Hold(hold) = wish {
            let before = std::mem::replace(&mut call.hold, hold);
            request.headers.push(Name::ContentType, "application/sdp");
            request.body = call.offer();
            call.hold = before; // until it is agreed on
        }
        self.ask(request, Why::Change(wish), 0);
    }

    /// What could not be had a while ago is asked for again.
    pub(super) fn change_again(&mut self) {
        let now = self.now;
        let Some(again) = self.call.as_mut().and_then(|call| call.again.take_if(|again| now >= again.at)) else {
            return;
        };
        self.change(again.wish, again.by);
    }

    /// The answer to a re-INVITE or UPDATE of ours.
    pub(super) fn changed(&mut self, asked: &super::Asked, response: &Response, wish: Wish) {
        let contact = self.contact();
        let wait = self.glare_wait(response);
        let Some(call) = self.call.as_mut().filter(|call| asked.request.headers.call_id() == Some(&call.call_id))
        else {
            return;
        };
        let by = if asked.is_invite() { By::Invite } else { By::Update };
        if let Wish::Hold(hold) = wish
            && response.is_success()
        {
            call.hold = hold;
        }
        let mut stream = None;
        if response.is_success() && by == By::Invite {
            let mut ack = call.request(Method::Ack, &contact);
            if wish == Wish::TheirOffer {
                if let Ok((answer, agreed)) = call.answer(&response.body) {
                    ack.headers.push(Name::ContentType, "application/sdp");
                    ack.body = answer;
                    stream = Some(agreed);
                }
            } else {
                stream = call.accept(&response.body).ok();
            }
            self.seal_ack(&mut ack, &asked.request);
            self.say_ack(ack, response.status);
        } else if response.is_success() {
            stream = call.accept(&response.body).ok();
            call.settled |= !matches!(call.state, State::Up);
        } else if let Some(wait) = wait {
            call.again = Some(Again { at: self.now + wait, wish, by });
            return;
        }
        stream.iter().for_each(|stream| self.talk(stream));
        self.tell(Event::Changed { status: response.status });
    }

    /// How long to wait where the other side said not now (RFC 3261 §14.1, §14.2).
    fn glare_wait(&mut self, response: &Response) -> Option<Duration> {
        let ours = matches!(response.headers.from(), Some(from) if from.tag() == self.called_as());
        let retry_after = response.headers.first(&Name::RetryAfter).and_then(|secs| secs.trim().parse().ok());
        match (response.status, retry_after) {
            (491, _) if ours => Some(Duration::from_millis(2_100 + 10 * self.random.below(191))),
            (491, _) => Some(Duration::from_millis(10 * self.random.below(201))),
            (500, Some(secs)) => Some(Duration::from_secs(secs)),
            _ => None,
        }
    }

    /// Our tag, if the Call-ID is ours.
    fn called_as(&self) -> Option<&str> {
        self.call.as_ref().filter(|call| call.ours).and_then(|call| call.local.tag())
    }

    /// A re-INVITE or UPDATE of the other side.
    pub(super) fn hear_change(&mut self, request: &Request) {
        let changing = self.is_changing();
        let Some(call) = self.call.as_mut().filter(|call| call.is_of(request)) else {
            return self.reply(request, Response::to(request, 481));
        };
        if changing && !(request.method == Method::Update && request.body.is_empty()) {
            return self.reply(request, Response::to(request, 491));
        }
        let agreed = match (request.method, request.body.is_empty()) {
            (Method::Update, true) => return self.reply(request, Response::to(request, 200)),
            (_, true) => Ok((call.offer(), None)),
            (_, false) => call.answer(&request.body).map(|(answer, stream)| (answer, Some(stream))),
        };
        match agreed {
            Ok((sdp, stream)) => {
                let mut response = Response::to(request, 200).with(Name::ContentType, "application/sdp");
                response.body = sdp;
                self.reply(request, response);
                stream.iter().for_each(|stream| self.talk(stream));
            }
            Err(why) => self.reply(request, Response::to(request, why.status())),
        }
    }

    /// What we said reliably is heard.
    pub(super) fn hear_prack(&mut self, prack: &Request) {
        let call_id = prack.headers.call_id().unwrap_or_default();
        let ours = self.call.as_ref().is_some_and(|call| call.is_of(prack)) && self.answers.heard_early(call_id);
        if let Some(PhoneCall { settled, state: State::Knocking { invite, .. }, early, .. }) =
            self.call.as_mut().filter(|_| ours)
            && !invite.body.is_empty()
            && !early.is_empty()
        {
            *settled = true;
        }
        self.reply(prack, Response::to(prack, if ours { 200 } else { 481 }));
    }

    /// Is it reliable, and not heard before?
    pub(super) fn is_new_reliable(&self, response: &Response) -> bool {
        self.call.as_ref().is_some_and(|call| rseq(response).is_some_and(|rseq| rseq != call.rseq))
    }

    /// Somebody rings: PRACK where that is wanted (RFC 3262 §4), and listen to what is heard meanwhile.
    pub(super) fn progress(&mut self, invite: &Request, response: &Response) {
        let contact = self.contact();
        let Some(call) = &mut self.call else { return };
        if let Some(to) = response.headers.to().filter(|to| to.tag().is_some()) {
            call.remote = to;
        }
        let reliable = response.headers.lists(&Name::Require, "100rel");
        call.rseq = rseq(response).unwrap_or(call.rseq);
        let mut stream = None;
        let mut prack = None;
        if reliable && let Some(rseq) = response.headers.first(&Name::RSeq) {
            call.target = response.headers.contact().map_or(call.target.clone(), |contact| contact.uri);
            let (number, _) = invite.cseq().unwrap_or_default();
            prack = Some(call.request(Method::PRack, &contact).with(Name::RAck, format!("{rseq} {number} INVITE")));
        }
        if !response.body.is_empty() && invite.body.is_empty() {
            // Their offer; our answer goes with the PRACK.
            if let (Ok((answer, agreed)), Some(prack)) = (call.answer(&response.body), &mut prack) {
                prack.headers.push(Name::ContentType, "application/sdp");
                prack.body = answer;
                (stream, call.settled) = (Some(agreed), true);
            }
        } else if !response.body.is_empty()
            && let Ok(agreed) = call.accept(&response.body)
        {
            call.early = response.body.clone();
            stream = Some(agreed);
            if let (Some(hold), Some(prack)) = (call.in_prack.take(), &mut prack) {
                let before = std::mem::replace(&mut call.hold, hold);
                prack.headers.push(Name::ContentType, "application/sdp");
                prack.body = call.offer();
                call.hold = before;
                let wish = Why::Change(Wish::Hold(hold));
                self.ask(prack.clone(), wish, 0);
                return stream.iter().for_each(|stream| self.talk(stream));
            }
        }
        prack.into_iter().for_each(|prack| self.ask(prack, Why::Formality, 0));
        stream.iter().for_each(|stream| self.talk(stream));
    }
}

fn rseq(response: &Response) -> Option<u32> {
    response.headers.first(&Name::RSeq)?.trim().parse().ok()
}
