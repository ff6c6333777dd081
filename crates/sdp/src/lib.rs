//! Session descriptions: reading, writing and negotiating them.
//!
//! Where it stands: `call` hands the bodies of INVITEs here and tells `media` the [`Stream`] that comes out. It knows
//! no SIP, opens no port and remembers nothing: [`offer`], [`answer`] and [`accept`] are functions.
//!
//! RFC 4566 and 8866 (the format), RFC 3264 (offer and answer), RFC 3605 (`rtcp`), RFC 5761 (`rtcp-mux`), RFC 4733
//! (telephone-event), RFC 7587 (Opus), RFC 4568 (keys for SRTP), RFC 8829 (browsers: ICE, DTLS
//! and one bundle).
#![forbid(unsafe_code)]

mod address;
mod crypto;
mod direction;
mod dtls;
mod error;
mod format;
mod media;
mod negotiate;
mod section;
mod security;
mod session;
mod several;

pub use address::Address;
pub use crypto::Crypto;
pub use direction::Direction;
pub use dtls::{Browser, Dtls, is_browsers};
pub use error::SdpError;
pub use format::Format;
pub use media::Media;
pub use negotiate::{Local, Stream, accept, answer, formats, offer};
pub use section::{Attribute, Line, Section};
pub use security::{Protection, Security, Srtp};
pub use session::Session;
pub use several::{Alone, Said, apart, together};
