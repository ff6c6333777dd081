//! What waits for the switch, sorted: what stands before what begins, and that before what can be said again later.
//!
//! Where it stands: the control thread empties its door into it and takes from it. It knows how long each thing has
//! waited; what begins and has waited too long is handed out as late, to be refused, which costs a fraction of serving
//! it. So a switch that is asked too much refuses what it cannot do, and what stands does not notice.

use std::collections::VecDeque;
use std::time::Duration;

use base::Time;
use sip::Class;

use super::control::Arrival;
use crate::Input;

/// A new call is refused after so long: by then its sender has asked again (RFC 3261 §17.1.1.2, T1).
const CALL_PATIENCE: Duration = Duration::from_millis(500);
/// A chore is refused after so long.
const CHORE_PATIENCE: Duration = Duration::from_secs(1);
/// So many calls, and so many chores, may wait; one more, and the oldest is late.
const WAITING_MAX: usize = 4096;
/// After so many calls one chore gets its turn: a storm of calls does not unregister every phone.
const CALLS_PER_CHORE: u32 = 8;

/// The queues, by class.
pub struct Inbox {
    emergency: Vec<String>,
    standing: VecDeque<Arrival>,
    urgent: VecDeque<Arrival>,
    calls: VecDeque<(Time, Arrival)>,
    chores: VecDeque<(Time, Arrival)>,
    calls_in_a_row: u32,
}

impl Inbox {
    /// Nothing waits. `emergency`: numbers whose callers never wait behind others.
    pub fn new(emergency: Vec<String>) -> Inbox {
        let (standing, urgent) = (VecDeque::new(), VecDeque::new());
        Inbox { emergency, standing, urgent, calls: VecDeque::new(), chores: VecDeque::new(), calls_in_a_row: 0 }
    }

    /// Other emergency numbers.
    pub fn reload(&mut self, emergency: Vec<String>) {
        self.emergency = emergency;
    }

    /// Puts something where it belongs.
    pub fn push(&mut self, arrival: Arrival, now: Time) {
        if let Arrival::Gone { connection } = arrival {
            self.hurry(connection);
        }
        let class = match &arrival {
            Arrival::Input(Input::Sip(sip::Input::Received { bytes, .. })) => Class::of(bytes, &self.emergency),
            _ => Class::Standing,
        };
        match class {
            Class::Standing => self.standing.push_back(arrival),
            Class::Emergency => self.urgent.push_back(arrival),
            Class::Call => self.calls.push_back((now, arrival)),
            Class::Chore => self.chores.push_back((now, arrival)),
        }
    }

    /// What came by a connection that is gone comes before that news: it may still be answered.
    fn hurry(&mut self, gone: u64) {
        let is_of = |(_, arrival): &(Time, Arrival)| match arrival {
            Arrival::Input(Input::Sip(sip::Input::Received { flow, .. })) => flow.connection == gone,
            _ => false,
        };
        for queue in [&mut self.calls, &mut self.chores] {
            if queue.iter().any(is_of) {
                let (of, others): (VecDeque<_>, VecDeque<_>) = queue.drain(..).partition(is_of);
                self.standing.extend(of.into_iter().map(|(_, arrival)| arrival));
                *queue = others;
            }
        }
    }

    /// What is to be done next.
    pub fn pop(&mut self, now: Time) -> Option<Arrival> {
        if let Some(arrival) = self.standing.pop_front().or_else(|| self.urgent.pop_front()) {
            return Some(arrival);
        }
        let chores_turn = self.calls.is_empty() || self.calls_in_a_row >= CALLS_PER_CHORE && !self.chores.is_empty();
        let (queue, patience) = match chores_turn {
            true => (&mut self.chores, CHORE_PATIENCE),
            false => (&mut self.calls, CALL_PATIENCE),
        };
        self.calls_in_a_row = if chores_turn { 0 } else { self.calls_in_a_row + 1 };
        let crowded = queue.len() > WAITING_MAX;
        let (came, arrival) = queue.pop_front()?;
        Some(if crowded || now.since(came) >= patience { too_late(arrival) } else { arrival })
    }

    /// Is there nothing to do?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much waits.
    pub fn len(&self) -> usize {
        self.standing.len() + self.urgent.len() + self.calls.len() + self.chores.len()
    }
}

fn too_late(arrival: Arrival) -> Arrival {
    match arrival {
        Arrival::Input(Input::Sip(sip::Input::Received { flow, bytes })) => {
            Arrival::Input(Input::Sip(sip::Input::Late { flow, bytes }))
        }
        arrival => arrival,
    }
}

#[cfg(test)]
mod tests {
    use sip::{Flow, Transport};

    use super::*;

    fn message(first: &str) -> Arrival {
        message_by(first, 0)
    }

    fn message_by(first: &str, connection: u64) -> Arrival {
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.7:5060".parse().unwrap());
        let flow = Flow { transport: Transport::Udp, local, remote, connection };
        Arrival::Input(Input::Sip(sip::Input::Received { flow, bytes: first.to_owned().into() }))
    }

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    /// The first words of what comes out, `late` before what is to be refused.
    fn popped(inbox: &mut Inbox, now: Time) -> Vec<String> {
        let word = |bytes: &[u8]| String::from_utf8_lossy(bytes).split(' ').take(2).collect::<Vec<_>>().join(" ");
        let mut words = Vec::new();
        while let Some(arrival) = inbox.pop(now) {
            words.push(match arrival {
                Arrival::Input(Input::Sip(sip::Input::Received { bytes, .. })) => word(&bytes),
                Arrival::Input(Input::Sip(sip::Input::Late { bytes, .. })) => format!("late {}", word(&bytes)),
                Arrival::Input(Input::Tick) => "tick".to_owned(),
                Arrival::Gone { .. } => "gone".to_owned(),
                _ => "other".to_owned(),
            });
        }
        words
    }

    #[test]
    fn what_stands_goes_first_and_each_class_in_its_order() {
        let mut inbox = Inbox::new(vec!["112".to_owned()]);
        for first in
            ["REGISTER a", "INVITE sip:1", "INVITE sip:2", "INVITE sip:112", "BYE a", "SIP/2.0 200", "OPTIONS a"]
        {
            inbox.push(message(first), at(0));
        }
        inbox.push(Arrival::Input(Input::Tick), at(0));
        let want = [
            "BYE a",
            "SIP/2.0 200",
            "tick",
            "INVITE sip:112",
            "INVITE sip:1",
            "INVITE sip:2",
            "REGISTER a",
            "OPTIONS a",
        ];
        assert_eq!(popped(&mut inbox, at(0)), want);
        assert!(inbox.is_empty());
    }

    #[test]
    fn what_has_waited_too_long_is_late_unless_it_stands_or_is_urgent() {
        for (waited, want) in [
            (499, ["BYE a", "INVITE sip:112", "INVITE sip:1", "REGISTER a"]),
            (500, ["BYE a", "INVITE sip:112", "late INVITE sip:1", "REGISTER a"]),
            (1000, ["BYE a", "INVITE sip:112", "late INVITE sip:1", "late REGISTER a"]),
        ] {
            let mut inbox = Inbox::new(vec!["112".to_owned()]);
            for first in ["REGISTER a", "INVITE sip:1", "INVITE sip:112", "BYE a"] {
                inbox.push(message(first), at(7));
            }
            assert_eq!(popped(&mut inbox, at(7 + waited)), want, "{waited}");
        }
    }

    #[test]
    fn the_last_words_of_a_connection_come_before_its_end_and_no_cancel_before_its_invite() {
        let mut inbox = Inbox::new(Vec::new());
        for (first, connection) in
            [("REGISTER a", 1), ("OPTIONS b", 2), ("INVITE c", 2), ("CANCEL c", 2), ("OPTIONS d", 2)]
        {
            inbox.push(message_by(first, connection), at(0));
        }
        inbox.push(Arrival::Gone { connection: 2 }, at(0));
        let want = ["INVITE c", "CANCEL c", "OPTIONS b", "OPTIONS d", "gone", "REGISTER a"];
        assert_eq!(popped(&mut inbox, at(0)), want);
    }

    #[test]
    fn a_storm_of_calls_leaves_chores_their_turn() {
        let mut inbox = Inbox::new(Vec::new());
        (0..18).for_each(|_| inbox.push(message("INVITE sip:1"), at(0)));
        (0..2).for_each(|_| inbox.push(message("REGISTER a"), at(0)));
        let out = popped(&mut inbox, at(0));
        let at: Vec<_> = (0..out.len()).filter(|n| out[*n] == "REGISTER a").collect();
        assert_eq!(at, [8, 17]);
    }

    #[test]
    fn the_oldest_of_too_many_are_refused_at_once() {
        let mut inbox = Inbox::new(Vec::new());
        (0..WAITING_MAX + 3).for_each(|_| inbox.push(message("REGISTER a"), at(0)));
        let out = popped(&mut inbox, at(1));
        assert_eq!(out.iter().filter(|word| *word == "late REGISTER a").count(), 3);
        assert!(out[..3].iter().all(|word| word == "late REGISTER a"));
    }
}
