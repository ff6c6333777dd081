//! The patchbay through its public door, on a clock of our own: packets and ticks in, packets out.

mod conference;
mod hostile;
mod keys;
mod network;
mod play;
mod record;
mod relay;
mod report;
mod room;
mod srtp;
mod storm;
mod transcode;
mod web;
mod wideband;
