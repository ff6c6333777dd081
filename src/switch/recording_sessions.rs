//! Recording sessions (SIPREC), where they meet the trunks, the ports and the recorder.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base::{CallId, LegId, Time};
use call::{Input, NewLeg, Party, Recording, RecordingSession, SessionKnock};
use sip::{Flow, Incoming, Origin};

use super::{Output, Switch};
use crate::sidecar;

/// A session under way.
#[derive(Debug)]
pub(super) struct Carrying {
    session: RecordingSession,
    thread: usize,
    flow: Flow,
    origin: Origin,
    due: Option<Time>,
}

impl Switch {
    /// Somebody sends what is to be recorded: may he?
    pub(super) fn begins_session(&mut self, incoming: Incoming, now: Time, out: &mut Vec<Output>) {
        let Incoming { leg, origin, flow, sdp, records, call_id, .. } = incoming;
        if !self.directory.may_record(&origin) {
            let (Origin::Account(account) | Origin::Trunk(account)) = origin;
            let why = "a recording session; siprec = true on its trunk would let it have one";
            out.push(Output::Log(sip::Event::Refused { flow, account, why }));
            return self.reject(leg, 403, now);
        }
        let Some(offer) = sdp else { return self.reject(leg, 488, now) }; // who sends offers (RFC 7866 §7.1.1)
        if self.closing || self.calls() >= self.calls_max {
            return self.reject(leg, 503, now);
        }
        let id = CallId::new(self.clock.unix_ms(now), &mut self.random);
        let ports = self.ports_for(RecordingSession::streams_in(&offer), flow, &origin);
        if ports.is_empty() && self.ports.is_empty() {
            return self.reject(leg, 503, now);
        }
        let knock = SessionKnock {
            call: id,
            leg,
            trunk: match &origin {
                Origin::Trunk(trunk) | Origin::Account(trunk) => trunk.clone(),
            },
            local: flow.local,
            session_id: self.random.bits() >> 2,
            offer,
            metadata: records.unwrap_or_default(),
        };
        out.push(Output::Dialog { call: id, sip_call_id: call_id });
        let session = RecordingSession::new(knock, ports, self.call_conf.clone(), now);
        let thread = self.next_thread;
        self.next_thread = (thread + 1) % self.threads;
        self.sessions.insert(id, Box::new(Carrying { session, thread, flow, origin, due: None }));
        self.does_of_session(id, now, out);
    }

    /// Tells what stands beside the calls, a session or a source; gives back what is for neither.
    pub(super) fn tell_beside(&mut self, id: CallId, input: Input, now: Time, out: &mut Vec<Output>) -> Option<Input> {
        let input = self.tell_session(id, input, now, out)?;
        self.tell_source(id, input, now, out)
    }

    /// Tells a session something; gives it back if there is no such session.
    pub(super) fn tell_session(&mut self, id: CallId, input: Input, now: Time, out: &mut Vec<Output>) -> Option<Input> {
        let Some(Carrying { session, flow, origin, due, .. }) =
            self.sessions.get_mut(&id).map(|carrying| &mut **carrying)
        else {
            return Some(input);
        };
        if matches!(input, Input::Tick) && due.take_if(|at| *at <= now).is_none() {
            return None; // of a deadline that was put off
        }
        let wants = match &input {
            Input::Sip(sip::Event::Offered { sdp: Some(sdp), .. }) => session.wants(sdp),
            _ => 0,
        };
        let (flow, origin) = (*flow, origin.clone());
        let ports = self.ports_for(wants, flow, &origin);
        let session = &mut self.sessions.get_mut(&id)?.session;
        if catch_unwind(AssertUnwindSafe(|| session.handle(input, ports, now))).is_err() {
            out.push(Output::Fault);
            session.handle(Input::HangUp { cause: "fault" }, Vec::new(), now);
        }
        self.does_of_session(id, now, out);
        None
    }

    /// The switch ends: so do they.
    pub(super) fn end_sessions(&mut self, now: Time, out: &mut Vec<Output>) {
        for id in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.tell_session(id, Input::HangUp { cause: "shutdown" }, now, out);
        }
    }

    pub(super) fn open_in_session(&self, id: CallId, recording: &Recording) -> Option<Output> {
        let session = &self.sessions.get(&id)?.session;
        Some(Output::Record(recorder::Input::Open {
            rate: recording.rate,
            id: recording.id,
            file: recording.file.clone(),
            began: recording.began,
            started: sidecar::of_session(session, recording),
        }))
    }

    /// Does what a session wants, and lets one that is over go.
    fn does_of_session(&mut self, id: CallId, now: Time, out: &mut Vec<Output>) {
        let Some(carrying) = self.sessions.get_mut(&id) else { return };
        let (wishes, thread) = (carrying.session.take_wishes(), carrying.thread);
        for wish in wishes {
            self.perform(id, thread, wish, now, out);
        }
        let Some(carrying) = self.sessions.get_mut(&id) else { return };
        let session = &carrying.session;
        self.legs.extend(session.legs().map(|leg| (leg, id)));
        if !session.is_over() {
            let due = Some(session.deadline());
            if carrying.due != due {
                carrying.due = due;
                self.deadlines.extend(due.map(|at| Reverse((at, id))));
            }
            return;
        }
        for recording in session.recordings() {
            let (length, sidecar) = (session.length(recording), sidecar::of_session(session, recording));
            out.push(Output::Record(recorder::Input::Close { id: recording.id, length, sidecar }));
        }
        for leg in session.legs().collect::<Vec<LegId>>() {
            self.legs.remove(&leg);
        }
        self.sessions.remove(&id);
    }

    /// A port for each of so many streams, as far as there are any.
    fn ports_for(&mut self, streams: usize, flow: Flow, origin: &Origin) -> Vec<NewLeg> {
        let media = self.directory.media(origin);
        let mut legs = Vec::new();
        for _ in 0..streams {
            let Some(port) = self.ports.take() else { break };
            let leg = self.endpoint.new_leg();
            legs.push(self.new_leg(leg, port, Party::default(), flow, media));
        }
        legs
    }
}
