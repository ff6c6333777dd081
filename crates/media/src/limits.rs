//! The settings of one media thread.

use serde::Deserialize;

/// How much one media thread carries, and how patient it is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaLimits {
    /// Legs open at once on one thread; the next one is refused.
    pub legs_max: u32,
    /// End a leg of which nothing was heard for so long, neither RTP nor RTCP, while it should send. 0 = never.
    pub media_timeout_secs: u32,
    /// A leg that may speak and of which nothing came for so long is told of: one side does not hear the other. 0 = never.
    pub one_way_secs: u32,
    /// How often we report by RTCP, give or take a half (RFC 3550 §6.2).
    pub report_secs: u16,
    /// A source behind NAT must prove itself within so many of its first packets …
    pub learn_packets_max: u16,
    /// … and within this time of the first.
    pub learn_secs_max: u16,
    /// The differentiated-services code point of what we send: 46 = expedited forwarding (RFC 3246), 0 = none.
    pub dscp: u8,
}

impl Default for MediaLimits {
    fn default() -> MediaLimits {
        MediaLimits {
            legs_max: 20_000,
            media_timeout_secs: 60,
            one_way_secs: 10,
            report_secs: 5,
            learn_packets_max: 50,
            learn_secs_max: 10,
            dscp: 46,
        }
    }
}
