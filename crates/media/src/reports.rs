//! RTCP of one leg: what we tell the phone, and what it tells us (RFC 3550 §6).
//!
//! Where it stands: a port has one; `port` sends what it writes, and lets it read only what the leg itself sent.

use base::Time;
use rtp::Reception;
use rtp::rtcp::{Compound, SenderReport, ntp};

use crate::LegStats;
use crate::out_stream::OutStream;

/// What reports need to remember.
#[derive(Default)]
pub(crate) struct Reports {
    /// Packets sent when we last reported, and when we did before that.
    sent_before: [u64; 2],
}

impl Reports {
    /// The report for now: a sender's if we sent since the last but one (RFC 3550 §6.4), else a receiver's.
    pub fn write(
        &mut self,
        out: &OutStream,
        reception: &mut Reception,
        stats: &LegStats,
        cname: &str,
        now: Time,
    ) -> Vec<u8> {
        let sends = stats.packets_sent > self.sent_before[1];
        self.sent_before = [stats.packets_sent, self.sent_before[0]];
        let sender = out.clock(now).filter(|_| sends).map(|rtp_timestamp| SenderReport {
            ntp: ntp(now),
            rtp_timestamp,
            packets: stats.packets_sent as u32, // both wrap (RFC 3550 §6.4.1)
            octets: stats.bytes_sent as u32,
        });
        let blocks = reception.report(now).into_iter().collect();
        Compound { ssrc: out.ssrc(), sender, blocks, cname: Some(cname.into()), bye: Vec::new() }.to_bytes()
    }
}

/// Take note of the phone's report; true if it tells of our stream. A BYE is read over: a leg ends by signalling, never by
/// a datagram.
pub(crate) fn read(
    compound: &Compound,
    out: &OutStream,
    reception: &mut Reception,
    stats: &mut LegStats,
    now: Time,
) -> bool {
    if let Some(sender) = &compound.sender {
        reception.sender_report(sender, compound.ssrc, now);
    }
    let block = compound.block_about(out.ssrc());
    if let Some(block) = block {
        stats.remote_lost = Some(block.lost.into());
        stats.remote_jitter_ms = Some(block.jitter as f32 / out.khz() as f32);
        if let Some(round_trip) = block.round_trip(now) {
            stats.round_trip_ms = Some(round_trip.as_secs_f32() * 1000.0);
        }
    }
    block.is_some()
}
