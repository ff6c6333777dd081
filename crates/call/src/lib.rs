//! The call: legs, who hears whom, and the facts of the caller's journey.
//!
//! Where it stands: above `sip`, `sdp` and `media`, which carry out what a call decides; below `flow`, whose programs
//! decide through the call's verbs. It knows no queue, no menu and no number plan.
#![forbid(unsafe_code)]

mod attempt;
mod bridge;
mod call;
mod cdr;
mod consult;
mod disposition;
mod early;
mod fact;
mod features;
mod fields;
mod follow;
mod forks;
mod heard;
mod hold;
mod leg;
mod line;
mod message;
mod offer;
mod order;
mod originate;
mod page;
mod preface;
mod quiet;
mod recording;
mod recording_session;
mod recording_source;
mod replace;
mod ringing;
mod room;
mod security;
mod supervise;
mod tell;
mod transfer;
mod verbs;

pub use attempt::{Beside, Dial, Elsewhere, Onward, Outbound, Target};
pub use bridge::{Member, Role, Wire, wires};
pub use call::{Call, CallConf, Do, Event, Input, Knock};
pub use cdr::{Cdr, Handover, LegQuality, Silenced, Supervised, TrunkFailure, date};
pub use disposition::{Disposed, Disposition};
pub use fact::{Direction, Fact, Side, What};
pub use features::{Feature, FeatureConf};
pub use fields::{CONSENT, LANGUAGE};
pub use leg::{Leg, MediaRules, NewLeg, Party, Sounds, format};
pub use line::{Line, Progress};
pub use order::{Actor, How, Order, Silence};
pub use originate::Origination;
pub use preface::Preface;
pub use recording::{Reason, Recording};
pub use recording_session::{Carried, RecordingSession, SessionKnock};
pub use recording_source::{Recorded, RecordingSource};
pub use replace::{Place, Replacement};
pub use sdp::Srtp;
pub use supervise::{Supervision, Supervisor};
pub use transfer::{Standing, TRANSFERRED};
