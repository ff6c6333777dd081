//! What offer and answer agreed on for one leg, and what its packets have taught us since.

use std::net::SocketAddr;
use std::time::Duration;

use base::Time;
use rtp::rtcp::Compound;
use rtp::srtp::{MasterKey, Refusal};

use super::Kind;
use crate::cover::Cover;
use crate::latch::Latch;
use crate::web::Web;
use crate::{Component, Exit, LegStats, MediaLimits, Place, Security, StreamConf};

/// What was negotiated, and what we have learned since.
pub(crate) struct Line {
    pub conf: StreamConf,
    pub(super) latch: Latch,
    pub(super) cover: Cover,
    /// There where the other end is a browser.
    pub(super) web: Option<Box<Web>>,
    /// A browser that wants no more of it is sent nothing (RFC 7675).
    pub(super) muted: bool,
    /// Where the RTCP of a learned source comes from.
    pub(super) rtcp_source: Option<SocketAddr>,
    /// Anything of the leg's own.
    pub(super) heard_at: Time,
    pub(super) timed_out: bool,
    /// It was told that the leg is not heard.
    pub(super) one_way: bool,
    pub(super) report_at: Time,
}

impl Line {
    /// What of a datagram is a plain packet, if it may be one of ours at all: a stranger's is not worth the opening.
    #[inline]
    pub(super) fn uncover(&mut self, from: SocketAddr, bytes: &mut [u8], stats: &mut LegStats) -> Option<usize> {
        if !self.cover.is_secure() {
            return Some(bytes.len());
        }
        if !self.latch.is_ours(from) && !self.latch.may_claim(from) {
            return None;
        }
        match self.cover.open(bytes) {
            Ok(plain) => Some(plain),
            Err(Refusal::Replayed) => {
                stats.duplicated += 1;
                None
            }
            Err(Refusal::Malformed | Refusal::NotAuthentic) => {
                stats.not_authentic += 1;
                None
            }
        }
    }

    /// The only address from which anything on the RTP port can matter. A browser may come by another way at any time.
    pub fn only_source(&self) -> Option<SocketAddr> {
        self.latch.only_source().filter(|_| self.web.is_none())
    }

    /// A handshake has brought keys.
    pub(super) fn secure(&mut self, (ours, theirs): (MasterKey, MasterKey), stats: &mut LegStats) {
        stats.srtp = Some(ours.suite().name().into());
        self.cover.renew(&Security::Keys { ours, theirs });
    }

    #[inline]
    pub(super) fn send(&mut self, place: Place, packet: &[u8], exit: &mut impl Exit) {
        if self.muted {
            return;
        }
        if let Some(packet) = self.cover.seal(packet) {
            exit.send(place, Component::Rtp, self.latch.remote(), packet);
        }
    }

    #[inline]
    pub(super) fn kind_of(&self, payload_type: u8) -> Option<Kind> {
        if payload_type == self.conf.payload_type {
            Some(Kind::Audio(self.conf.codec))
        } else if Some(payload_type) == self.conf.telephone_event {
            Some(Kind::Key { rate: self.conf.telephone_event_rate })
        } else {
            None
        }
    }

    /// A frame length the wheel can keep.
    pub fn ptime_ms(&self) -> u16 {
        match self.conf.ptime_ms {
            ms @ (10 | 20 | 30 | 40 | 50 | 60) => ms,
            _ => 20,
        }
    }

    /// When a leg that is spoken to and may speak should be told of as not heard.
    pub(super) fn one_way_at(&self, limits: &MediaLimits) -> Option<Time> {
        let waits = self.conf.receives && self.conf.sends && !self.one_way && limits.one_way_secs > 0;
        waits.then(|| self.heard_at + Duration::from_secs(limits.one_way_secs.into()))
    }

    pub(super) fn timeout_at(&self, limits: &MediaLimits) -> Option<Time> {
        let waits = self.conf.receives && !self.timed_out && limits.media_timeout_secs > 0;
        waits.then(|| self.heard_at + Duration::from_secs(limits.media_timeout_secs.into()))
    }

    /// Where our reports go. A phone behind NAT gets none until its own have come: the port beside the learned one may
    /// be somebody else's.
    pub(super) fn rtcp_remote(&self) -> Option<SocketAddr> {
        let remote = match (self.conf.rtcp_mux, self.latch.learned()) {
            (true, _) => Some(self.latch.remote()),
            (false, None) => Some(self.conf.remote_rtcp),
            (false, Some(_)) => self.rtcp_source,
        };
        remote.filter(|remote| !remote.ip().is_unspecified() && remote.port() != 0)
    }

    /// The source first, as reading costs more: the address reports go to; or, as long as a learned phone has none, its
    /// learned host, if the report is of the stream that is heard.
    pub(super) fn believe_rtcp(
        &mut self,
        from: SocketAddr,
        bytes: &mut [u8],
        speaks_as: Option<u32>,
        now: Time,
    ) -> Option<Compound> {
        let expected = self.rtcp_remote();
        let known = match expected {
            Some(expected) => expected == from,
            None => self.latch.learned().is_some_and(|rtp| rtp.ip() == from.ip()),
        };
        let plain = known.then(|| self.cover.open_rtcp(bytes).ok())??;
        let compound = Compound::read(&bytes[..plain]).ok()?;
        if expected.is_none() {
            speaks_as.filter(|ssrc| *ssrc == compound.ssrc)?;
            self.rtcp_source = Some(from);
        }
        (self.heard_at, self.timed_out) = (now, false);
        Some(compound)
    }
}
