//! Whose packets a leg believes: the negotiated address, or the first source that proves itself behind NAT.
//!
//! Where it stands: the first question `port` asks about a packet. What [`Latch::is_ours`] denies and [`Latch::claim`]
//! does not grant is never heard, and only [`Latch::remote`] says where we send: never to a source merely because it
//! sent to us (RTP bleed).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::Time;

use crate::MediaLimits;

/// The source of one leg's RTP.
pub(crate) struct Latch {
    negotiated: SocketAddr,
    learn: Option<IpAddr>,
    state: State,
}

enum State {
    /// Nothing came yet from the negotiated address; another may prove itself.
    Open { candidate: Option<Candidate>, since: Option<Time>, packets: u16 },
    /// Only this source, till the next negotiation with another remote.
    Locked { source: SocketAddr },
}

#[derive(Clone, Copy)]
struct Candidate {
    source: SocketAddr,
    ssrc: u32,
    next: u16,
    run: u8,
}

/// What the claim of a source has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Claim {
    /// It is the leg itself, as of this packet; what came before was another's.
    Learned,
    /// Somebody else, or not proven yet.
    Stranger,
}

impl Latch {
    pub fn new(negotiated: SocketAddr, learn: Option<IpAddr>) -> Latch {
        Latch { negotiated, learn, state: State::Open { candidate: None, since: None, packets: 0 } }
    }

    /// Where we send.
    pub fn remote(&self) -> SocketAddr {
        match self.state {
            State::Locked { source } => source,
            State::Open { .. } => self.negotiated,
        }
    }

    /// The one source that can be believed till the next negotiation: the negotiated one, once it has spoken. (A learned
    /// one gives way to it.)
    pub fn only_source(&self) -> Option<SocketAddr> {
        match self.state {
            State::Locked { source } if source == self.negotiated => Some(source),
            _ => None,
        }
    }

    /// The proven source, where it is not the negotiated one.
    pub fn learned(&self) -> Option<SocketAddr> {
        match self.state {
            State::Locked { source } if source != self.negotiated => Some(source),
            _ => None,
        }
    }

    /// Negotiated anew. The same remote changes nothing but who may be learned; another begins again.
    pub fn renew(&mut self, negotiated: SocketAddr, learn: Option<IpAddr>) {
        if self.negotiated != negotiated {
            *self = Latch::new(negotiated, learn);
        }
        self.learn = learn;
    }

    /// The leg is there: it has proven so otherwise than by its packets.
    pub fn nominate(&mut self, source: SocketAddr) {
        self.state = State::Locked { source };
    }

    /// Is this a packet from the source we already believe? The one comparison of the hot path.
    #[inline]
    pub fn is_ours(&self, from: SocketAddr) -> bool {
        matches!(self.state, State::Locked { source } if source == from)
    }

    /// Might a packet from there prove its source? Asked before anything is spent on it.
    #[inline]
    pub fn may_claim(&self, from: SocketAddr) -> bool {
        from == self.negotiated || matches!(self.state, State::Open { .. }) && self.learn == Some(from.ip())
    }

    /// A readable RTP packet of a known payload type came from a source that [`is_ours`](Self::is_ours) denied.
    #[cold]
    pub fn claim(&mut self, from: SocketAddr, ssrc: u32, sequence: u16, now: Time, limits: &MediaLimits) -> Claim {
        // The call itself named this address: nothing a third party did before may keep it out.
        if from == self.negotiated {
            self.state = State::Locked { source: from };
            return Claim::Learned;
        }
        let State::Open { candidate, since, packets } = &mut self.state else { return Claim::Stranger };
        if self.learn != Some(from.ip()) {
            return Claim::Stranger; // not counted either: a stranger must not use up the phone's chances
        }
        let since = *since.get_or_insert(now);
        *packets = packets.saturating_add(1);
        if *packets > limits.learn_packets_max || now.since(since) > Duration::from_secs(limits.learn_secs_max.into()) {
            return Claim::Stranger;
        }
        let run = match candidate {
            Some(c) if (c.source, c.ssrc, c.next) == (from, ssrc, sequence) => c.run + 1,
            _ => 1,
        };
        if run < PROOF {
            *candidate = Some(Candidate { source: from, ssrc, next: sequence.wrapping_add(1), run });
            return Claim::Stranger;
        }
        self.state = State::Locked { source: from };
        Claim::Learned
    }
}

/// So many packets of one stream in exact sequence prove a source.
const PROOF: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Answer {
        Ours,
        Learned,
        Stranger,
    }
    use Answer::*;

    const PHONE: &str = "10.0.0.2:4000"; // as its SDP says
    const NAT: &str = "192.0.2.7:31000"; // as its packets come
    const OTHER_PORT: &str = "192.0.2.7:31999";
    const ATTACKER: &str = "198.51.100.66:6666";

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    /// Plays (source, ssrc, sequence, ms) and says who is believed at the end.
    fn believed(learn: bool, packets: &[(&str, u32, u16, u64)]) -> (SocketAddr, Vec<Answer>) {
        let mut latch = Latch::new(at(PHONE), learn.then(|| at(NAT).ip()));
        let claims = packets.iter().map(|&(from, ssrc, sequence, ms)| {
            if latch.is_ours(at(from)) {
                return Ours;
            }
            match latch.claim(at(from), ssrc, sequence, Time::from_millis(ms), &MediaLimits::default()) {
                Claim::Learned => Learned,
                Claim::Stranger => Stranger,
            }
        });
        let claims = claims.collect();
        (latch.remote(), claims)
    }

    #[test]
    fn only_the_call_or_a_proven_source_at_its_signalling_address_is_believed() {
        for (what, learn, packets, remote, claims) in [
            (
                "the negotiated remote at once",
                false,
                vec![(PHONE, 1, 9, 0), (PHONE, 1, 10, 20)],
                PHONE,
                vec![Learned, Ours],
            ),
            (
                "nobody else without NAT",
                false,
                vec![(NAT, 1, 1, 0), (NAT, 1, 2, 20), (NAT, 1, 3, 40)],
                PHONE,
                vec![Stranger; 3],
            ),
            (
                "NAT after three in sequence",
                true,
                vec![(NAT, 1, 1, 0), (NAT, 1, 2, 20), (NAT, 1, 3, 40), (NAT, 1, 4, 60)],
                NAT,
                vec![Stranger, Stranger, Learned, Ours],
            ),
            (
                "sequence wraps",
                true,
                vec![(NAT, 1, 65535, 0), (NAT, 1, 0, 20), (NAT, 1, 1, 40)],
                NAT,
                vec![Stranger, Stranger, Learned],
            ),
            (
                "an early attacker elsewhere",
                true,
                vec![(ATTACKER, 6, 1, 0), (ATTACKER, 6, 2, 1), (ATTACKER, 6, 3, 2)],
                PHONE,
                vec![Stranger; 3],
            ),
            (
                "not across a gap",
                true,
                vec![(NAT, 1, 1, 0), (NAT, 1, 2, 20), (NAT, 1, 4, 60)],
                PHONE,
                vec![Stranger; 3],
            ),
            (
                "not across streams",
                true,
                vec![(NAT, 1, 1, 0), (NAT, 2, 2, 20), (NAT, 1, 3, 40)],
                PHONE,
                vec![Stranger; 3],
            ),
            (
                "not across ports",
                true,
                vec![(NAT, 1, 1, 0), (OTHER_PORT, 1, 2, 20), (NAT, 1, 3, 40)],
                PHONE,
                vec![Stranger; 3],
            ),
            (
                "not after the negotiated one spoke",
                true,
                vec![(PHONE, 1, 1, 0), (NAT, 6, 1, 1), (NAT, 6, 2, 2), (NAT, 6, 3, 3)],
                PHONE,
                vec![Learned, Stranger, Stranger, Stranger],
            ),
            (
                "not after another was learned",
                true,
                vec![
                    (NAT, 1, 1, 0),
                    (NAT, 1, 2, 20),
                    (NAT, 1, 3, 40),
                    (OTHER_PORT, 6, 1, 9000),
                    (OTHER_PORT, 6, 2, 9001),
                    (OTHER_PORT, 6, 3, 9002),
                ],
                NAT,
                vec![Stranger, Stranger, Learned, Stranger, Stranger, Stranger],
            ),
            (
                "not after the first seconds",
                true,
                vec![(NAT, 1, 1, 0), (NAT, 1, 2, 20_000), (NAT, 1, 3, 20_020)],
                PHONE,
                vec![Stranger; 3],
            ),
            (
                "the negotiated one takes back what was learned",
                true,
                vec![(NAT, 6, 1, 0), (NAT, 6, 2, 1), (NAT, 6, 3, 2), (PHONE, 1, 1, 100), (NAT, 6, 4, 101)],
                PHONE,
                vec![Stranger, Stranger, Learned, Learned, Stranger],
            ),
        ] {
            assert_eq!(believed(learn, &packets), (at(remote), claims), "{what}");
        }
    }

    #[test]
    fn a_source_that_cannot_prove_itself_in_fifty_packets_never_will() {
        let mut packets: Vec<_> = (0..50).map(|i| (NAT, 1, i * 2, u64::from(i))).collect();
        packets.extend([(NAT, 1, 1000, 60), (NAT, 1, 1001, 61), (NAT, 1, 1002, 62)]);
        assert_eq!(believed(true, &packets).0, at(PHONE));
    }

    #[test]
    fn a_stranger_does_not_use_up_the_phones_chances() {
        let mut packets: Vec<_> = (0..500).map(|i| (ATTACKER, 6, i, u64::from(i))).collect();
        packets.extend([(NAT, 1, 1, 60_000), (NAT, 1, 2, 60_020), (NAT, 1, 3, 60_040)]);
        assert_eq!(believed(true, &packets).0, at(NAT));
    }

    #[test]
    fn only_another_remote_opens_the_latch_again() {
        let mut latch = Latch::new(at(PHONE), None);
        assert_eq!(latch.claim(at(PHONE), 1, 1, Time::ZERO, &MediaLimits::default()), Claim::Learned);
        latch.renew(at(PHONE), Some(at(NAT).ip()));
        assert!(latch.is_ours(at(PHONE)));
        latch.renew(at(NAT), None);
        assert!(!latch.is_ours(at(PHONE)) && latch.remote() == at(NAT));
    }
}
