//! Media of one thread: ports, players, taps, and the wires between them. Packets and ticks in, packets out.
//!
//! Where it stands: `src/shell/media_threads.rs` owns one [`Patchbay`] a thread, reads its sockets, performs its sends,
//! and brings it the switch's [`Command`]s. Its [`Event`]s go up to the switch, its clips to the recorder.
//!
//! What it does: relays the same codec packet by packet on arrival, with no jitter buffer (RFC 3550 §7.2 would call us a
//! translator, but every leg hears one SSRC of ours for life); turns PCMU into PCMA and back by table; maps payload
//! types; decodes, mixes and encodes where a leg hears several or another codec, and only there; hears keys (RFC 4733); plays sounds; copies what a tapped leg says; reports by RTCP; opens and seals the packets of
//! secured legs (SRTP); and believes only the source a call has established.
//!
//! What it must not know: SIP, SDP, calls, files. It is told formats and addresses, and pairs of legs.
#![forbid(unsafe_code)]

mod beep;
mod command;
mod cover;
mod exit;
mod gate;
mod guard;
mod jitter;
mod keying;
mod latch;
mod limits;
mod live;
mod mix;
mod mixer;
mod mixes;
mod out_stream;
mod patchbay;
mod player;
mod port;
mod reports;
mod stats;
mod talkers;
mod tap;
mod timers;
mod voice;
mod web;
mod wheel;

pub use command::{Channel, Command, Component, DtlsConf, KeysHeard, Security, StreamConf};
pub use exit::{Event, Exit, Place};
pub use limits::MediaLimits;
pub use patchbay::Patchbay;
pub use rtp::srtp::{MasterKey, Suite};
pub use stats::LegStats;
pub use web::Identity;
