//! Prompts are encoded before they are played: in a thread of their own, so that neither the start nor a media thread
//! waits for it.
//!
//! Where it stands: `control` asks for it at the start and after a reload. A prompt played before its turn is encoded
//! where it is played.

use std::io;
use std::thread;

use audio::{Codec, Sound};
use flow::Spoken;

use crate::conf::Conf;

/// Has all sounds of a conf encoded in all codecs it offers.
pub(super) fn prompts(conf: &Conf) -> io::Result<()> {
    let flow = &conf.flow;
    let others = [&flow.tone, &flow.ready_melody, &flow.away_melody];
    let sounds: Vec<Sound> =
        flow.prompts.values().flat_map(Spoken::sounds).chain(others).chain(conf.hold_music.pieces()).cloned().collect();
    let codecs: Vec<Codec> = conf.switch.codecs.clone();
    let work = move || sounds.iter().for_each(|sound| codecs.iter().for_each(|codec| sound.prepare(*codec)));
    thread::Builder::new().name("prompts".to_owned()).spawn(work).map(drop)
}
