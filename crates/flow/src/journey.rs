//! A caller's journey: one call and the program that runs it now.
//!
//! Where it stands: the switch owns a journey per call and tells it what happened; here the events reach the program,
//! and a program that names a destination is followed by the next one.

use std::collections::VecDeque;
use std::sync::Arc;

use base::{LegId, RecordingId, Time};
use bytes::Bytes;
use call::{Actor, Call, Do, Event, Input, Leg, NewLeg, Order, Outbound, Replacement, Side, Supervisor};
use route::{Destination, Found, Guest};

use crate::call_back::{CallingBack, OutCall};
use crate::programs::{Asked, Refuse, program};
use crate::queue::Queue;
use crate::record::{Scene, Verdict};
use crate::ring::Ring;
use crate::web::{Answer, Ask};
use crate::{FlowConf, ForwardConf, Next, Program, Wishes, Word};

/// One call under way.
#[derive(Debug)]
pub struct Journey {
    call: Call,
    program: Box<dyn Program + Send>,
    /// Who had the call before a transfer, until it is known whether that comes to something.
    aside: Option<Box<dyn Program + Send>>,
    conf: Arc<FlowConf>,
    wishes: Arc<Wishes>,
    asked: Asked,
    /// What the rules of what is recorded know of the call.
    scene: Scene,
    /// What is to be told to others.
    words: Vec<Word>,
    /// How many questions were asked,
    asks: u32,
    /// and how many of them by programs before this one.
    unasked: u32,
    now: Time,
    /// Programs that followed each other since the caller last heard something.
    hops: u32,
    /// So much had been heard then.
    sounds: u32,
    /// Programs there were.
    visits: u32,
}

impl Journey {
    /// Sends a call that has just knocked where routing says; [`Journey::run`] takes the first step.
    pub fn new(mut call: Call, found: Found, conf: Arc<FlowConf>, wishes: Arc<Wishes>) -> Journey {
        greet(&mut call, &found.guest);
        let scene = Scene::new(&call, found.record);
        let refusal = call.offer_refusal().map(Destination::Reject);
        let destination = refusal.unwrap_or(found.destination);
        call.entered(destination.to_string());
        let asked = Asked { number: found.number, priority: found.guest.priority };
        let program = program(&destination, &asked, (&conf, &wishes), &call);
        Journey {
            call,
            program,
            aside: None,
            conf,
            wishes,
            asked,
            scene,
            words: Vec::new(),
            asks: 0,
            unasked: 0,
            now: Time::ZERO,
            hops: 0,
            sounds: 0,
            visits: 0,
        }
    }

    /// A call of ours, made to call somebody back.
    pub fn calls_back(call: Call, to: CallingBack, conf: Arc<FlowConf>, wishes: Arc<Wishes>) -> Journey {
        let (CallingBack::Customer { queue } | CallingBack::Agent { queue, .. }) = &to;
        let found = Found::only(Destination::Queue(queue.to_string()));
        let mut journey = Journey::new(call, found, conf, wishes);
        match to {
            CallingBack::Agent { entry, queue, agent, target, dial } => {
                journey.program = Box::new(OutCall::new(entry, queue, agent, target, dial));
            }
            CallingBack::Customer { queue } => {
                if let Some(conf) = journey.conf.queues.get(queue.as_str()) {
                    journey.program = Box::new(Queue::entered_by_one_away(conf.clone()));
                }
            }
        }
        journey
    }

    /// Takes what happened to the call, and runs its programs as far as they go.
    pub fn handle(&mut self, input: Input, now: Time) {
        self.is_now(now);
        self.call.handle(input, now);
        self.run();
    }

    /// Phones were looked for: see [`Call::place`].
    pub fn place(&mut self, found: Vec<Result<Vec<Outbound>, u16>>, now: Time) {
        self.is_now(now);
        self.call.place(found, now);
        self.run();
    }

    /// The queues have said something about this call.
    pub fn told(&mut self, word: &acd::Output, now: Time) {
        self.is_now(now);
        self.call.handle(Input::Tick, now);
        let next = self.program.told(word, &mut self.call);
        self.follow(next);
        self.run();
    }

    /// The mailboxes have said something about this call.
    pub fn mail(&mut self, news: &voicemail::Output, now: Time) {
        self.is_now(now);
        self.call.handle(Input::Tick, now);
        let next = self.program.mail(news, &mut self.call);
        self.follow(next);
        self.run();
    }

    /// Something has happened in the room the caller is in, or wants in.
    pub fn in_room(&mut self, news: &conference::News, now: Time) {
        self.is_now(now);
        self.call.handle(Input::Tick, now);
        let next = self.program.room(news, &mut self.call);
        self.follow(next);
        self.run();
    }

    /// The call's media leaves its thread: see [`Call::departs`].
    pub fn departs(&mut self, local: std::net::SocketAddr) {
        self.call.departs(local);
    }

    /// And goes on: see [`Call::arrives`].
    pub fn arrives(&mut self) {
        self.call.arrives();
    }

    /// A message was fetched for this call.
    pub fn fetched(&mut self, file: &str, sound: Option<&audio::Sound>, now: Time) {
        self.is_now(now);
        self.call.handle(Input::Tick, now);
        let next = self.program.fetched(file, sound, &mut self.call);
        self.follow(next);
        self.run();
    }

    /// A web server has answered this call's question of that number. Only the last question is still of interest.
    pub fn answered(&mut self, number: u32, answer: Answer, now: Time) {
        self.is_now(now);
        self.call.handle(Input::Tick, now);
        self.run(); // it may have come too late
        if number == self.asks && number > self.unasked && !self.call.has_ended() && self.aside.is_none() {
            let next = self.program.answered(answer, &mut self.call);
            self.follow(next);
        }
        self.run();
    }

    /// The place where the caller is parked.
    pub fn parked(&self) -> Option<&str> {
        self.program.parked().filter(|_| !self.call.has_ended())
    }

    /// A phone gets the caller who is parked: see [`Call::retrieve`].
    pub fn retrieve(&mut self, leg: NewLeg, offer: Option<Bytes>, now: Time) {
        self.is_now(now);
        self.call.retrieve(leg, offer, now);
        self.run();
    }

    /// What people want of the calls to them, as it stands now.
    pub fn know(&mut self, wishes: &Arc<Wishes>) {
        if !Arc::ptr_eq(&self.wishes, wishes) {
            self.wishes = wishes.clone();
        }
    }

    /// What the caller wants of the calls to him is so from now, or not: see [`Word::Wish`].
    pub fn granted(&mut self, granted: Result<(), u16>) {
        let next = self.program.granted(granted, &mut self.call);
        self.follow(next);
        self.run();
    }

    /// What is to be told to others, in order.
    pub fn take_words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }

    /// A party of the call brings its partner where routing says: to a refusal it does not even begin.
    pub fn transfer(&mut self, by: LegId, found: Found, now: Time) {
        if let Destination::Reject(status) = found.destination {
            return self.call.refuse_transfer(by, status, now);
        }
        if !self.call.begin_transfer(by, now) {
            return self.call.refuse_transfer(by, 403, now);
        }
        self.scene.is_routed |= found.record;
        self.is_now(now);
        self.goes_on(&found);
        if rings(&found.destination) {
            self.sets_aside();
        } else {
            self.hand_on(); // whatever has the call now takes it as it is
        }
        self.follow(Next::Go(found.destination));
        self.call.settle_transfer();
        self.run();
    }

    /// A party dialled with keys: its partner is brought there, or, `attended`, whoever answers there is asked first. Only
    /// somebody who rings can be asked.
    pub fn dialled(&mut self, by: LegId, found: Found, attended: bool, now: Time) {
        match &found.destination {
            Destination::Reject(_) => self.call.dialled_in_vain(by, now),
            destination if attended && !rings(destination) => self.call.dialled_in_vain(by, now),
            _ if !attended => self.transfer(by, found, now),
            _ => {
                self.is_now(now);
                if self.call.begin_consultation(by, now) {
                    self.goes_on(&found);
                    self.sets_aside();
                    self.follow(Next::Go(found.destination));
                }
                self.run();
            }
        }
    }

    /// A leg's partner leaves for another call: see [`Call::give_up_partner`].
    pub fn give_up_partner(&mut self, by: LegId, now: Time) -> Option<Leg> {
        let leg = self.call.give_up_partner(by, now);
        self.run();
        leg
    }

    /// A leg's partner gets another one, from another call: see [`Call::take_over`]. `moved`: its media comes here.
    pub fn take_over(&mut self, by: LegId, leg: Leg, now: Time) {
        self.is_now(now);
        self.hand_on();
        self.program = talking();
        self.call.take_over(by, leg, now);
        self.run();
    }

    /// What was asked for is another thing now.
    fn goes_on(&mut self, found: &Found) {
        greet(&mut self.call, &found.guest);
        self.asked = Asked { number: found.number.clone(), priority: found.guest.priority };
    }

    /// Whoever had the call may have it back.
    fn sets_aside(&mut self) {
        let before = std::mem::replace(&mut self.program, Box::new(Refuse(480)));
        self.aside.get_or_insert(before);
    }

    /// Whoever had the call has it no longer.
    fn hand_on(&mut self) {
        let program = self.aside.as_mut().unwrap_or(&mut self.program);
        program.handed_on(&self.call);
        self.words.extend(program.words());
        self.aside = None;
    }

    /// A phone takes the place of a leg: see [`Call::replace`].
    pub fn replace(&mut self, replacement: Replacement, now: Time) {
        self.is_now(now);
        self.call.replace(replacement, now);
        self.run();
    }

    /// A party is told something by a re-INVITE: see [`Call::offer_again`].
    pub fn offer_again(&mut self, leg: LegId, now: Time) {
        self.call.offer_again(leg, now);
    }

    /// A party's media stands at another address: see [`Call::stand_at`].
    pub fn stand_at(&mut self, leg: LegId, address: std::net::IpAddr, now: Time) {
        self.call.stand_at(leg, address, now);
    }

    /// A phone supervises a party: see [`Call::supervise`].
    pub fn supervise(&mut self, supervisor: Supervisor, now: Time) {
        self.is_now(now);
        self.call.supervise(supervisor, now);
        self.run();
    }

    /// The caller's leg is lent to another call: see [`Call::lend`].
    pub fn lend(&mut self, nobody: NewLeg, now: Time) -> Option<Leg> {
        let leg = self.call.lend(nobody, now);
        self.run();
        leg
    }

    /// It is back: see [`Call::has_back`].
    pub fn has_back(&mut self, leg: Leg, now: Time) {
        self.is_now(now);
        self.call.has_back(leg, now);
        self.run();
    }

    /// A leg of another call supervises a party: see [`Call::is_followed`].
    pub fn is_followed(&mut self, leg: Leg, of: LegId, how: call::Supervision, now: Time) {
        self.is_now(now);
        self.call.is_followed(leg, of, how, now);
        self.run();
    }

    /// It does so no more: see [`Call::lets_go`].
    pub fn lets_go(&mut self, leg: LegId, now: Time) {
        self.call.lets_go(leg, now);
        self.run();
    }

    /// It has nowhere to go: see [`Call::is_homeless`].
    pub fn is_homeless(&mut self, leg: Leg, now: Time) {
        self.call.is_homeless(leg, now);
    }

    /// Who followed from this call has gone: see [`Call::follows_no_more`].
    pub fn follows_no_more(&mut self, now: Time) {
        self.is_now(now);
        self.call.follows_no_more(now);
        self.run();
    }

    /// What is wrong with a transfer somebody asked for.
    pub fn refuse_transfer(&mut self, by: LegId, status: u16, now: Time) {
        self.call.refuse_transfer(by, status, now);
    }

    /// Somebody asks something of the call's recording: see [`Call::order`].
    pub fn order(&mut self, order: Order, actor: Actor, now: Time) -> bool {
        self.is_now(now);
        self.call.handle(Input::Tick, now);
        let done = self.call.order(order, actor);
        self.run();
        done
    }

    /// Somebody says what the call came to: see [`Call::dispose`].
    pub fn dispose(&mut self, said: call::Disposed, now: Time) {
        self.call.dispose(said, now);
        self.run();
    }

    /// The media of a leg leaves this call's thread: see [`Call::move_media`].
    pub fn move_media(&mut self, leg: &mut Leg, local: std::net::SocketAddr) {
        self.call.move_media(leg, local);
    }

    /// The switch ends the call, whatever its program is about.
    pub fn hang_up(&mut self, cause: &'static str, now: Time) {
        self.handle(Input::HangUp { cause }, now);
    }

    /// A recording is written, and its call goes on.
    pub fn recorded(&mut self, file: &str, now: Time) {
        self.is_now(now);
        self.call.handle(Input::Tick, now);
        let next = self.program.recorded(file, &mut self.call);
        self.follow(next);
        self.run();
    }

    /// Nobody has spoken on a recording for long: see [`Call::attend`].
    pub fn fell_quiet(&mut self, id: RecordingId, now: Time) {
        self.is_now(now);
        self.call.fell_quiet(id, now);
        self.run();
    }

    /// A recording of the call broke off, or never began.
    pub fn recording_failed(&mut self, id: RecordingId, why: &str, now: Time) {
        self.call.recording_failed(id, why, now);
    }

    /// The call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// What is to be done, in order.
    pub fn take_wishes(&mut self) -> Vec<Do> {
        self.call.take_wishes()
    }

    /// A program failed inside: see [`Call::fault`].
    pub fn fault(&mut self, now: Time) {
        self.call.fault(now);
        self.words.push(acd::Input::Gone { call: self.call.id(), how: acd::Gone::Failed }.into());
    }

    /// Lets the programs take every step that is due.
    pub fn run(&mut self) {
        while let Some(event) = self.call.next_event() {
            match event {
                Event::HandedOn if self.aside.is_some() => self.hand_on(),
                Event::TakenOver => {
                    self.hand_on();
                    self.program = talking();
                }
                Event::HandedBack => self.program = self.aside.take().unwrap_or_else(talking),
                Event::HungUp if self.aside.is_some() => {
                    for program in self.aside.take().iter_mut().chain([&mut self.program]) {
                        program.step(Event::HungUp, &mut self.call);
                        self.words.extend(program.words());
                    }
                }
                event => {
                    let next = self.program.step(event, &mut self.call);
                    self.follow(next);
                }
            }
            self.record();
        }
        self.record();
    }

    /// What is recorded follows from what has happened.
    fn record(&mut self) {
        if !self.scene.hears(&self.call) {
            return;
        }
        match self.conf.record.decide(&self.scene) {
            Verdict::Record { rule, class } => self.call.record_by_rule(rule, class),
            Verdict::Leave(rule) => self.call.leave_by_rule(rule),
            Verdict::Tell(words) => self.call.tell_of_recording(&words.usual(|_| None)),
            Verdict::End => self.call.hang_up(Side::Switch, "no consent"),
            Verdict::Unsaid => {}
        }
    }

    fn is_now(&mut self, now: Time) {
        self.now = now;
        let sounds = self.call.sounds();
        if sounds != self.sounds {
            (self.sounds, self.hops) = (sounds, 0);
        }
    }

    /// Takes what the program has to say to others. A question has a number, so that its answer finds who asked.
    fn hears_program(&mut self) {
        for word in self.program.words() {
            self.words.push(match word {
                Word::Ask(ask) => {
                    self.asks += 1;
                    Word::Ask(Ask { number: self.asks, ..ask })
                }
                word => word,
            });
        }
    }

    /// Goes where a step led.
    fn follow(&mut self, mut next: Next) {
        self.hears_program();
        while let Next::Go(destination) = next {
            self.hops += 1;
            self.visits += 1;
            if self.hops > HOPS_MAX || self.visits > VISITS_MAX {
                self.call.hang_up(Side::Switch, "destinations lead in a circle");
                break;
            }
            self.call.stop();
            self.call.wake_no_more();
            self.call.entered(destination.to_string());
            self.program = program(&destination, &self.asked, (&self.conf, &self.wishes), &self.call);
            self.unasked = self.asks;
            next = self.program.step(Event::Started, &mut self.call);
            self.hears_program();
        }
    }
}

/// Two who talk, until one of them does not.
fn talking() -> Box<dyn Program + Send> {
    Box::new(Ring::new(VecDeque::new(), std::time::Duration::ZERO, ForwardConf::default()))
}

/// Does somebody have to answer there first?
fn rings(destination: &Destination) -> bool {
    matches!(
        destination,
        Destination::Person(_) | Destination::Group(_) | Destination::Trunk(_) | Destination::Number { .. }
    )
}

/// So many programs may follow each other without the caller hearing anything,
const HOPS_MAX: u32 = 24;
/// and so many there may be in all: who goes round in menus for hours is not there any more.
const VISITS_MAX: u32 = 500;

/// What a route knows of its callers is known of this one.
fn greet(call: &mut Call, guest: &Guest) {
    guest.language.iter().for_each(|language| call.set_field(call::LANGUAGE, language));
}
