//! What a patchbay says and does: the door its packets, events and clips leave by.

use std::net::SocketAddr;
use std::time::Duration;

use audio::Clip;
use base::{LegId, RecordingId};

use crate::{Channel, Component, LegStats};

/// A leg and its dense index in the patchbay: found once at `Open`, then no look-up per packet.
///
/// An index is used again after a leg has closed; the leg's number never is, so a stale place finds nobody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place {
    /// Whose port.
    pub leg: LegId,
    /// Where it stands; below the number of legs ever open at once.
    pub index: u32,
}

/// Where the hot path puts things: the shell's sockets in production, a `Vec` in tests.
pub trait Exit {
    /// Send this datagram from the leg's socket. It may fail in silence, as UDP does.
    fn send(&mut self, from: Place, component: Component, to: SocketAddr, bytes: &[u8]);
    /// From now on only what comes from `source` can be of use on the leg's RTP port: the system may be told to keep the
    /// rest away, and that whatever is sent goes there. None: ask about everything. It is a hint; who is believed is decided
    /// packet by packet all the same.
    fn hears_only(&mut self, leg: Place, source: Option<SocketAddr>) {
        let _ = (leg, source);
    }
    /// Tell the switch.
    fn event(&mut self, event: Event);
    /// Give this to the recorder.
    fn tapped(&mut self, recording: RecordingId, channel: Channel, clip: Clip);
}

/// What the switch wants to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The leg pressed a key (RFC 4733); once a press.
    Digit {
        /// Who pressed.
        leg: LegId,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
    },
    /// The sound was played to its end.
    Played {
        /// Who heard it.
        leg: LegId,
        /// As given in `Play`.
        player: u32,
    },
    /// A recorded leg begins to hear the beep that tells so.
    Beeped {
        /// Who hears it.
        leg: LegId,
        /// Into which recording what it says goes,
        recording: RecordingId,
        /// and on which side.
        channel: Channel,
        /// How long after the recording began.
        at: Duration,
    },
    /// Neither RTP nor RTCP came of a leg that may speak and is spoken to: one side does not hear the other. Said once a
    /// stream; the leg stands.
    OneWay {
        /// Who is not heard.
        leg: LegId,
    },
    /// The leg sounds otherwise than it did: the E-model's scores over the last seconds, in tenths.
    Sounds {
        /// Whose sound.
        leg: LegId,
        /// How what it says arrives here, 1 to 4.4; none while it says next to nothing.
        mos: Option<f32>,
        /// How what we send arrives there, by its own reports.
        remote_mos: Option<f32>,
    },
    /// Neither RTP nor RTCP came for the time-out, while we were to receive. Said once a silence.
    Timeout {
        /// Who is silent.
        leg: LegId,
    },
    /// The port could not be had: taken by someone else, or the thread is full. The leg is not open; no `Closed` follows.
    PortTaken {
        /// Who has no port.
        leg: LegId,
        /// The address that was wanted.
        local: SocketAddr,
    },
    /// The leg's media comes from here and not from the negotiated address (NAT); we send there now.
    Latched {
        /// Whose.
        leg: LegId,
        /// The proven source.
        source: SocketAddr,
    },
    /// Handling one of this leg's packets failed inside (made by the shell). Its call must end; no other is touched.
    Fault {
        /// Whose.
        leg: LegId,
    },
    /// The port is given back.
    Closed {
        /// Whose.
        leg: LegId,
        /// How it went.
        stats: Box<LegStats>,
    },
}
