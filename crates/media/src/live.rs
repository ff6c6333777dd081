//! How a leg sounds just now, both ways: the E-model over the time between two reports, where the CDR has the whole call.
//!
//! Where it stands: a port has one, asked whenever a report of ours is due. The switch is told only of a change that a
//! person could hear.

use crate::LegStats;

/// What was counted when it was last asked, and what was told.
#[derive(Default)]
pub(crate) struct Live {
    received: u64,
    missed: u64,
    sent: u64,
    remote_lost: i64,
    told: (Option<f32>, Option<f32>),
}

impl Live {
    /// The scores of what the leg said and of what it heard since last asked, if one has changed by more than a tenth.
    /// What it heard is known by its own report: without a `new` one, all is as before.
    pub fn look(&mut self, stats: &LegStats, ptime_ms: u16, reported: bool) -> Option<(Option<f32>, Option<f32>)> {
        let (missed, remote_lost) = (stats.lost + stats.late, stats.remote_lost.unwrap_or_default());
        let (received, lost) = (stats.packets_received - self.received, missed.saturating_sub(self.missed));
        (self.received, self.missed) = (stats.packets_received, missed);
        let mos = (received + lost >= PACKETS_MIN).then(|| stats.mos_of(received, lost, stats.jitter_ms, ptime_ms));
        let mut remote_mos = self.told.1;
        if reported {
            let lost = u64::try_from(remote_lost - self.remote_lost).unwrap_or_default();
            let got = (stats.packets_sent - self.sent).saturating_sub(lost);
            (self.sent, self.remote_lost) = (stats.packets_sent, remote_lost);
            let jitter_ms = stats.remote_jitter_ms.unwrap_or_default();
            remote_mos = (got + lost >= PACKETS_MIN).then(|| stats.mos_of(got, lost, jitter_ms, ptime_ms));
        }
        let now = (mos.map(tenths), remote_mos.map(tenths));
        (std::mem::replace(&mut self.told, now) != now).then_some(now)
    }
}

fn tenths(mos: f32) -> f32 {
    (mos * 10.0).round() / 10.0
}

/// Fewer packets, half a second of them, tell nothing.
const PACKETS_MIN: u64 = 25;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_of_late_and_told_when_it_changes() {
        let mut live = Live::default();
        let mut stats = LegStats::default();
        assert_eq!(live.look(&stats, 20, false), None, "nothing yet");
        stats.packets_received = 250;
        assert_eq!(live.look(&stats, 20, false), Some((Some(4.4), None)));
        stats.packets_received = 500;
        assert_eq!(live.look(&stats, 20, false), None, "as before");
        (stats.packets_received, stats.lost) = (725, 25);
        let (mos, _) = live.look(&stats, 20, false).expect("a tenth is lost");
        assert!(mos.is_some_and(|mos| (3.2..3.5).contains(&mos)), "{mos:?}");
        // What the phone heard is by its own account, and stands until the next one.
        (stats.packets_received, stats.packets_sent, stats.remote_lost) = (950, 1000, Some(0));
        assert_eq!(live.look(&stats, 20, true), Some((Some(4.4), Some(4.4))));
        (stats.packets_received, stats.packets_sent) = (1200, 1250);
        assert_eq!(live.look(&stats, 20, false), None);
        (stats.packets_received, stats.packets_sent, stats.remote_lost) = (1450, 1500, Some(100));
        let (_, remote_mos) = live.look(&stats, 20, true).expect("a fifth is lost");
        assert!(remote_mos.is_some_and(|mos| mos < 2.9), "{remote_mos:?}");
        assert_eq!(live.look(&stats, 20, false), Some((None, remote_mos)), "who says nothing has no score");
    }
}
