//! Calls that somebody else's recorder hears (SIPREC), where they meet the trunks, the ports and the conf.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base::{CallId, LegId, RecordingId, Time};
use call::{Elsewhere, Input, NewLeg, Onward, Outbound, Party, Reason, Recorded, RecordingSource, Target};
use trunk::{Caller, Choice, Order};

use super::{Output, Switch};

/// A call as the recorder hears it.
#[derive(Debug)]
pub(super) struct Copying {
    source: RecordingSource,
    /// What of the call it is.
    of: RecordingId,
    /// The call's media thread: those who are heard stand there.
    thread: usize,
    /// Who calls, for the trunk.
    caller: Caller,
    due: Option<Time>,
    legs: Vec<LegId>,
}

impl Switch {
    /// How many calls somebody else's recorder hears.
    pub fn calls_copied(&self) -> usize {
        self.sources.values().filter(|copying| copying.source.is_up()).count()
    }

    /// A call has taken a step: does the recorder hear the right thing?
    pub(super) fn copies(&mut self, id: CallId, now: Time, out: &mut Vec<Output>) {
        let Some(running) = self.journeys.get(&id) else { return };
        let heard = |recorded: &Recorded| {
            let rule = match &recorded.reason {
                Reason::Rule { rule, .. } => Some(&**rule),
                Reason::Asked(_) => None,
            };
            self.siprec.as_ref().is_some_and(|siprec| siprec.hears(rule))
        };
        if self.siprec.is_none() && running.copy.is_none() {
            return;
        }
        // What has begun goes on until the recording ends, whatever the conf says by then.
        let recorded = running.journey.call().recorded().filter(|recorded| running.copy.is_some() || heard(recorded));
        let before = running.copy;
        let same = before.filter(|copy| {
            let of = self.sources.get(copy).map(|copying| copying.of);
            recorded.as_ref().is_some_and(|recorded| of == Some(recorded.id))
        });
        if let Some(running) = self.journeys.get_mut(&id) {
            running.copy = same;
        }
        match (same, recorded) {
            (Some(copy), Some(recorded)) => {
                self.with_source(copy, now, out, |source| source.hears(recorded, now));
            }
            (None, Some(recorded)) => self.begins_copy(id, recorded, now, out),
            (_, None) => {}
        }
        if let Some(ended) = before.filter(|copy| Some(*copy) != same) {
            self.ends_copy(ended, now, out);
        }
    }

    /// The call is over, or the switch ends.
    pub(super) fn ends_copy(&mut self, copy: CallId, now: Time, out: &mut Vec<Output>) {
        self.with_source(copy, now, out, |source| source.leave(now));
    }

    fn begins_copy(&mut self, id: CallId, recorded: Recorded, now: Time, out: &mut Vec<Output>) {
        let number = CallId::new(self.clock.unix_ms(now), &mut self.random);
        let Some(running) = self.journeys.get_mut(&id) else { return };
        running.copy = Some(number); // before it can fail, which is a step of the call
        let (of, thread, caller) = (recorded.id, running.thread, running.caller.clone());
        let source = RecordingSource::new(number, recorded, self.call_conf.clone(), self.random.fork(), now);
        self.sources.insert(number, Box::new(Copying { source, of, thread, caller, due: None, legs: Vec::new() }));
        self.does_of_source(number, now, out);
    }

    /// Tells a source something; gives it back if there is no such source.
    pub(super) fn tell_source(&mut self, id: CallId, input: Input, now: Time, out: &mut Vec<Output>) -> Option<Input> {
        let Some(copying) = self.sources.get_mut(&id) else { return Some(input) };
        if matches!(input, Input::Tick) && copying.due.take_if(|at| *at <= now).is_none() {
            return None; // of a deadline that was put off
        }
        self.with_source(id, now, out, |source| source.handle(input, now));
        None
    }

    fn with_source(&mut self, id: CallId, now: Time, out: &mut Vec<Output>, does: impl FnOnce(&mut RecordingSource)) {
        let Some(copying) = self.sources.get_mut(&id) else { return };
        let source = &mut copying.source;
        if catch_unwind(AssertUnwindSafe(|| does(source))).is_err() {
            out.push(Output::Fault);
            source.leave(now);
        }
        self.does_of_source(id, now, out);
    }

    /// Does what a source wants, and lets one that is over go.
    fn does_of_source(&mut self, id: CallId, now: Time, out: &mut Vec<Output>) {
        while let Some(copying) = self.sources.get_mut(&id) {
            if let Some(tried) = copying.source.looks_for_way().map(<[String]>::to_vec) {
                let caller = copying.caller.clone();
                let found = self.way_to_recorder(id, &caller, tried, now, out);
                if let Some(copying) = self.sources.get_mut(&id) {
                    copying.source.place(found, now);
                }
                continue;
            }
            let wishes = copying.source.take_wishes();
            if wishes.is_empty() {
                break;
            }
            let thread = copying.thread;
            for wish in wishes {
                self.perform(id, thread, wish, now, out);
            }
        }
        let Some(copying) = self.sources.get_mut(&id) else { return };
        let (failed, of) = (copying.source.take_failure(), copying.of);
        for gone in std::mem::replace(&mut copying.legs, copying.source.legs()) {
            self.legs.remove(&gone);
        }
        self.legs.extend(copying.legs.iter().map(|leg| (*leg, id)));
        if copying.source.is_over() {
            self.sources.remove(&id);
        } else {
            let due = copying.source.deadline();
            if copying.due != due {
                copying.due = due;
                self.deadlines.extend(due.map(|at| Reverse((at, id))));
            }
        }
        if let Some(why) = failed {
            out.push(Output::NotCopied { call: of.call, why: why.clone() });
            self.recording_failed(of, &why, now, out);
        }
    }

    /// A way to the recorder by its trunk, or by the next of its group, with a port more.
    fn way_to_recorder(
        &mut self,
        id: CallId,
        caller: &Caller,
        tried: Vec<String>,
        now: Time,
        out: &mut Vec<Output>,
    ) -> Result<(Outbound, NewLeg), u16> {
        let Some(siprec) = &self.siprec else { return Err(404) };
        let (route, number) = (siprec.trunk.get_ref().clone(), siprec.number.get_ref().clone());
        let leg = self.endpoint.new_leg();
        let Choice { trunk, elsewhere } = self.chooses(&route, &tried, leg, now, out)?;
        let place = self.directory.place(&trunk).cloned();
        let flows = place.map(|place| self.flows_to(&place, now, out)).unwrap_or_default();
        let call = id.to_string();
        let caller = Caller { called: number.clone(), headers: Vec::new(), user_to_user: Vec::new(), ..caller.clone() };
        let placed = self.trunks.invite(&trunk, &flows, &Order { number: &number, caller: &caller, call: &call });
        let elsewhere = elsewhere.map(|statuses| {
            let next = Onward { trunk: route, number: number.clone(), tried: Vec::new(), beside: None };
            Elsewhere { statuses, target: Target::Trunk(next) }
        });
        let way = self.outbound(placed, leg, &trunk, &number, elsewhere).and_then(|way| {
            let second = self.ports.take().ok_or(503_u16);
            second.map(|port| (port, way))
        });
        match way {
            Ok((port, way)) => {
                let (leg, media) = (self.endpoint.new_leg(), self.directory.trunk_media(&trunk));
                let second = self.new_leg(leg, port, Party::default(), way.flow, media);
                Ok((way, second))
            }
            Err(status) => {
                let given_up = sip::Event::Ended { leg, end: sip::End::HungUp };
                self.tell_trunks(trunk::Input::Leg(&given_up), now, out);
                Err(status)
            }
        }
    }
}
