//! INVITE server transaction: RFC 3261 §17.2.1, amended by RFC 6026 §7.1.
//!
//! Where it stands: the endpoint finds it by branch; the INVITE usage above decides what to answer.
//! What it does: repeats our last word until the caller has heard it. It decides nothing.

use std::mem;

use bytes::Bytes;

use super::{Output, PATIENCE, Repeat, T4, linger};
use base::Time;

/// RFC 3261 figure 7, as amended by RFC 6026 figure 5.
#[derive(Debug)]
pub struct InviteServer {
    reliable: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Proceeding { said: Bytes },
    Completed { said: Bytes, repeat: Repeat, until: Time },
    Accepted { until: Time },
    Confirmed { until: Time },
    Terminated,
}
use State::*;

/// What an INVITE server transaction is told.
#[derive(Debug)]
pub enum Input {
    /// The INVITE again.
    Invite,
    /// The ACK of a refusal: it has the INVITE's branch.
    Ack,
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

impl InviteServer {
    /// An INVITE came, and `trying` is said at once: nobody can promise a better answer within 200 ms.
    pub fn new(reliable: bool, trying: Bytes, out: &mut Vec<Output>) -> InviteServer {
        out.push(Output::Send(trying.clone()));
        InviteServer { reliable, state: Proceeding { said: trying } }
    }

    /// Tells it what happened.
    pub fn handle(&mut self, input: Input, now: Time, out: &mut Vec<Output>) {
        self.state = match (mem::replace(&mut self.state, Terminated), input) {
            (Proceeding { said }, Input::Invite) => {
                out.push(Output::Send(said.clone()));
                Proceeding { said }
            }
            (Proceeding { .. }, Input::Respond { status: 100..200, bytes }) => {
                out.push(Output::Send(bytes.clone()));
                Proceeding { said: bytes }
            }
            // RFC 6026 §7.1: after a 2xx stay, to absorb repeats of the INVITE (Timer L). The usage repeats the 2xx.
            (Proceeding { .. }, Input::Respond { status: 200..300, bytes }) => {
                out.push(Output::Send(bytes));
                Accepted { until: now + PATIENCE }
            }
            (Proceeding { .. }, Input::Respond { bytes, .. }) => {
                out.push(Output::Send(bytes.clone()));
                Completed { said: bytes, repeat: Repeat::new(self.reliable, now), until: now + PATIENCE }
            }
            (Accepted { until }, Input::Respond { status: 200..300, bytes }) => {
                out.push(Output::Send(bytes));
                Accepted { until }
            }
            (Accepted { until }, Input::Tick) if now >= until => Terminated, // Timer L
            (Completed { said, repeat, until }, Input::Invite) => {
                out.push(Output::Send(said.clone()));
                Completed { said, repeat, until }
            }
            (Completed { .. }, Input::Ack) => match linger(self.reliable, T4) {
                wait if wait.is_zero() => Terminated,
                wait => Confirmed { until: now + wait },
            },
            (Completed { until, .. }, Input::Tick) if now >= until => {
                out.push(Output::NoAck); // Timer H
                Terminated
            }
            (Completed { said, repeat, until }, Input::Tick) if now >= repeat.at => {
                out.push(Output::Send(said.clone())); // Timer G
                Completed { said, repeat: repeat.slower(now), until }
            }
            (Confirmed { until }, Input::Tick) if now >= until => Terminated, // Timer I
            (state, _) => state,                                              // late or repeated: absorbed
        };
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        match &self.state {
            Completed { repeat, until, .. } => Some(repeat.at.min(*until)),
            Accepted { until } | Confirmed { until } => Some(*until),
            Proceeding { .. } | Terminated => None, // the usage sees to it that an answer is given
        }
    }

    /// It has nothing more to do.
    pub fn is_over(&self) -> bool {
        matches!(self.state, Terminated)
    }

    /// The INVITE has no final answer yet, so a CANCEL still has something to end.
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, Proceeding { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const START: Time = Time::from_millis(1000);

    struct Run {
        machine: InviteServer,
        now: Time,
        heard: Vec<String>,
    }

    impl Run {
        fn new(reliable: bool) -> Run {
            let mut out = Vec::new();
            let machine = InviteServer::new(reliable, Bytes::from_static(b"100"), &mut out);
            let mut run = Run { machine, now: START, heard: Vec::new() };
            run.note(out);
            run
        }

        fn note(&mut self, out: Vec<Output>) {
            for output in out {
                let ms = self.now.since(START).as_millis();
                self.heard.push(match output {
                    Output::Send(bytes) => format!("{ms}:{}", String::from_utf8_lossy(&bytes)),
                    other => format!("{ms}:{other:?}"),
                });
            }
        }

        fn tell(&mut self, input: Input) -> &mut Run {
            let mut out = Vec::new();
            self.machine.handle(input, self.now, &mut out);
            self.note(out);
            self
        }

        fn respond(&mut self, status: u16) -> &mut Run {
            self.tell(Input::Respond { status, bytes: status.to_string().into() })
        }

        fn pass(&mut self, duration: Duration) -> &mut Run {
            let end = self.now + duration;
            while let Some(due) = self.machine.deadline().filter(|due| *due <= end) {
                self.now = due;
                self.tell(Input::Tick);
            }
            self.now = end;
            self
        }

        fn heard(&mut self) -> String {
            std::mem::take(&mut self.heard).join(" ")
        }
    }

    #[test]
    fn a_repeated_invite_hears_the_last_provisional_response() {
        let mut run = Run::new(false);
        assert_eq!(run.tell(Input::Invite).heard(), "0:100 0:100");
        assert_eq!(run.respond(180).tell(Input::Invite).heard(), "0:180 0:180");
        assert_eq!(run.machine.deadline(), None);
        assert!(run.machine.is_proceeding());
    }

    #[test]
    fn a_refusal_is_repeated_until_the_ack_and_then_absorbs_for_t4() {
        let mut run = Run::new(false);
        run.heard();
        assert_eq!(run.respond(486).pass(Duration::from_millis(3600)).heard(), "0:486 500:486 1500:486 3500:486");
        assert_eq!(run.tell(Input::Invite).heard(), "3600:486");
        run.tell(Input::Ack).tell(Input::Ack).tell(Input::Invite).respond(500);
        assert_eq!(run.heard(), "");
        assert!(!run.pass(T4 - Duration::from_millis(1)).machine.is_over());
        assert!(run.pass(Duration::from_millis(1)).machine.is_over());
    }

    #[test]
    fn a_refusal_nobody_acknowledges_is_given_up_after_64_t1() {
        let mut run = Run::new(false);
        run.heard();
        let heard = run.respond(404).pass(PATIENCE).heard();
        assert!(heard.starts_with("0:404 500:404 1500:404 3500:404 7500:404 11500:404"), "{heard}");
        assert!(heard.ends_with("31500:404 32000:NoAck"), "{heard}");
        assert!(run.machine.is_over());
    }

    #[test]
    fn a_stream_needs_no_repeats_but_waits_for_the_ack() {
        let mut run = Run::new(true);
        run.heard();
        assert_eq!(run.respond(486).pass(Duration::from_secs(31)).heard(), "0:486");
        assert!(run.tell(Input::Ack).machine.is_over());
        let mut run = Run::new(true);
        run.heard();
        assert_eq!(run.respond(486).pass(PATIENCE).heard(), "0:486 32000:NoAck");
    }

    #[test]
    fn after_a_success_repeats_of_the_invite_are_absorbed_for_64_t1() {
        let mut run = Run::new(false);
        run.heard();
        assert_eq!(run.respond(200).tell(Input::Invite).tell(Input::Ack).heard(), "0:200");
        assert_eq!(run.pass(Duration::from_secs(1)).respond(200).heard(), "1000:200"); // the usage repeats it
        assert_eq!(run.respond(486).heard(), "");
        assert!(!run.pass(Duration::from_secs(30)).machine.is_over());
        assert!(run.pass(Duration::from_secs(1)).machine.is_over());
        assert_eq!(run.tell(Input::Tick).tell(Input::Invite).heard(), "");
    }

    #[test]
    fn a_tick_too_early_changes_nothing() {
        let mut run = Run::new(false);
        run.tell(Input::Tick).tell(Input::Ack).respond(486).heard();
        assert_eq!(run.tell(Input::Tick).heard(), "");
        run.tell(Input::Ack).tell(Input::Tick);
        assert!(!run.machine.is_over());
    }
}
