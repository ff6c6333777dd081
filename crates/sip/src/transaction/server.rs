//! Non-INVITE server transaction: RFC 3261 §17.2.2.
//!
//! Where it stands: the endpoint finds it by branch; registrar and usages above decide what to answer.
//! What it does: says our final answer again to each repeat of the request. It decides nothing.

use std::mem;

use bytes::Bytes;

use super::{Output, PATIENCE, linger};
use base::Time;

/// RFC 3261 figure 8.
#[derive(Debug)]
pub struct Server {
    reliable: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Trying,
    Proceeding { said: Bytes },
    Completed { said: Bytes, until: Time },
    Terminated,
}
use State::*;

/// What a server transaction is told.
#[derive(Debug)]
pub enum Input {
    /// The request again.
    Request,
    /// Our answer.
    Respond {
        /// Its status.
        status: u16,
        /// The whole response.
        bytes: Bytes,
    },
    /// It is `deadline()`.
    Tick,
}

impl Server {
    /// A request came.
    pub fn new(reliable: bool) -> Server {
        Server { reliable, state: Trying }
    }

    /// Tells it what happened.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        self.state = match (mem::replace(&mut self.state, Terminated), input) {
            (Trying | Proceeding { .. }, Input::Respond { status: 100..200, bytes }) => {
                out.push(Output::Send(bytes.clone()));
                Proceeding { said: bytes }
            }
            (Trying | Proceeding { .. }, Input::Respond { bytes, .. }) => {
                out.push(Output::Send(bytes.clone()));
                match linger(self.reliable, PATIENCE) {
                    wait if wait.is_zero() => Terminated,
                    wait => Completed { said: bytes, until: now + wait },
                }
            }
            (Proceeding { said }, Input::Request) => {
                out.push(Output::Send(said.clone()));
                Proceeding { said }
            }
            (Completed { said, until }, Input::Request) => {
                out.push(Output::Send(said.clone()));
                Completed { said, until }
            }
            (Completed { until, .. }, Input::Tick) if now >= until => Terminated, // Timer J
            (state, _) => state, // a repeat before any answer, a second final answer: absorbed
        };
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        match &self.state {
            Completed { until, .. } => Some(*until),
            Trying | Proceeding { .. } | Terminated => None,
        }
    }

    /// It has nothing more to do.
    pub fn is_over(&self) -> bool {
        matches!(self.state, Terminated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(machine: &mut Server, input: Input, now: Time) -> Vec<Output> {
        let mut out = Vec::new();
        machine.handle(input, now, &mut out);
        out
    }

    fn respond(status: u16) -> Input {
        Input::Respond { status, bytes: status.to_string().into() }
    }

    fn send(text: &'static str) -> Vec<Output> {
        vec![Output::Send(Bytes::from_static(text.as_bytes()))]
    }

    #[test]
    fn every_arrow_of_figure_8_over_udp() {
        let (start, end) = (Time::from_millis(0), Time::from_millis(32_000));
        let mut machine = Server::new(false);
        for (input, now, expected) in [
            (Input::Request, start, vec![]), // Trying: absorbed
            (respond(100), start, send("100")),
            (Input::Request, start, send("100")),
            (respond(180), start, send("180")),
            (Input::Request, start, send("180")),
            (respond(200), start, send("200")),
            (Input::Request, start, send("200")),
            (respond(500), start, vec![]), // a second final answer is discarded
            (Input::Tick, end - super::super::T1, vec![]),
            (Input::Request, end - super::super::T1, send("200")),
            (Input::Tick, end, vec![]), // Timer J
            (Input::Request, end, vec![]),
        ] {
            assert!(!machine.is_over() || now == end);
            let what = format!("{input:?} at {now:?}");
            assert_eq!(tell(&mut machine, input, now), expected, "{what}");
        }
        assert!(machine.is_over());
        assert_eq!(machine.deadline(), None);
    }

    #[test]
    fn a_stream_forgets_at_once() {
        let mut machine = Server::new(true);
        assert_eq!(machine.deadline(), None);
        assert_eq!(tell(&mut machine, respond(404), Time::ZERO), send("404"));
        assert!(machine.is_over());
    }
}
