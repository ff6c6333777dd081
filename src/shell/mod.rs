//! The shell: the only place that waits, reads a clock, draws chance and touches sockets and files. It decides nothing.
//!
//! Where it stands: around the pure [`Switch`](crate::Switch). One control thread owns it and does: wait, tell, do. Media
//! threads, the recorder and the journal have threads of their own and bounded channels between.

mod addresses;
mod alerts;
mod api;
mod ask;
mod callers;
pub mod clock;
mod console;
mod control;
mod descriptors;
mod encoder;
mod expiry;
mod feed;
mod hook;
mod icmp;
mod identity;
mod inbox;
mod journal;
mod kept;
pub mod logging;
mod mail;
mod mailboxes;
mod media_net;
mod media_ring;
pub mod media_threads;
mod memory;
mod metrics;
mod names;
mod phones;
mod prepare;
mod random;
mod recorder_thread;
mod reload;
mod scrape;
mod server;
mod settler;
#[cfg(feature = "s3")]
mod shipper;
mod speech;
mod stream;
mod streams;
mod tls;
mod udp;
mod udp_pair;
mod voicemail;
mod watch;
mod web;
mod web_socket;
mod wrong_clocks;

pub use addresses::Addresses;
pub use ask::{AgentOrder, AskError, Line, RecordingOrder, Request, SOCKET, SupervisionOrder, ask};
pub use descriptors::allow_many_connections;
pub use feed::entry_line;
pub use memory::{give_memory_back, take_small_pages};
pub use random::random;
pub use server::{Server, StartError};
pub use speech::Speaker;
pub use tls::TlsError;
