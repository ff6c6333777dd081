//! INVITE client transaction: RFC 3261 §17.1.1, amended by RFC 6026 §7.2.
//!
//! Where it stands: the endpoint makes one for each INVITE it sends; the INVITE usage above decides what an answer
//! means. It repeats the INVITE until someone answers and acknowledges every refusal by itself.
//!
//! One liberty: the usage's ACK of a 2xx is kept here, with the tag it acknowledges, and said again to each repeat of
//! that 2xx (RFC 3261 §13.2.2.4). The usage need not remember it, and it is forgotten with the transaction.

use std::mem;

use bytes::{BufMut, Bytes};

use super::{Output, PATIENCE, Repeat, linger};
use base::Time;

/// RFC 3261 figure 5, as amended by RFC 6026 figure 4.
#[derive(Debug)]
pub struct InviteClient {
    reliable: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Calling { invite: Bytes, repeat: Repeat, until: Time },
    Proceeding { invite: Bytes },
    Completed { ack: Bytes, until: Time },
    Accepted { acks: Vec<Acknowledged>, until: Time },
    Terminated,
}
use State::*;

#[derive(Debug)]
struct Acknowledged {
    tag: Box<str>,
    ack: Bytes,
}

/// What an INVITE client transaction is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// A response with our branch.
    Response {
        /// Its status.
        status: u16,
        /// Its To header as it stands.
        to: &'a str,
        /// The tag in it.
        tag: &'a str,
    },
    /// The usage acknowledges a 2xx with that To tag.
    Acknowledge {
        /// The tag of the dialog.
        tag: &'a str,
        /// The ACK.
        ack: Bytes,
    },
    /// The INVITE cannot be sent, or the network says that nobody is there.
    Lost,
    /// It was cancelled, and still nobody answers.
    Abandon,
    /// It is `deadline()`.
    Tick,
}

impl InviteClient {
    /// Sends the INVITE.
    pub fn new(reliable: bool, invite: Bytes, now: Time, out: &mut Vec<Output>) -> InviteClient {
        out.push(Output::Send(invite.clone()));
        InviteClient { reliable, state: Calling { invite, repeat: Repeat::new(reliable, now), until: now + PATIENCE } }
    }

    /// Tells it what happened.
    pub fn handle(&mut self, input: Input<'_>, now: Time, out: &mut Vec<Output>) {
        self.state = match (mem::replace(&mut self.state, Terminated), input) {
            (Calling { invite, .. } | Proceeding { invite }, Input::Response { status: 100..200, .. }) => {
                out.push(Output::Pass);
                Proceeding { invite }
            }
            // RFC 6026 §7.2: stay, for repeats and for the 2xx of other branches of a fork (Timer M).
            (Calling { .. } | Proceeding { .. }, Input::Response { status: 200..300, .. }) => {
                out.push(Output::Pass);
                Accepted { acks: Vec::new(), until: now + PATIENCE }
            }
            (Calling { invite, .. } | Proceeding { invite }, Input::Response { to, .. }) => {
                let ack = derived(&invite, "ACK", Some(to), None);
                out.push(Output::Send(ack.clone()));
                out.push(Output::Pass);
                match linger(self.reliable, PATIENCE) {
                    wait if wait.is_zero() => Terminated,
                    wait => Completed { ack, until: now + wait },
                }
            }
            (Calling { .. } | Proceeding { .. }, Input::Lost) => {
                out.push(Output::Lost);
                Terminated
            }
            (Calling { .. } | Proceeding { .. }, Input::Abandon) => Terminated, // RFC 3261 §9.1
            (Calling { until, .. }, Input::Tick) if now >= until => {
                out.push(Output::TimedOut); // Timer B
                Terminated
            }
            (Calling { invite, repeat, until }, Input::Tick) if now >= repeat.at => {
                out.push(Output::Send(invite.clone())); // Timer A
                Calling { invite, repeat: repeat.doubled(now), until }
            }
            (Completed { ack, until }, Input::Response { status: 300.., .. }) => {
                out.push(Output::Send(ack.clone()));
                Completed { ack, until }
            }
            (Completed { until, .. }, Input::Tick) if now >= until => Terminated, // Timer D
            (Accepted { acks, until }, Input::Response { status: 200..300, tag, .. }) => {
                let known = acks.iter().find(|known| *known.tag == *tag);
                out.push(known.map_or(Output::Pass, |known| Output::Send(known.ack.clone())));
                Accepted { acks, until }
            }
            (Accepted { mut acks, until }, Input::Acknowledge { tag, ack }) => {
                out.push(Output::Send(ack.clone()));
                if acks.len() < FORKS_MAX {
                    acks.push(Acknowledged { tag: tag.into(), ack });
                }
                Accepted { acks, until }
            }
            (Accepted { until, .. }, Input::Tick) if now >= until => Terminated, // Timer M
            (state, _) => state,                                                 // late or repeated: absorbed
        };
    }

    /// When it wants a `Tick`.
    pub fn deadline(&self) -> Option<Time> {
        match &self.state {
            Calling { repeat, until, .. } => Some(repeat.at.min(*until)),
            Completed { until, .. } | Accepted { until, .. } => Some(*until),
            Proceeding { .. } | Terminated => None, // the usage has a Timer C
        }
    }

    /// It has nothing more to do.
    pub fn is_over(&self) -> bool {
        matches!(self.state, Terminated)
    }

    /// Nobody has said anything yet.
    pub fn is_calling(&self) -> bool {
        matches!(self.state, Calling { .. })
    }

    /// The INVITE while it has no final answer: what a CANCEL is made from, or the next try with credentials.
    pub fn invite(&self) -> Option<&Bytes> {
        match &self.state {
            Calling { invite, .. } | Proceeding { invite } => Some(invite),
            Completed { .. } | Accepted { .. } | Terminated => None,
        }
    }
}

/// More answers to one INVITE than that are nobody's fork; their repeats are treated as new, at their own cost.
const FORKS_MAX: usize = 16;

/// The CANCEL of an INVITE of ours (RFC 3261 §9.1), and why (RFC 3326).
pub fn cancel(invite: &Bytes, reason: Option<&str>) -> Bytes {
    derived(invite, "CANCEL", None, reason)
}

/// ACK and CANCEL carry the INVITE's request line, top Via, Route, From, Call-ID and CSeq number (RFC 3261 §9.1 and
/// §17.1.1.3); the ACK takes To from the refusal. The INVITE is one we printed ourselves: one header a line.
fn derived(invite: &[u8], method: &str, to: Option<&str>, reason: Option<&str>) -> Bytes {
    let mut out = Vec::with_capacity(512);
    let mut via = false;
    for (index, line) in invite.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).enumerate() {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        match name {
            _ if index == 0 => {
                out.put_slice(method.as_bytes());
                out.put_slice(&line[line.iter().position(|byte| *byte == b' ').unwrap_or(line.len())..]);
            }
            b"" => break,
            b"Via" if via => continue,
            b"Via" => {
                via = true;
                out.put_slice(line);
            }
            b"To" if to.is_some() => {
                out.put_slice(b"To: ");
                out.put_slice(to.unwrap_or_default().as_bytes());
            }
            b"CSeq" => {
                let end = line.iter().rposition(|byte| *byte == b' ').unwrap_or(line.len());
                out.put_slice(&line[..end]);
                out.put_u8(b' ');
                out.put_slice(method.as_bytes());
            }
            b"Max-Forwards" | b"Route" | b"From" | b"To" | b"Call-ID" => out.put_slice(line),
            _ => continue,
        }
        out.put_slice(b"\r\n");
    }
    if let Some(reason) = reason {
        out.put_slice(b"Reason: ");
        out.put_slice(reason.as_bytes());
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"Content-Length: 0\r\n\r\n");
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const INVITE: &str = "INVITE sip:102@192.0.2.7;x=y SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n\
        Via: SIP/2.0/UDP below\r\nMax-Forwards: 70\r\nRoute: <sip:192.0.2.9;lr>\r\nFrom: <sip:101@x>;tag=f\r\n\
        To: <sip:102@x>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\nContact: <sip:192.0.2.1>\r\nContent-Length: 8\r\n\r\nTo: x\r\n\r\n";

    fn start(reliable: bool) -> InviteClient {
        let mut out = Vec::new();
        let machine = InviteClient::new(reliable, Bytes::from_static(INVITE.as_bytes()), Time::ZERO, &mut out);
        assert_eq!(word(&out), "INVITE");
        machine
    }

    fn word(out: &[Output]) -> String {
        let words = out.iter().map(|output| match output {
            Output::Send(bytes) => String::from_utf8_lossy(bytes).split(' ').next().unwrap_or_default().to_owned(),
            other => format!("{other:?}"),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn tell(machine: &mut InviteClient, input: Input<'_>, now: Time) -> String {
        let mut out = Vec::new();
        machine.handle(input, now, &mut out);
        word(&out)
    }

    fn hear(machine: &mut InviteClient, status: u16, now: Time) -> String {
        tell(machine, Input::Response { status, to: "<sip:102@x>;tag=t", tag: "t" }, now)
    }

    fn pass(machine: &mut InviteClient, end: Time) -> String {
        let mut heard = Vec::new();
        while let Some(due) = machine.deadline().filter(|due| *due <= end) {
            let word = tell(machine, Input::Tick, due);
            heard.extend((!word.is_empty()).then(|| format!("{}:{word}", due.as_millis())));
        }
        heard.join(" ")
    }

    #[test]
    fn an_unanswered_invite_is_repeated_and_given_up() {
        let heard = pass(&mut start(false), Time::from_millis(60_000));
        let repeats = "500:INVITE 1500:INVITE 3500:INVITE 7500:INVITE 15500:INVITE 31500:INVITE 32000:TimedOut";
        assert_eq!(heard, repeats);
        let mut machine = start(true);
        assert_eq!(pass(&mut machine, Time::from_millis(60_000)), "32000:TimedOut");
        assert!(machine.is_over());
    }

    #[test]
    fn a_provisional_response_stops_the_repeats() {
        let mut machine = start(false);
        assert_eq!(hear(&mut machine, 100, Time::ZERO), "Pass");
        assert_eq!(hear(&mut machine, 180, Time::ZERO), "Pass");
        assert_eq!(machine.deadline(), None);
        assert!(machine.invite().is_some());
    }

    #[test]
    fn a_refusal_is_acknowledged_and_passed_once() {
        for provisional in [false, true] {
            let mut machine = start(false);
            if provisional {
                hear(&mut machine, 100, Time::ZERO);
            }
            assert_eq!(hear(&mut machine, 486, Time::ZERO), "ACK Pass");
            assert_eq!(hear(&mut machine, 486, Time::ZERO), "ACK");
            assert_eq!(hear(&mut machine, 180, Time::ZERO), "");
            assert_eq!(hear(&mut machine, 200, Time::ZERO), "");
            assert_eq!(tell(&mut machine, Input::Lost, Time::ZERO), "");
            assert!(machine.invite().is_none());
            assert!(!machine.is_over());
            assert_eq!(pass(&mut machine, Time::ZERO + PATIENCE), ""); // Timer D
            assert!(machine.is_over());
        }
        let mut machine = start(true);
        assert_eq!(hear(&mut machine, 404, Time::ZERO), "ACK Pass");
        assert!(machine.is_over());
    }

    #[test]
    fn a_repeated_success_hears_its_ack_again_and_a_fork_is_passed() {
        let mut machine = start(false);
        assert_eq!(hear(&mut machine, 200, Time::ZERO), "Pass");
        let ack = Bytes::from_static(b"ACK sip:x SIP/2.0");
        assert_eq!(tell(&mut machine, Input::Acknowledge { tag: "t", ack }, Time::ZERO), "ACK");
        assert_eq!(hear(&mut machine, 200, Time::ZERO), "ACK");
        let fork = Input::Response { status: 200, to: "<sip:102@x>;tag=u", tag: "u" };
        assert_eq!(tell(&mut machine, fork, Time::ZERO), "Pass");
        assert_eq!(hear(&mut machine, 486, Time::ZERO), "");
        assert_eq!(pass(&mut machine, Time::ZERO + PATIENCE - Duration::from_millis(1)), "");
        assert!(!machine.is_over());
        assert_eq!(pass(&mut machine, Time::ZERO + PATIENCE), ""); // Timer M
        assert!(machine.is_over());
    }

    #[test]
    fn a_lost_road_ends_it() {
        for status in [None, Some(180)] {
            let mut machine = start(true);
            status.map(|status| hear(&mut machine, status, Time::ZERO));
            assert_eq!(tell(&mut machine, Input::Lost, Time::ZERO), "Lost");
            assert!(machine.is_over());
        }
    }

    #[test]
    fn an_invite_nobody_answers_can_be_abandoned() {
        let mut machine = start(false);
        hear(&mut machine, 180, Time::ZERO);
        assert_eq!(tell(&mut machine, Input::Abandon, Time::ZERO), "");
        assert!(machine.is_over());
        let mut machine = start(false);
        hear(&mut machine, 200, Time::ZERO);
        tell(&mut machine, Input::Abandon, Time::ZERO);
        assert!(!machine.is_over());
    }

    #[test]
    fn ack_and_cancel_repeat_what_the_invite_said() {
        let ack = derived(INVITE.as_bytes(), "ACK", Some("<sip:102@x>;tag=t"), None);
        assert_eq!(
            String::from_utf8_lossy(&ack),
            "ACK sip:102@192.0.2.7;x=y SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n\
             Route: <sip:192.0.2.9;lr>\r\nFrom: <sip:101@x>;tag=f\r\nTo: <sip:102@x>;tag=t\r\nCall-ID: c\r\n\
             CSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n"
        );
        let cancel = cancel(&Bytes::from_static(INVITE.as_bytes()), Some("SIP;cause=200"));
        let cancel = String::from_utf8_lossy(&cancel);
        assert!(
            cancel.starts_with("CANCEL sip:102@192.0.2.7;x=y SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa")
        );
        assert!(
            cancel.contains("\r\nTo: <sip:102@x>\r\n")
                && cancel.contains("\r\nCSeq: 7 CANCEL\r\nReason: SIP;cause=200\r\n"),
            "{cancel}"
        );
    }
}
