//! What is above 4 kHz stays where two wideband legs hear each other, transcoded or mixed, and folds into nothing where
//! one of 8 kHz hears them.

use audio::{Codec, Decoder, Encoder, Encoding, OpusConf, goertzel, tone};
use base::{CallId, LegId, Random, RecordingId};
use media::{Channel, Command, Component};

use crate::room::{A, B, C, Mouth, Room};

/// Says one tone at the full rate of its codec.
struct Wide {
    mouth: Mouth,
    encoder: Encoder,
    said: Vec<i16>,
    at: usize,
}

/// `hz` at a rate, as functions for 8 kHz know it.
fn as_8k(hz: f64, rate: u32) -> f64 {
    hz * 8000.0 / f64::from(rate)
}

impl Wide {
    fn new(room: &mut Room, leg: LegId, codec: Codec, hz: f64) -> Wide {
        room.open(leg);
        Wide::speaking(room, leg, codec, hz, Mouth::of(leg))
    }

    /// On a leg that spoke another codec before.
    fn speaking(room: &mut Room, leg: LegId, codec: Codec, hz: f64, mouth: Mouth) -> Wide {
        room.connect(leg, |stream| {
            (stream.codec, stream.payload_type) = (codec, codec.payload_type());
            stream.telephone_event_rate = codec.clock_rate();
        });
        let rate = codec.sample_rate();
        let encoder = Encoder::new(codec, rate, &OpusConf { bitrate: 32_000, ..OpusConf::default() });
        let said = tone(&[(as_8k(hz, rate), -18.0)], 2000 * rate / 8000);
        Wide { mouth: Mouth { payload_type: codec.payload_type(), ..mouth }, encoder, said, at: 0 }
    }

    fn say(&mut self, room: &mut Room) {
        let (codec, samples) = (self.encoder.codec(), self.encoder.rate() as usize / 50);
        let mut payload = Vec::new();
        self.encoder.encode(&self.said[self.at..self.at + samples], &mut payload);
        self.at += samples;
        let bytes = self.mouth.packet(codec.payload_type(), &payload);
        self.mouth.timestamp = self.mouth.timestamp.wrapping_add(codec.clock_rate() / 50);
        room.datagram(self.mouth.leg, Component::Rtp, self.mouth.from, bytes);
    }
}

/// All hear all others for 1.2 s; what each heard of the last half second, at the full rate of its codec.
fn talk(room: &mut Room, mut wides: Vec<Wide>) -> Vec<(u32, Vec<i16>)> {
    let legs: Vec<LegId> = wides.iter().map(|wide| wide.mouth.leg).collect();
    for from in &legs {
        for to in legs.iter().filter(|to| *to != from) {
            room.tell(Command::Wire { from: *from, to: *to });
        }
    }
    for _ in 0..60 {
        wides.iter_mut().for_each(|wide| wide.say(room));
        room.pass(20);
    }
    let heard = wides.iter().map(|wide| {
        let codec = wide.encoder.codec();
        let mut decoder = Decoder::new(codec, codec.sample_rate());
        let mut pcm = Vec::new();
        room.heard(wide.mouth.leg).iter().for_each(|sent| decoder.decode(sent.payload(), &mut pcm));
        let rate = decoder.rate();
        (rate, pcm.split_off(pcm.len() - rate as usize / 2))
    });
    heard.collect()
}

fn level((rate, pcm): &(u32, Vec<i16>), hz: f64) -> f64 {
    goertzel::level(pcm, as_8k(hz, *rate))
}

#[test]
fn two_wideband_legs_stay_wideband_whatever_they_speak() {
    for one in [Codec::G722, Codec::Opus] {
        for other in [Codec::G722, Codec::Opus] {
            let mut room = Room::new();
            let wides = vec![Wide::new(&mut room, A, one, 5500.0), Wide::new(&mut room, B, other, 6200.0)];
            let heard = talk(&mut room, wides);
            for (heard, hz) in [(&heard[0], 6200.0), (&heard[1], 5500.0)] {
                assert!((level(heard, hz) + 18.0).abs() < 2.5, "{one:?} {other:?} {hz}: {}", level(heard, hz));
            }
        }
    }
}

#[test]
fn a_mix_is_as_wide_as_each_of_its_listeners() {
    let mut room = Room::new();
    let (g722, opus, pcma) = (5500.0, 6200.0, 1000.0);
    let wides = vec![
        Wide::new(&mut room, A, Codec::G722, g722),
        Wide::new(&mut room, B, Codec::Opus, opus),
        Wide::new(&mut room, C, Codec::Pcma, pcma),
    ];
    let heard = talk(&mut room, wides);
    for (leg, hz) in [(0, opus), (0, pcma), (1, g722), (1, pcma)] {
        assert!((level(&heard[leg], hz) + 18.0).abs() < 2.5, "{leg} hears {hz}: {}", level(&heard[leg], hz));
    }
    // Nothing of what does not fit is left, nor what it would fold to.
    for hz in [8000.0 - g722, 8000.0 - opus] {
        assert!(level(&heard[2], hz) < -55.0, "{hz}: {}", level(&heard[2], hz));
    }
    assert!(audio::rms_dbfs(&heard[2].1) < -50.0, "{}", audio::rms_dbfs(&heard[2].1));
}

#[test]
fn opus_legs_are_mixed_at_48_khz() {
    let mut room = Room::new();
    let wides = vec![
        Wide::new(&mut room, A, Codec::Opus, 9500.0),
        Wide::new(&mut room, B, Codec::Opus, 10_500.0),
        Wide::new(&mut room, C, Codec::Pcma, 700.0),
    ];
    let heard = talk(&mut room, wides);
    for (leg, hz) in [(0, 10_500.0), (1, 9500.0), (0, 700.0), (1, 700.0)] {
        assert!((level(&heard[leg], hz) + 18.0).abs() < 3.0, "{leg} hears {hz}: {}", level(&heard[leg], hz));
    }
}

#[test]
fn a_tap_gives_what_the_recording_can_hold_and_goes_on_when_the_codec_is_another() {
    for (codec, rate, wide) in [
        (Codec::G722, 8_000, 1),
        (Codec::G722, 16_000, 2),
        (Codec::G722, 48_000, 2),
        (Codec::Opus, 16_000, 2),
        (Codec::Opus, 48_000, 6),
    ] {
        let mut room = Room::talking();
        let recording = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
        let began = room.now;
        room.tell(Command::Tap { leg: A, recording, channel: Channel::Left, began, rate, beep: None });
        let mut mouth = Mouth::of(A);
        let low = Encoding::Pcmu.encoded(&tone(&[(500.0, -18.0)], 1000));
        for packet in low.chunks_exact(160) {
            mouth.say(&mut room, packet);
            room.pass(20);
        }
        let ssrc = mouth.ssrc + u32::from(codec == Codec::Opus); // a clock of its own (RFC 7160 §3.2)
        let mut wides = Wide::speaking(&mut room, A, codec, 6000.0, Mouth { ssrc, ..mouth });
        for _ in 0..50 {
            wides.say(&mut room);
            room.pass(20);
        }
        room.tell(Command::Untap { leg: A });
        let per_ms = 8 * usize::from(wide);
        let mut line = vec![0; 2000 * per_ms];
        for (_, clip) in &room.book.clips {
            let pcm = clip.encoding.decoded(&clip.payload);
            let at = clip.at as usize * usize::from(wide);
            match clip.wide {
                1 => pcm
                    .iter()
                    .zip(&mut line[at..].chunks_mut(wide.into()).collect::<Vec<_>>())
                    .for_each(|(s, p)| p.fill(*s)),
                _ => line[at..at + pcm.len()].copy_from_slice(&pcm),
            }
            assert!(clip.wide == 1 || clip.wide == wide, "{codec:?} {rate}");
        }
        let of = |from: usize, to: usize, hz: f64| {
            goertzel::level(&line[from * per_ms..to * per_ms], as_8k(hz, 8000 * u32::from(wide)))
        };
        assert!((of(0, 980, 500.0) + 18.0).abs() < 2.0, "{codec:?} {rate}: {}", of(0, 980, 500.0));
        let high = of(1120, 1980, 6000.0);
        match wide {
            1 => assert!(audio::rms_dbfs(&line[1120 * per_ms..]) < -40.0, "{codec:?}: little of it folds"),
            _ => assert!((high + 18.0).abs() < 2.5, "{codec:?} {rate}: {high}"),
        }
        let begins = room.book.clips.iter().find(|(_, clip)| clip.encoding != Encoding::Pcmu).expect("a clip").1.at;
        let proving = if codec == Codec::Opus { 800 } else { 0 }; // another source is not believed at once
        assert!((8000..=8160 + proving).contains(&begins), "{codec:?} {rate}: {begins}");
    }
}
