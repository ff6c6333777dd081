//! What a phone asks for, and what it makes of the answers: the buttons, and RFC 3261 as a client.

use audio::Codec;
use sdp::Stream;
use sip::digest::{self, Credentials};
use sip::{MAGIC_COOKIE, Method, Name, NameAddr, Request, Response, Transport, Via, method_name};

use super::asked::{Asked, Why};
use super::call::{PhoneCall, State};
use super::changes::Wish;
use super::voice::Voice;
use super::{By, Command, Dial, Ear, Event, Keys, Phone, refresh_after};

impl Phone {
    pub(super) fn push(&mut self, button: Command) {
        match button {
            Command::Register { expires_secs } => self.register(expires_secs),
            Command::Call(dial) => self.dial(dial),
            Command::Say { status, codecs, reliably } => self.say(status, codecs, reliably),
            Command::HangUp => self.hang_up(),
            Command::Press { key, by } => self.press(key, by),
            Command::Change { hold, by } => self.change(Wish::Hold(hold), by),
            Command::AskForOffer => self.change(Wish::TheirOffer, By::Invite),
            Command::Refer { to, header } => self.refer(to, header),
            Command::Subscribe(subscribe) => self.subscribe(subscribe),
            Command::Write(text) => self.write(text),
            Command::Publish(says) => self.publish(&says),
            Command::Speak(sound) => {
                self.conf.voice = sound.clone();
                if let Some(voice) = self.call.as_mut().and_then(|call| call.voice.as_mut()) {
                    voice.say(sound);
                }
            }
            Command::Behave(manner) => self.conf.manner = manner,
            Command::Vanish => {
                self.gone = true;
                self.call = None;
                self.asked.clear();
                self.answers.forget();
            }
        }
    }

    pub(super) fn register(&mut self, expires_secs: u32) {
        self.registration.cseq += 1;
        let registrar = format!("sip:{}", self.conf.server);
        let own = NameAddr::new(format!("sip:{}@{}", self.conf.user, self.conf.server));
        let request = Request::new(Method::Register, registrar)
            .with(Name::MaxForwards, "70")
            .with(Name::From, own.clone().tagged(&self.registration.tag).to_string())
            .with(Name::To, own.to_string())
            .with(Name::CallId, &self.registration.call_id)
            .with(Name::CSeq, format!("{} REGISTER", self.registration.cseq))
            .with(Name::Expires, expires_secs.to_string());
        let mut contact = format!("<sip:{}@{}>", self.conf.user, self.conf.sip);
        let mut request = request;
        if let Some(instance) = &self.conf.instance {
            contact += &format!(";+sip.instance=\"<{instance}>\"");
            request.headers.push(Name::Supported, "gruu");
        }
        request.headers.push(Name::Contact, contact);
        self.ask(request, Why::Register { expires_secs }, 0);
    }

    fn dial(&mut self, dial: Dial) {
        if self.call.is_some() {
            return;
        }
        let server = self.conf.server;
        let target = if dial.to.contains(':') { dial.to } else { format!("sip:{}@{server}", dial.to) };
        let user = dial.from.as_deref().unwrap_or(&self.conf.user);
        let mut local = NameAddr::new(format!("sip:{user}@{server}")).tagged(self.random.token(8));
        local.display.clone_from(&self.conf.display);
        let names = (local, NameAddr::new(&target), target);
        let (call_id, state) = (self.random.token(20), State::Calling { rings: false, gave_up: false });
        let mut call = PhoneCall::new(&self.conf, names, call_id, state, &mut self.random);
        let mut invite = call.request(Method::Invite, &self.contact()).with(Name::Allow, ALLOW);
        dial.headers.into_iter().for_each(|(name, value)| invite.headers.set(name, value));
        call.listens = dial.listens;
        if let Some(codecs) = &dial.codecs {
            call.speak(codecs);
        }
        if dial.codecs.is_none_or(|codecs| !codecs.is_empty()) {
            invite.headers.push(Name::ContentType, "application/sdp");
            invite.body = call.offer();
        } else {
            call.speak(&self.conf.codecs.clone());
        }
        self.call = Some(call);
        self.ask(invite, Why::Invite, 0);
    }

    /// Puts the receiver down.
    pub(super) fn hang_up(&mut self) {
        let contact = self.contact();
        let Some(call) = &mut self.call else { return };
        match &mut call.state {
            State::Calling { rings, gave_up } => {
                let now = *rings && !*gave_up;
                *gave_up = true;
                if now {
                    self.cancel();
                }
            }
            State::Knocking { .. } => self.say(603, None, false),
            State::Up => {
                let bye = call.request(Method::Bye, &contact);
                self.forget_call();
                self.ask(bye, Why::Formality, 0);
                self.tell(Event::Ended { by_us: true });
            }
        }
    }

    /// RFC 3261 §9.1: the INVITE's own branch, CSeq number and addresses.
    fn cancel(&mut self) {
        let Some(invite) = self.asked.iter_mut().find(|asked| asked.why == Why::Invite) else { return };
        invite.gives_up(self.now);
        let mut cancel = Request::new(Method::Cancel, &invite.request.uri).with(Name::MaxForwards, "70");
        for name in [Name::Via, Name::From, Name::To, Name::CallId] {
            let value = invite.request.headers.first(&name).unwrap_or_default().to_owned();
            cancel.headers.push(name, value);
        }
        let (number, _) = invite.request.cseq().unwrap_or_default();
        cancel.headers.push(Name::CSeq, format!("{number} CANCEL"));
        let branch = invite.branch.clone();
        self.under_way(cancel, branch, Why::Formality, 0);
    }

    fn press(&mut self, key: char, by: Keys) {
        let contact = self.contact();
        let Some(call) = self.call.as_mut().filter(|call| matches!(call.state, State::Up)) else { return };
        match by {
            Keys::Event => {
                call.voice.as_mut().map(|voice| voice.press(key));
            }
            Keys::Info => {
                let mut info = call.request(Method::Info, &contact).with(Name::ContentType, "application/dtmf-relay");
                info.body = format!("Signal={key}\r\nDuration=160\r\n").into();
                self.ask(info, Why::Formality, 0);
            }
        }
    }

    fn refer(&mut self, to: String, header: Option<(Name, String)>) {
        let contact = self.contact();
        let Some(call) = self.call.as_mut().filter(|call| call.remote.tag().is_some()) else { return };
        let mut refer = call.request(Method::Refer, &contact).with(Name::ReferTo, to);
        header.into_iter().for_each(|(name, value)| refer.headers.push(name, value));
        self.ask(refer, Why::Formality, 0);
    }

    /// Sends a request of a new transaction.
    pub(super) fn ask(&mut self, mut request: Request, why: Why, proofs: u8) {
        let branch = format!("{MAGIC_COOKIE}{}", self.random.token(16));
        let via = Via::new(Transport::Udp, self.conf.sip, &branch);
        request.headers.push_front(Name::Via, via.to_string());
        self.under_way(request, branch, why, proofs);
    }

    fn under_way(&mut self, request: Request, branch: String, why: Why, proofs: u8) {
        self.said(request.clone());
        self.asked.push(Asked::new(request, branch, why, proofs, self.now));
    }

    pub(super) fn hear_response(&mut self, response: Response) {
        let branch = response.headers.via().and_then(|via| via.branch().map(str::to_owned));
        let method = response.cseq().map(|(_, method)| method);
        let of_it =
            |asked: &Asked| Some(&asked.branch) == branch.as_ref() && method == Some(method_name(asked.request.method));
        let Some(at) = self.asked.iter().position(of_it) else {
            self.ack_again(&response);
            return;
        };
        if response.is_provisional() {
            let reliable = self.is_new_reliable(&response);
            let asked = &mut self.asked[at];
            let news = asked.heard != response.status || reliable;
            asked.proceeds(response.status);
            let (why, invite) = (asked.why, asked.request.clone());
            if news {
                self.tell(Event::Heard(Box::new(sip::Message::Response(response.clone()))));
            }
            if why == Why::Invite && self.is_calling(&invite) {
                self.rings();
                if news {
                    self.progress(&invite, &response);
                }
            }
            return;
        }
        self.tell(Event::Heard(Box::new(sip::Message::Response(response.clone()))));
        let asked = self.asked.swap_remove(at);
        if asked.is_invite() && !response.is_success() {
            let ack = ack_of_refusal(&asked.request, &response);
            self.say_ack(ack, response.status);
        }
        let proof = if matches!(response.status, 401 | 407) { self.proof(&asked, &response) } else { None };
        match proof {
            Some(request) => self.ask(request, asked.why, asked.proofs + 1),
            None => self.answered(&asked, &response),
        }
    }

    /// A CANCEL may now be said, if the receiver is down already.
    fn rings(&mut self) {
        let Some(PhoneCall { state: State::Calling { rings, gave_up }, .. }) = &mut self.call else { return };
        let first = !std::mem::replace(rings, true);
        if first && *gave_up {
            self.cancel();
        }
    }

    /// The same request, with the answer to its challenge; none if there is no use in asking again.
    fn proof(&mut self, asked: &Asked, response: &Response) -> Option<Request> {
        let password = self.conf.password.clone()?;
        let (challenge, answer) = match response.status {
            401 => (Name::WwwAuthenticate, Name::Authorization),
            _ => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        };
        let challenges: Vec<&str> = response.headers.all(&challenge).collect();
        let stale = challenges.iter().any(|challenge| challenge.contains("stale=true"));
        if asked.proofs >= PROOFS_MAX || (asked.proofs > 0 && !stale) {
            return None;
        }
        let credentials = Credentials { user: self.conf.user.clone(), password, realm: None };
        let mut request = asked.request.clone();
        let cnonce = self.random.token(16);
        let method = method_name(request.method);
        let value = challenges
            .iter()
            .find_map(|challenge| digest::respond(challenge, &credentials, method, &request.uri, 1, &cnonce))?;
        let (number, _) = request.cseq()?;
        if asked.why == Why::Invite && !self.is_calling(&request) {
            return None;
        }
        match (asked.why, &mut self.call) {
            (Why::Register { .. }, _) => self.registration.cseq = number + 1,
            (Why::Watch, _) => self.watches_again(&request, number + 1),
            (_, Some(call)) if request.headers.call_id() == Some(&call.call_id) => call.cseq = number + 1,
            (Why::Formality, _) if matches!(request.method, Method::Message | Method::Publish) => {}
            _ => return None,
        }
        request.headers.remove(&Name::Via);
        request.headers.set(Name::CSeq, format!("{} {method}", number + 1));
        request.headers.set(answer, value);
        Some(request)
    }

    fn answered(&mut self, asked: &Asked, response: &Response) {
        let status = response.status;
        match asked.why {
            Why::Register { expires_secs } if response.is_success() => {
                let granted = response.headers.all(&Name::Contact).find_map(|contact| {
                    let contact: NameAddr = contact.parse().ok()?;
                    contact
                        .params
                        .get("expires")
                        .filter(|_| contact.uri.contains(&self.conf.sip.to_string()))?
                        .parse()
                        .ok()
                });
                if let Some(instance) = &self.conf.instance {
                    let mut contacts =
                        response.headers.all(&Name::Contact).filter(|contact| contact.contains(instance));
                    let ours: Option<NameAddr> = contacts.next().and_then(|contact| contact.parse().ok());
                    let gruu = ours.and_then(|ours| Some(ours.params.unquoted("pub-gruu")?.into_owned()));
                    self.registration.gruu = gruu;
                }
                let granted: u32 = granted.unwrap_or(expires_secs).min(expires_secs.max(1));
                let expires_secs = if expires_secs == 0 { 0 } else { granted };
                let again = |secs| (self.now + refresh_after(secs), secs);
                self.registration.refresh = (expires_secs > 0).then(|| again(expires_secs));
                self.tell(Event::Registered { expires_secs });
            }
            Why::Register { .. } => self.tell(Event::NotRegistered { status }),
            Why::Invite if response.is_success() => self.got_through(asked, response),
            Why::Invite => {
                if self.is_calling(&asked.request) {
                    self.call = None;
                    self.tell(Event::Refused { status });
                }
            }
            Why::Change(wish) => self.changed(asked, response, wish),
            Why::Watch => self.watch_answered(response),
            Why::Formality => {}
        }
    }

    pub(super) fn nobody_answered(&mut self, asked: Asked) {
        let moot = matches!(asked.why, Why::Change(_)) && !self.is_of_this_call(&asked.request);
        if moot {
            return;
        }
        self.tell(Event::Unanswered { method: method_name(asked.request.method) });
        match asked.why {
            Why::Register { .. } => self.tell(Event::NotRegistered { status: 408 }),
            Why::Invite if self.is_calling(&asked.request) => {
                self.call = None;
                self.tell(Event::Refused { status: 408 });
            }
            Why::Change(_) => self.tell(Event::Changed { status: 408 }),
            _ => {}
        }
    }

    /// The call is over. A re-INVITE still under way may find nobody any more who repeats a lost answer to it.
    pub(super) fn forget_call(&mut self) {
        self.call = None;
        let reinvites = self.asked.iter_mut().filter(|asked| matches!(asked.why, Why::Change(_)));
        reinvites.for_each(|asked| asked.gives_up(self.now));
    }

    fn is_of_this_call(&self, request: &Request) -> bool {
        self.call.as_ref().is_some_and(|call| request.headers.call_id() == Some(&call.call_id))
    }

    pub(super) fn is_calling(&self, invite: &Request) -> bool {
        self.call.as_ref().is_some_and(|call| {
            matches!(call.state, State::Calling { .. }) && invite.headers.call_id() == Some(&call.call_id)
        })
    }

    /// Our INVITE was answered: ACK, and talk; or BYE, if the receiver is down by now.
    fn got_through(&mut self, asked: &Asked, response: &Response) {
        let calling = self.is_calling(&asked.request);
        let contact = self.contact();
        let Some(mut call) = self.call.take_if(|_| calling) else { return };
        call.remote = response.headers.to().unwrap_or(call.remote);
        call.target = response.headers.contact().map_or(call.target, |contact| contact.uri);
        let gave_up = matches!(call.state, State::Calling { gave_up: true, .. });
        call.state = State::Up;
        let mut ack = call.request(Method::Ack, &contact);
        let (number, _) = asked.request.cseq().unwrap_or_default();
        ack.headers.set(Name::CSeq, format!("{number} ACK")); // PRACKs may have come in between
        // Without an offer in the INVITE the 200 brings theirs, and the ACK our answer (RFC 3261 §13.2.1).
        let agreed = if call.settled && response.body.is_empty() {
            Ok(None)
        } else if asked.request.body.is_empty() {
            call.answer(&response.body).map(|(answer, stream)| {
                ack.headers.push(Name::ContentType, "application/sdp");
                ack.body = answer;
                Some(stream)
            })
        } else if !call.early.is_empty() && call.early != response.body {
            Err(sdp::SdpError::Refused) // this phone took the early session for the answer, as browsers do
        } else {
            call.accept(&response.body).map(Some)
        };
        self.seal_ack(&mut ack, &asked.request);
        self.say_ack(ack, response.status);
        self.call = Some(call);
        self.tell(Event::Answered);
        match agreed {
            Ok(stream) => stream.iter().for_each(|stream| self.talk(stream)),
            Err(_) => return self.hang_up(),
        }
        if gave_up {
            self.hang_up();
        }
    }

    /// RFC 3261 §13.2.2.4: the ACK of a 2xx is a request of its own, numbered as its INVITE was.
    pub(super) fn seal_ack(&mut self, ack: &mut Request, invite: &Request) {
        let (number, _) = invite.cseq().unwrap_or_default();
        ack.headers.set(Name::CSeq, format!("{number} ACK"));
        let branch = format!("{MAGIC_COOKIE}{}", self.random.token(16));
        ack.headers.push_front(Name::Via, Via::new(Transport::Udp, self.conf.sip, branch).to_string());
    }

    /// Opens mouth and ear as agreed, or turns them to the new agreement.
    pub(super) fn talk(&mut self, stream: &Stream) {
        let Some(call) = &mut self.call else { return };
        let Some(way) = call.way(stream) else { return };
        let codec: Codec = way.codec;
        // The counters go on where the keys stay.
        let covers = match call.protection.replace(stream.protection.clone()) {
            Some(before) if before == stream.protection => None,
            _ => Some(super::call::covers(stream).unzip()),
        };
        match (&mut call.voice, &mut self.ear) {
            (Some(voice), Some(ear)) => {
                if !voice.is_to(way.to) {
                    ear.turn();
                }
                voice.turn(way);
                ear.tune(codec, way.payload_type, way.telephone_event);
            }
            _ => {
                call.voice = Some(Voice::new(way, self.conf.voice.clone(), self.now, &mut self.random));
                self.ear = Some(Ear::new(codec, way.payload_type, way.telephone_event));
            }
        }
        if let (Some((sealer, opener)), Some(voice), Some(ear)) = (covers, &mut call.voice, &mut self.ear) {
            voice.seal(sealer);
            ear.open(opener);
        }
    }
}

/// RFC 3261 §17.1.1.3: the INVITE's own branch, and the tag of the refusal.
fn ack_of_refusal(invite: &Request, response: &Response) -> Request {
    let mut ack = Request::new(Method::Ack, &invite.uri).with(Name::MaxForwards, "70");
    for name in [Name::Via, Name::From, Name::CallId] {
        let value = invite.headers.first(&name).unwrap_or_default().to_owned();
        ack.headers.push(name, value);
    }
    ack.headers.push(Name::To, response.headers.first(&Name::To).unwrap_or_default());
    let (number, _) = invite.cseq().unwrap_or_default();
    ack.headers.push(Name::CSeq, format!("{number} ACK"));
    ack
}

pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK";
/// A nonce may go stale once on the way.
const PROOFS_MAX: u8 = 2;
