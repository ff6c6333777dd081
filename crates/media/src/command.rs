//! What a patchbay can be told.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use audio::{Codec, Playlist};
use base::{LegId, RecordingId, Time};
use rtp::srtp::MasterKey;

/// One order from the switch. Those about a leg that is not open are ignored: it may just have closed.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make a port. The thread binds `local` and the RTCP socket one port above.
    Open {
        /// The leg the port is for.
        leg: LegId,
        /// Our RTP address.
        local: SocketAddr,
    },
    /// What offer and answer agreed on. Again = negotiated anew: the stream towards the leg stays continuous.
    Connect {
        /// An open leg.
        leg: LegId,
        /// Addresses and formats.
        stream: Box<StreamConf>,
    },
    /// `to` hears `from` (an echo, if they are the same), together with whom it hears already. One that both speak the
    /// codec of is relayed as it comes; everything else is decoded, mixed and made anew.
    Wire {
        /// Who speaks.
        from: LegId,
        /// Who hears.
        to: LegId,
    },
    /// `to` no longer hears `from`.
    Unwire {
        /// Who spoke.
        from: LegId,
        /// Who heard.
        to: LegId,
    },
    /// Play into this leg, instead of what is wired to it, and of what was playing.
    Play {
        /// Who hears it.
        leg: LegId,
        /// Comes back in [`Event::Played`](crate::Event::Played).
        player: u32,
        /// What is heard.
        sound: Playlist,
        /// Round and round, until stopped or replaced, or for as long as the list says.
        repeat: bool,
    },
    /// Press a key into this leg: as telephone-events where it knows them, else as sound. A running player goes first.
    Press {
        /// Who hears it.
        leg: LegId,
        /// `0`-`9`, `*`, `#`, `A`-`D`; others are not pressed.
        digit: char,
    },
    /// Stop playing; the wire is heard again. No `Played` follows.
    Stop {
        /// Whose player.
        leg: LegId,
    },
    /// Who of those that hear this leg hears its keys (RFC 4733). We do in any case.
    Keys {
        /// Whose keys.
        leg: LegId,
        /// Which of them are heard.
        heard: KeysHeard,
    },
    /// Copy what this leg says to the recorder, in place of an earlier tap.
    Tap {
        /// Who is recorded.
        leg: LegId,
        /// Into which recording.
        recording: RecordingId,
        /// And on which side.
        channel: Channel,
        /// Sample 0 of the recording; clips are placed from here.
        began: Time,
        /// Samples a second of the recording; what is said by a codec of more is given at that.
        rate: u32,
        /// The leg hears a beep that often.
        beep: Option<Duration>,
    },
    /// Let the tap keep nothing of what comes from now on, or keep it again. It goes by when sound comes, whatever time its
    /// sender gives it.
    Deafen {
        /// Whose tap.
        leg: LegId,
        /// Nothing.
        deaf: bool,
    },
    /// Give up what the tap has gathered, and remove it.
    Untap {
        /// Whose tap.
        leg: LegId,
    },
    /// The port stands at another address of ours from now on: the thread binds that, and all else goes on.
    Move {
        /// An open leg.
        leg: LegId,
        /// Our RTP address.
        local: SocketAddr,
    },
    /// Give the port back; ends in [`Event::Closed`](crate::Event::Closed).
    Close {
        /// The leg that is over.
        leg: LegId,
    },
}

/// Which keys of a leg others hear.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KeysHeard {
    /// All, and the rest of one that is being pressed.
    #[default]
    All,
    /// None.
    None,
    /// All but the rest of one that is being pressed.
    FromNext,
}

/// One leg's audio stream as negotiated.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamConf {
    /// Where the phone wants RTP, and where we expect it to come from.
    pub remote: SocketAddr,
    /// Where the phone wants RTCP.
    pub remote_rtcp: SocketAddr,
    /// RTP and RTCP share one port (RFC 5761).
    pub rtcp_mux: bool,
    /// The audio format, both ways.
    pub codec: Codec,
    /// Its payload type on this leg, both ways.
    pub payload_type: u8,
    /// The payload type of telephone-event on this leg, if it has it.
    pub telephone_event: Option<u8>,
    /// What the durations of its events are counted in.
    pub telephone_event_rate: u32,
    /// How long a packet we make should be.
    pub ptime_ms: u16,
    /// We may send (the phone is not on hold).
    pub sends: bool,
    /// We may receive.
    pub receives: bool,
    /// NAT: a new source may be learned, only from this signalling address, only in the first packets.
    /// `None`: only `remote` is ever heard.
    pub learn: Option<IpAddr>,
    /// How it is protected.
    pub security: Security,
}

/// How a leg's packets are protected.
#[derive(Clone, Debug, PartialEq)]
pub enum Security {
    /// They are not.
    Open,
    /// By SRTP, with keys that offer and answer brought (RFC 4568).
    Keys {
        /// What we send is sealed with it.
        ours: MasterKey,
        /// What the phone sends is sealed with it.
        theirs: MasterKey,
    },
    /// By SRTP, with keys from a DTLS handshake on the RTP port, and ICE before that: a browser (RFC 5763).
    Dtls(Box<DtlsConf>),
}

/// What offer and answer said of ICE and DTLS.
#[derive(Clone, PartialEq, Eq)]
pub struct DtlsConf {
    /// The SHA-256 of the certificate the other side will show.
    pub fingerprint: Vec<u8>,
    /// Which of our certificates we show: 0 or 1. A leg whose media moves shows the other one, so that the browser begins
    /// anew where it has moved to.
    pub certificate: usize,
    /// We speak first.
    pub active: bool,
    /// Our user name fragment.
    pub ufrag: String,
    /// The password of checks to us.
    pub password: String,
    /// The other side's user name fragment.
    pub remote_ufrag: String,
}

/// Passwords are not for logs.
impl std::fmt::Debug for DtlsConf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DtlsConf({}:{})", self.ufrag, self.remote_ufrag)
    }
}

/// Which side of a recording: the caller is left.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Channel {
    /// The caller.
    Left,
    /// The other party.
    Right,
}

/// Which of a leg's two sockets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Component {
    /// The even one, `local`.
    Rtp,
    /// The one above it.
    Rtcp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_small_enough_to_copy_through_a_ring() {
        assert!(size_of::<Command>() <= 64, "{}", size_of::<Command>());
    }
}
