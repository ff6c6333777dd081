//! Non-INVITE client transaction: RFC 3261 §17.1.2.
//!
//! Where it stands: the endpoint makes one for each BYE or CANCEL it sends and finds it by branch and method.
//! What it does: repeats the request until someone answers, then absorbs repeated answers. It decides nothing.

use std::mem;

use bytes::Bytes;

use super::{Output, PATIENCE, Repeat, T4, linger};
use base::Time;

/// RFC 3261 figure 6.
#[derive(Debug)]
pub struct Client {
    reliable: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Trying { request: Bytes, repeat: Repeat, until: Time },
    Proceeding { request: Bytes, repeat: Repeat, until: Time },
    Completed { until: Time },
    Terminated,
}
use State::*;

/// What a client transaction is told.
#[derive(Debug)]
pub enum Input {
    /// A response with our branch and method.
    Response {
        /// Its status.
        status: u16,
    },
    /// The request cannot be sent, or the network says that nobody is there.
    Lost,
    /// It is `deadline()`.
    Tick,
}

impl Client {
    /// Sends the request.
    pub fn new(reliable: bool, request: Bytes, now: Time, out: &mut Vec<Output>) -> Client {
        out.push(Output::Send(request.clone()));
        Client { reliable, state: Trying { request, repeat: Repeat::new(reliable, now), until: now + PATIENCE } }
    }

    /// Tells it what happened.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        self.state = match (mem::replace(&mut self.state, Terminated), input) {
            (Trying { request, repeat, until }, Input::Response { status: 100..200 }) => {
                out.push(Output::Pass);
                Proceeding { request, repeat, until }
            }
            (Proceeding { request, repeat, until }, Input::Response { status: 100..200 }) => {
                out.push(Output::Pass);
                Proceeding { request, repeat, until }
            }
            (Trying { .. } | Proceeding { .. }, Input::Response { .. }) => {
                out.push(Output::Pass);
                match linger(self.reliable, T4) {
                    wait if wait.is_zero() => Terminated,
                    wait => Completed { until: now + wait },
                }
            }
            (Trying { .. } | Proceeding { .. }, Input::Lost) => {
                out.push(Output::Lost);
                Terminated
            }
            (Trying { until, .. } | Proceeding { until, .. }, Input::Tick) if now >= until => {
                out.push(Output::TimedOut); // Timer F
                Terminated
            }
            (Trying { request, repeat, until }, Input::Tick) if now >= repeat.at => {
                out.push(Output::Send(request.clone())); // Timer E
                Trying { request, repeat: repeat.slower(now), until }
            }
            (Proceeding { request, repeat, until }, Input::Tick) if now >= repeat.at => {
                out.push(Output::Send(request.clone())); // Timer E, at its slowest (§17.1.2.2)
                Proceeding { request, repeat: repeat.slowest(now), until }
            }
            (Completed { until }, Input::Tick) if now >= until => Terminated, // Timer K
            (state, _) => state,                                              // late or repeated: absorbed
        };
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        match &self.state {
            Trying { repeat, until, .. } | Proceeding { repeat, until, .. } => Some(repeat.at.min(*until)),
            Completed { until } => Some(*until),
            Terminated => None,
        }
    }

    /// Nobody has said anything yet.
    pub fn is_trying(&self) -> bool {
        matches!(self.state, Trying { .. })
    }

    /// It has nothing more to do.
    pub fn is_over(&self) -> bool {
        matches!(self.state, Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Runs to `end` and says what happened when.
    fn pass(machine: &mut Client, end: Time) -> String {
        let mut heard = Vec::new();
        while let Some(due) = machine.deadline().filter(|due| *due <= end) {
            let mut out = Vec::new();
            machine.handle(Input::Tick, due, &mut out);
            heard.extend(out.iter().map(|output| match output {
                Output::Send(_) => due.as_millis().to_string(),
                other => format!("{}:{other:?}", due.as_millis()),
            }));
        }
        heard.join(" ")
    }

    fn start(reliable: bool) -> Client {
        let mut out = Vec::new();
        let machine = Client::new(reliable, Bytes::from_static(b"BYE"), Time::ZERO, &mut out);
        assert_eq!(out, [Output::Send(Bytes::from_static(b"BYE"))]);
        machine
    }

    fn tell(machine: &mut Client, input: Input, now: Time) -> Vec<Output> {
        let mut out = Vec::new();
        machine.handle(input, now, &mut out);
        out
    }

    #[test]
    fn an_unanswered_request_is_repeated_and_given_up() {
        let heard = pass(&mut start(false), Time::from_millis(40_000));
        assert_eq!(heard, "500 1500 3500 7500 11500 15500 19500 23500 27500 31500 32000:TimedOut");
        let mut machine = start(true);
        assert_eq!(pass(&mut machine, Time::from_millis(40_000)), "32000:TimedOut");
        assert!(machine.is_over());
    }

    #[test]
    fn a_provisional_response_slows_the_repeats() {
        let mut machine = start(false);
        assert_eq!(pass(&mut machine, Time::from_millis(600)), "500");
        let now = Time::from_millis(600);
        assert_eq!(tell(&mut machine, Input::Response { status: 100 }, now), [Output::Pass]);
        assert_eq!(tell(&mut machine, Input::Response { status: 183 }, now), [Output::Pass]);
        assert_eq!(pass(&mut machine, Time::from_millis(10_000)), "1500 5500 9500");
        assert!(pass(&mut machine, Time::from_millis(40_000)).ends_with("32000:TimedOut"));
    }

    #[test]
    fn a_final_response_is_passed_once_and_repeats_absorbed_for_t4() {
        for provisional in [false, true] {
            let mut machine = start(false);
            if provisional {
                tell(&mut machine, Input::Response { status: 100 }, Time::ZERO);
            }
            assert_eq!(tell(&mut machine, Input::Response { status: 200 }, Time::ZERO), [Output::Pass]);
            assert_eq!(tell(&mut machine, Input::Response { status: 200 }, Time::ZERO), []);
            assert_eq!(tell(&mut machine, Input::Lost, Time::ZERO), []);
            assert_eq!(machine.deadline(), Some(Time::ZERO + T4));
            assert_eq!(pass(&mut machine, Time::ZERO + T4), "");
            assert!(machine.is_over());
        }
        let mut machine = start(true);
        assert_eq!(tell(&mut machine, Input::Response { status: 481 }, Time::ZERO), [Output::Pass]);
        assert!(machine.is_over());
    }

    #[test]
    fn a_lost_road_ends_it() {
        let mut machine = start(false);
        assert_eq!(tell(&mut machine, Input::Lost, Time::ZERO + Duration::from_millis(3)), [Output::Lost]);
        assert!(machine.is_over());
    }
}
