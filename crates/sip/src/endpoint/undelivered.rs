//! Datagrams that did not arrive, as ICMP says: RFC 3261 §18.4, §8.1.3.1, §17.1.4.
//!
//! Where it stands: the shell tells the endpoint what a router or the other machine quotes of what we sent. Whoever wants
//! can send us such a message, so it is believed no further than it must be: it has to name a request of ours by
//! destination and by branch, which nobody off the way can guess; the request must have heard nothing; and it ends no
//! more than an attempt. Where a dialog stands, the timers find out whether the other end does.

use std::net::SocketAddr;

use base::Time;

use super::transactions::Owner;
use super::{End, Endpoint, Output};
use crate::invite::Usage;

impl Endpoint {
    /// A request of ours did not get there: it fails at once, and what it was for goes on as after a 503.
    pub(super) fn undelivered(&mut self, remote: SocketAddr, quoted: &[u8], now: Time, out: &mut Vec<Output>) {
        let Some((method, branch)) = named(quoted) else { return };
        let Some((id, owner)) = self.transactions.unheard(branch, method, remote) else { return };
        let ends_only_an_attempt = match owner {
            Some(Owner::Leg(leg)) => method == "INVITE" && matches!(self.legs.usage(leg), Some(Usage::Uac(_))),
            Some(Owner::Subscription(_)) => false,
            Some(Owner::Request(_) | Owner::Text(_)) | None => true,
        };
        if ends_only_an_attempt && let Some(heard) = self.transactions.lose(id, now, out) {
            self.lost(heard, End::Refused(503), now, out);
        }
    }
}

/// The method and the branch of a request that we printed: its Via comes first. A quotation may be as short as it likes
/// (RFC 792 asks for no more than eight bytes of UDP, which is none of ours): then it names nothing.
fn named(quoted: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(quoted)
        .or_else(|wrong| std::str::from_utf8(&quoted[..wrong.valid_up_to()])) // it may end in the middle of a letter
        .ok()?;
    let (line, rest) = text.split_once("\r\n")?;
    let via = rest.strip_prefix("Via: ")?;
    let (_, branch) = via.split_once(";branch=")?;
    let length = branch.find([';', ',', ' ', '\r'])?; // what is cut off is no name
    Some((line.split(' ').next()?, &branch[..length]))
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_quotation_names_a_request_if_it_reaches_as_far_as_the_branch() {
        let invite = "INVITE sip:bob@192.0.2.7 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKone;rport\r\nTo: x";
        assert_eq!(named(invite.as_bytes()), Some(("INVITE", "z9hG4bKone")));
        let whole = invite.find(";rport").unwrap() + 1;
        for length in 0..whole {
            assert_eq!(named(&invite.as_bytes()[..length]), None, "{length}");
        }
        assert_eq!(named(&[invite.as_bytes(), b"\xC3\xBC \xFF\xC3"].concat()), Some(("INVITE", "z9hG4bKone")));
        for wrong in ["", "\r\n", "SIP/2.0 200 OK\r\nFrom: x\r\n", "\u{FFFD}\r\nVia: ;branch="] {
            assert_eq!(named(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
