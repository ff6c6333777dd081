//! Many hear each other: who hears the same hears one mix, and everybody hears the others and not himself.

use audio::{Codec, Decoder, Encoder, OpusConf, goertzel, tone};
use base::LegId;
use media::{Command, Component};

use crate::room::{Mouth, Room};

const CODECS: [Codec; 4] = [Codec::Pcma, Codec::G722, Codec::Opus, Codec::Pcmu];

/// A room of legs in turn of each codec, all of which hear all others. Leg `n` says the tone `hz(n)`, or nothing.
struct Conference {
    room: Room,
    mouths: Vec<(Mouth, Codec, Encoder)>,
    tones: Vec<Vec<i16>>,
    said: usize,
}

fn hz(leg: usize) -> f64 {
    400.0 + 150.0 * leg as f64
}

impl Conference {
    fn of(legs: usize) -> Conference {
        let mut conference = Conference { room: Room::new(), mouths: Vec::new(), tones: Vec::new(), said: 0 };
        (0..legs).for_each(|leg| conference.open(leg));
        for to in 0..legs {
            (0..legs).filter(|from| *from != to).for_each(|from| conference.wire(from, to));
        }
        conference
    }

    fn open(&mut self, n: usize) {
        let (leg, codec) = (LegId(n as u64), CODECS[n % CODECS.len()]);
        self.room.open(leg);
        self.room.connect(leg, |stream| {
            (stream.codec, stream.payload_type) = (codec, codec.payload_type());
            stream.telephone_event_rate = codec.clock_rate();
        });
        let mouth = Mouth { payload_type: codec.payload_type(), ..Mouth::of(leg) };
        self.tones.push(tone(&[(hz(n), -18.0)], 6000));
        self.mouths.push((mouth, codec, Encoder::new(codec, 8000, &OpusConf::default())));
    }

    fn wire(&mut self, from: usize, to: usize) {
        self.room.tell(Command::Wire { from: LegId(from as u64), to: LegId(to as u64) });
    }

    /// So many frames, in which these speak.
    fn pass(&mut self, frames: usize, speaking: &[usize]) {
        for _ in 0..frames {
            for (n, (mouth, codec, encoder)) in self.mouths.iter_mut().enumerate() {
                let mut samples = [0; 160];
                if speaking.contains(&n) {
                    samples.copy_from_slice(&self.tones[n][self.said..self.said + 160]);
                }
                let mut payload = Vec::new();
                encoder.encode(&samples, &mut payload);
                let bytes = mouth.packet(mouth.payload_type, &payload);
                mouth.timestamp = mouth.timestamp.wrapping_add(codec.clock_rate() / 50);
                self.room.datagram(mouth.leg, Component::Rtp, mouth.from, bytes);
            }
            self.said += 160;
            self.room.pass(20);
        }
    }

    /// The level of who is heard in what a leg was sent since last asked.
    fn levels(&mut self, leg: usize) -> Vec<f64> {
        let mut decoder = Decoder::new(CODECS[leg % CODECS.len()], 8000);
        let mut pcm = Vec::new();
        let sent = self.room.heard(LegId(leg as u64));
        sent.iter().for_each(|sent| decoder.decode(sent.payload(), &mut pcm));
        if pcm.len() < 1600 {
            return vec![-100.0; self.mouths.len()];
        }
        let pcm = &pcm[pcm.len() - 1600..];
        (0..self.mouths.len()).map(|other| goertzel::level(pcm, hz(other))).collect()
    }
}

#[test]
fn all_hear_who_speaks_and_nobody_himself() {
    let mut conference = Conference::of(10);
    for speaking in [&[0][..], &[0, 1], &[4, 7, 9], &[2]] {
        conference.pass(70, speaking);
        for leg in 0..10 {
            for (other, level) in conference.levels(leg).into_iter().enumerate() {
                let heard = speaking.contains(&other) && other != leg;
                let right = if heard { (level + 18.0).abs() < 2.0 } else { level < -40.0 };
                assert!(right, "{leg} hears {other} at {level} while {speaking:?} speak");
            }
        }
        // One for all of a codec who are silent, and one for each who speaks and hears others.
        assert!(conference.room.bay.mixes() <= 4 + speaking.len(), "{}", conference.room.bay.mixes());
    }
}

#[test]
fn one_who_joins_in_the_middle_hears_at_once_and_leaves_the_others_as_they_are() {
    let mut conference = Conference::of(9);
    conference.pass(60, &[0]);
    let before = conference.room.bay.mixes();
    (0..9).for_each(|leg| drop(conference.levels(leg)));
    conference.open(9);
    for other in 0..9 {
        conference.wire(other, 9);
        conference.wire(9, other);
    }
    conference.pass(15, &[0]);
    for leg in 1..10 {
        let level = conference.levels(leg)[0];
        assert!((level + 18.0).abs() < 2.0, "{leg} hears {level}");
    }
    conference.pass(60, &[0]);
    assert_eq!(conference.room.bay.mixes(), before, "he hears what others of his codec hear");
    for leg in 0..10 {
        conference.room.tell(Command::Close { leg: LegId(leg) });
    }
    assert_eq!(conference.room.bay.mixes(), 0);
}
