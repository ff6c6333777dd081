//! Centrala among strangers: the real program on real sockets with sipp, baresip, linphone, a page in Chromium and the
//! RFCs' torture messages.
//!
//! Each test starts a switch of its own, with its own folders and ports, so they run side by side. What these tests
//! need besides cargo (`sip-tester`, `baresip-core`, `linphone-cli`, `chromium`, `npm`, `sox`, `espeak-ng`, …) `./dev test` installs; where it is missing they fail and
//! say so. They check what a stranger can see: answers, exit codes, sound in files. What goes on inside is tested
//! beside the code and by `tests/scripts`.
#![allow(clippy::disallowed_methods, reason = "this is the outside world: it waits for programs and looks at clocks")]

mod agents;
mod api;
mod archive;
mod baresip;
mod browser;
mod cli;
mod clock;
mod conference;
mod deaf;
mod demo;
mod dial;
mod dialog_life;
mod disks;
mod edge;
mod flood;
mod harness;
mod hook;
mod ipv6;
mod keep_alive;
mod linphone;
mod live;
mod masks;
mod menus;
mod metrics;
mod moves;
mod mutual;
mod names;
mod operate;
mod park;
mod qa;
mod queue_log;
mod recording_sessions;
mod recording_sources;
mod reload;
mod restart;
mod retention;
mod routing;
mod sealed;
mod sipp;
mod sounds;
mod speech;
mod srtp;
#[cfg(feature = "s3")]
mod storage;
mod supervise;
mod tls;
mod torture;
mod trunks;
mod voicemail;
mod watch;
mod web_socket;
mod web_steps;
mod wishes;
