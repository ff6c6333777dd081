//! What became of one leg's media, for its CDR and the operator.

use std::borrow::Cow;
use std::time::Duration;

use audio::Codec;
use rtp::{Passage, mos};
use serde::{Deserialize, Serialize};

use crate::Security;

/// Counts over a leg's life. "Received" is what the leg itself sent and we believed; strangers are apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LegStats {
    /// The codec last negotiated, by its name; none if it never was.
    pub codec: Option<Cow<'static, str>>,
    /// The cipher suite its packets were last secured with; none if anybody could hear them.
    pub srtp: Option<Cow<'static, str>>,
    /// RTP packets heard.
    pub packets_received: u64,
    /// Their payload octets.
    pub bytes_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Their payload octets.
    pub bytes_sent: u64,
    /// Expected and never heard.
    pub lost: u64,
    /// Heard after a later one.
    pub late: u64,
    /// Heard twice.
    pub duplicated: u64,
    /// Interarrival jitter at the end (RFC 3550 §6.4.1).
    pub jitter_ms: f32,
    /// What the phone last said it lost of ours, in all.
    pub remote_lost: Option<i64>,
    /// The jitter it last reported.
    pub remote_jitter_ms: Option<f32>,
    /// The latest round trip measured by RTCP.
    pub round_trip_ms: Option<f32>,
    /// How what the leg sent sounds on arrival, 1 to 4.4 (E-model); none if it sent next to nothing.
    pub mos: Option<f32>,
    /// How what we sent sounds there, by its own reports.
    pub remote_mos: Option<f32>,
    /// For a while it should have been heard and was not.
    pub one_way: bool,
    /// Packets refused: from another source, of another stream, or unreadable. Never heard, never answered.
    pub strangers: u64,
    /// Of those, packets that came from where the leg's come from and were not sealed with its key.
    pub not_authentic: u64,
    /// Of a payload type that was not negotiated, or comfort noise: believed, not relayed.
    pub unknown_payloads: u64,
    /// Keys pressed. Which ones is not kept.
    pub digits: u32,
    /// From the opening of the port to the first packet heard.
    pub first_packet_ms: Option<u64>,
}

/// Fewer packets tell nothing of how a call sounds.
const SCORED_PACKETS_MIN: u64 = 50;

impl LegStats {
    /// Estimate from the counts how both ways sound.
    pub(crate) fn score(&mut self, ptime_ms: u16) {
        let missed = self.lost + self.late;
        let came = || self.mos_of(self.packets_received, missed, self.jitter_ms, ptime_ms);
        let remote_lost = u64::try_from(self.remote_lost.unwrap_or_default()).unwrap_or_default();
        let remote_got = self.packets_sent.saturating_sub(remote_lost);
        let went = |jitter_ms| self.mos_of(remote_got, remote_lost, jitter_ms, ptime_ms);
        let remote_jitter_ms = self.remote_jitter_ms.filter(|_| self.packets_sent >= SCORED_PACKETS_MIN);
        let mos = (self.packets_received >= SCORED_PACKETS_MIN).then(came);
        (self.mos, self.remote_mos) = (mos, remote_jitter_ms.map(went));
    }

    /// The score of so many packets that came and so many that did not.
    pub(crate) fn mos_of(&self, got: u64, lost: u64, jitter_ms: f32, ptime_ms: u16) -> f32 {
        let ms = |ms: f32| Duration::from_secs_f32(ms.max(0.0) / 1000.0);
        mos(&Passage {
            expected: got + lost,
            lost,
            jitter: ms(jitter_ms),
            round_trip: self.round_trip_ms.map(ms),
            packet: Duration::from_millis(ptime_ms.into()),
        })
    }

    /// Remember the codec in use, and how it is secured.
    pub(crate) fn uses(&mut self, codec: Codec, security: &Security) {
        self.codec = Some(codec.name().into());
        match security {
            Security::Open => self.srtp = None,
            Security::Keys { ours, .. } => self.srtp = Some(ours.suite().name().into()),
            Security::Dtls(_) => {} // the handshake tells
        }
    }
}
