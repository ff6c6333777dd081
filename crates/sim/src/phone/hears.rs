//! What a phone is asked, and what it answers: RFC 3261 as a server.

use audio::Codec;
use sip::{Message, Method, Name, NameAddr, Request, Response};

use super::asks::ALLOW;
use super::call::{PhoneCall, State};
use super::said::branch;
use super::{Event, Manner, Phone, has_tag, is_invite};

impl Phone {
    pub(super) fn hear_request(&mut self, request: Request) {
        if request.method == Method::Ack {
            return self.hear_ack(request);
        }
        if let Some(bytes) = self.answers.again(&request) {
            return self.send(bytes);
        }
        if is_invite(&request) && self.is_knocking_with(&request) {
            return; // a repetition, while nothing has been said yet
        }
        self.tell(Event::Heard(Box::new(Message::Request(request.clone()))));
        match request.method {
            Method::Invite if has_tag(&request) => self.hear_change(&request),
            Method::Update => self.hear_change(&request),
            Method::PRack => self.hear_prack(&request),
            Method::Invite => self.hear_invite(request),
            Method::Cancel => self.hear_cancel(&request),
            Method::Bye => self.hear_bye(&request),
            Method::Options | Method::Info | Method::Notify | Method::Message => {
                let known = self.is_watched(&request) || self.is_of_call(&request);
                let status = if has_tag(&request) && !known { 481 } else { 200 };
                self.reply(&request, Response::to(&request, status));
            }
            _ => {
                let response = Response::to(&request, 405);
                self.reply(&request, response);
            }
        }
    }

    fn hear_ack(&mut self, ack: Request) {
        let Some(success) = self.answers.acknowledged(&ack) else { return };
        let answer = ack.body.clone();
        self.tell(Event::Heard(Box::new(Message::Request(ack))));
        if !success {
            return;
        }
        if !answer.is_empty()
            && let Some(Ok(stream)) = self.call.as_ref().map(|call| call.accept(&answer))
        {
            self.talk(&stream);
        }
        self.tell(Event::Confirmed);
    }

    fn hear_invite(&mut self, invite: Request) {
        if self.call.is_some() {
            let busy = Response::to(&invite, 486);
            return self.reply(&invite, busy);
        }
        let (Some(from), Some(to)) = (invite.headers.from(), invite.headers.to()) else { return };
        let target = invite.headers.contact().map_or_else(|| from.uri.clone(), |contact| contact.uri);
        let call_id = invite.headers.call_id().unwrap_or_default().to_owned();
        let local: NameAddr = to.tagged(self.random.token(8));
        let reliably = invite.headers.lists(&Name::Supported, "100rel");
        let state = State::Knocking { invite, answer_at: None };
        self.call = Some(PhoneCall::new(&self.conf, (local, from, target), call_id, state, &mut self.random));
        self.tell(Event::Knocks);
        match self.conf.manner {
            Manner::Scripted => {}
            Manner::Rings => self.say(180, None, false),
            Manner::Refuses { status } => self.say(status, None, false),
            Manner::Answers { rings } | Manner::Announces { rings } => {
                match self.conf.manner {
                    Manner::Announces { .. } => self.say(183, None, reliably),
                    _ => self.say(180, None, false),
                }
                if let Some(PhoneCall { state: State::Knocking { answer_at, .. }, .. }) = &mut self.call {
                    *answer_at = Some(self.now + rings);
                }
            }
        }
    }

    /// Answers whoever knocks.
    pub(super) fn say(&mut self, status: u16, codecs: Option<Vec<Codec>>, reliably: bool) {
        let Some(call) = &mut self.call else { return };
        let State::Knocking { invite, .. } = &call.state else { return };
        let invite = invite.clone();
        let mut response = Response::to(&invite, status);
        if let Some(codecs) = codecs {
            call.speak(&codecs);
        }
        let challenge = || format!("Digest realm=\"{}\", nonce=\"0000\", algorithm=MD5, qop=\"auth\"", self.conf.user);
        match status {
            401 => response.headers.push(Name::WwwAuthenticate, challenge()),
            407 => response.headers.push(Name::ProxyAuthenticate, challenge()),
            _ => {}
        }
        if reliably && !response.is_final() {
            call.rseq += 1;
            response.headers.push(Name::Require, "100rel");
            response.headers.push(Name::RSeq, call.rseq.to_string());
        }
        if !response.is_success() && status != 183 {
            let refused = response.is_final();
            self.reply(&invite, response);
            if refused {
                self.call = None;
                self.tell(Event::Ended { by_us: true });
            }
            return;
        }
        let agreed = match (call.settled, invite.body.is_empty()) {
            (true, _) => Ok((Default::default(), None)),
            (false, true) => Ok((call.offer(), None)),
            (false, false) => call.answer(&invite.body).map(|(answer, stream)| (answer, Some(stream))),
        };
        match agreed {
            Ok((sdp, stream)) => {
                let early = status == 183;
                if !early {
                    call.state = State::Up;
                }
                if early && reliably {
                    call.early = sdp.clone(); // agreed on when its PRACK comes
                }
                if !sdp.is_empty() {
                    response.headers.push(Name::ContentType, "application/sdp");
                    response.body = sdp;
                }
                self.reply(&invite, response);
                if !early {
                    self.tell(Event::Answered);
                }
                if let Some(stream) = stream {
                    self.talk(&stream);
                }
            }
            Err(why) => self.say(why.status(), None, false),
        }
    }

    /// RFC 3261 §9.2: 200 to the CANCEL, 487 to the INVITE, unless that has had its final answer.
    fn hear_cancel(&mut self, cancel: &Request) {
        let knocking = self.is_knocking_with(cancel);
        self.reply(cancel, Response::to(cancel, 200));
        if knocking {
            self.give_up(487);
        }
    }

    fn hear_bye(&mut self, bye: &Request) {
        if !self.is_of_call(bye) {
            return self.reply(bye, Response::to(bye, 481));
        }
        self.reply(bye, Response::to(bye, 200));
        if self.is_talking() {
            self.forget_call();
            self.tell(Event::Ended { by_us: false });
        } else {
            self.give_up(487); // RFC 3261 §15.1.2: an early dialog is ended so too
        }
    }

    /// Refuses the INVITE that knocks, on behalf of the caller.
    fn give_up(&mut self, status: u16) {
        let Some(PhoneCall { state: State::Knocking { invite, .. }, .. }) = &self.call else { return };
        let invite = invite.clone();
        self.reply(&invite, Response::to(&invite, status));
        self.call = None;
        self.tell(Event::Ended { by_us: false });
    }

    fn is_of_call(&self, request: &Request) -> bool {
        self.call.as_ref().is_some_and(|call| call.is_of(request))
    }

    fn is_knocking_with(&self, request: &Request) -> bool {
        let Some(PhoneCall { state: State::Knocking { invite, .. }, .. }) = &self.call else { return false };
        branch(invite) == branch(request)
    }

    /// Says a response, and keeps it for the case that the request comes again. To gets our tag (RFC 3261 §8.2.6.2).
    pub(super) fn reply(&mut self, request: &Request, mut response: Response) {
        if response.status > 100 && !has_tag(request) {
            let known = self.call.as_ref().filter(|call| request.headers.call_id() == Some(&call.call_id));
            let tagged = match (known, request.headers.to()) {
                (Some(call), _) => call.local.to_string(),
                (None, Some(to)) => to.tagged(self.random.token(8)).to_string(),
                (None, None) => return,
            };
            response.headers.set(Name::To, tagged);
        }
        if matches!(request.method, Method::Invite | Method::Update) && response.status < 300 {
            response.headers.push(Name::Contact, self.contact());
        }
        if response.is_success() && matches!(request.method, Method::Invite | Method::Options) {
            response.headers.push(Name::Allow, ALLOW);
        }
        let bytes = self.said(response.clone());
        self.answers.keep(request, &response, bytes, self.now);
    }
}
