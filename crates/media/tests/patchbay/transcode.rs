//! What is decoded and made anew: another codec, a mix, and keys between clocks.

use std::time::Duration;

use audio::{Codec, Decoder, Encoder, Encoding, OpusConf, Sound, goertzel, rms_dbfs, tone};
use base::{CallId, LegId, Random, RecordingId};
use media::{Channel, Command, Component, Event, StreamConf};

use crate::room::{A, B, C, Mouth, Room, Sent, phone};

/// A phone of one codec that says one tone.
struct Talker {
    mouth: Mouth,
    codec: Codec,
    encoder: Encoder,
    said: Vec<i16>,
    at: usize,
}

impl Talker {
    fn new(leg: LegId, codec: Codec, hz: f64) -> Talker {
        let mouth = Mouth { payload_type: codec.payload_type(), ..Mouth::of(leg) };
        let encoder = Encoder::new(codec, 8000, &OpusConf::default());
        Talker { mouth, codec, encoder, said: tone(&[(hz, -15.0)], 4000), at: 0 }
    }

    fn say(&mut self, room: &mut Room) {
        let mut payload = Vec::new();
        self.encoder.encode(&self.said[self.at..self.at + 160], &mut payload);
        self.at += 160;
        let bytes = self.mouth.packet(self.mouth.payload_type, &payload);
        self.mouth.timestamp = self.mouth.timestamp.wrapping_add(self.codec.clock_rate() / 50);
        room.datagram(self.mouth.leg, Component::Rtp, self.mouth.from, bytes);
    }
}

/// All say so many packets of 20 ms in their time.
fn speak(room: &mut Room, talkers: &mut [Talker], packets: usize) {
    for _ in 0..packets {
        talkers.iter_mut().for_each(|talker| talker.say(room));
        room.pass(20);
    }
}

fn speaks(codec: Codec) -> impl FnOnce(&mut StreamConf) {
    move |stream| {
        (stream.codec, stream.payload_type) = (codec, codec.payload_type());
        stream.telephone_event_rate = codec.clock_rate();
    }
}

fn connect(room: &mut Room, legs: &[(LegId, Codec)]) {
    for (leg, codec) in legs {
        room.open(*leg);
        room.connect(*leg, speaks(*codec));
    }
}

fn wire_all(room: &mut Room, legs: &[LegId]) {
    for from in legs {
        for to in legs.iter().filter(|to| *to != from) {
            room.tell(Command::Wire { from: *from, to: *to });
        }
    }
}

/// The sound of what was sent, and how sequence and timestamp went on.
fn decoded(sent: &[Sent], codec: Codec) -> Vec<i16> {
    let mut decoder = Decoder::new(codec, 8000);
    let mut pcm = Vec::new();
    for (n, pair) in sent.windows(2).enumerate() {
        let (one, next) = (pair[0].packet(), pair[1].packet());
        assert_eq!(next.sequence.wrapping_sub(one.sequence), 1, "packet {n}");
        assert_eq!(next.timestamp.wrapping_sub(one.timestamp), codec.duration(pair[0].payload()), "packet {n}");
        assert_eq!((one.payload_type, one.ssrc), (codec.payload_type(), next.ssrc));
    }
    sent.iter().for_each(|sent| decoder.decode(sent.payload(), &mut pcm));
    pcm
}

#[test]
fn any_codec_is_heard_in_any_other() {
    for one in Codec::ALL {
        for other in Codec::ALL {
            let mut room = Room::new();
            connect(&mut room, &[(A, one), (B, other)]);
            wire_all(&mut room, &[A, B]);
            let mut talkers = [Talker::new(A, one, 440.0), Talker::new(B, other, 800.0)];
            speak(&mut room, &mut talkers, 60);
            for (leg, codec, hz) in [(B, other, 440.0), (A, one, 800.0)] {
                let sent = room.heard(leg);
                assert!((55..=60).contains(&sent.len()), "{one:?} {other:?}: {}", sent.len());
                assert!(sent[0].packet().marker);
                let pcm = decoded(&sent, codec);
                let steady = &pcm[pcm.len() / 4..];
                assert!((rms_dbfs(steady) + 15.0).abs() < 1.5, "{one:?} {other:?}: {} dBFS", rms_dbfs(steady));
                assert!(goertzel::share(steady, hz) > 0.9, "{one:?} {other:?} {hz}: {}", goertzel::share(steady, hz));
            }
        }
    }
}

#[test]
fn the_same_codec_is_relayed_untouched_and_at_once() {
    for codec in Codec::ALL {
        let mut room = Room::new();
        connect(&mut room, &[(A, codec), (B, codec)]);
        wire_all(&mut room, &[A, B]);
        let mut talker = Talker::new(A, codec, 440.0);
        for _ in 0..5 {
            let mut payload = Vec::new();
            let mut same = Encoder::new(codec, 8000, &OpusConf::default());
            (0..=talker.at).step_by(160).for_each(|at| {
                payload.clear();
                same.encode(&talker.said[at..at + 160], &mut payload);
            });
            talker.say(&mut room);
            let sent = room.heard(B);
            assert_eq!(sent.len(), 1, "{codec:?}: before any tick");
            assert_eq!(sent[0].payload(), payload, "{codec:?}");
            room.pass(20);
        }
    }
}

#[test]
fn three_hear_each_other_and_nobody_himself() {
    let legs = [(A, Codec::Pcma), (B, Codec::G722), (C, Codec::Opus)];
    let tones = [440.0, 800.0, 1300.0];
    let mut room = Room::new();
    connect(&mut room, &legs);
    wire_all(&mut room, &[A, B, C]);
    let mut talkers: Vec<Talker> =
        legs.iter().zip(tones).map(|((leg, codec), hz)| Talker::new(*leg, *codec, hz)).collect();
    speak(&mut room, &mut talkers, 60);
    for (own, (leg, codec)) in legs.into_iter().enumerate() {
        let pcm = decoded(&room.heard(leg), codec);
        let steady = &pcm[pcm.len() / 4..];
        for (other, hz) in tones.into_iter().enumerate() {
            let level = goertzel::level(steady, hz);
            if own == other {
                assert!(level < -45.0, "{codec:?} hears himself: {level}");
            } else {
                assert!((level + 15.0).abs() < 2.0, "{codec:?} hears {hz}: {level}");
            }
        }
    }
}

#[test]
fn two_become_three_and_two_again_in_one_stream() {
    let mut room = Room::new();
    connect(&mut room, &[(A, Codec::Pcmu), (B, Codec::Pcmu), (C, Codec::Pcmu)]);
    wire_all(&mut room, &[A, B]);
    let mut talkers = [Talker::new(A, Codec::Pcmu, 440.0), Talker::new(C, Codec::Pcmu, 800.0)];
    speak(&mut room, &mut talkers, 10);
    room.tell(Command::Wire { from: C, to: B });
    speak(&mut room, &mut talkers, 20);
    room.tell(Command::Unwire { from: C, to: B });
    speak(&mut room, &mut talkers, 10);
    let sent = room.heard(B);
    let packets: Vec<_> = sent.iter().map(Sent::packet).collect();
    for pair in packets.windows(2) {
        assert_eq!(pair[1].sequence.wrapping_sub(pair[0].sequence), 1, "no seam in the sequence");
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((160..=640).contains(&step), "nor in the time: {step}");
    }
    let pcm = Encoding::Pcmu.decoded(&sent.iter().flat_map(|sent| sent.payload().to_vec()).collect::<Vec<u8>>());
    let at = |from_ms: usize, hz: f64| goertzel::level(&pcm[from_ms * 8..(from_ms + 120) * 8], hz);
    assert!(at(40, 440.0) > -17.0 && at(40, 800.0) < -40.0);
    assert!(at(360, 440.0) > -17.0 && at(360, 800.0) > -17.0, "{} {}", at(360, 440.0), at(360, 800.0));
    assert!(at(640, 440.0) > -17.0 && at(640, 800.0) < -40.0);
}

#[test]
fn a_key_crosses_from_one_clock_to_the_other() {
    for (from, to) in [(Codec::Opus, Codec::Pcma), (Codec::Pcma, Codec::Opus), (Codec::G722, Codec::Pcmu)] {
        let mut room = Room::new();
        connect(&mut room, &[(A, from), (B, to)]);
        wire_all(&mut room, &[A, B]);
        let mut talkers = [Talker::new(A, from, 440.0)];
        speak(&mut room, &mut talkers, 10);
        room.heard(B);
        let units = (from.clock_rate() / 50) as u16;
        for n in 1..=5_u16 {
            talkers[0].mouth.key(&mut room, '5', n * units, n == 5, n == 1);
            room.pass(20);
        }
        talkers[0].mouth.timestamp = talkers[0].mouth.timestamp.wrapping_add(u32::from(units) * 5);
        let sent = room.heard(B);
        let keys: Vec<_> = sent.iter().filter(|sent| sent.packet().payload_type == 101).collect();
        assert_eq!(keys.len(), 5, "{from:?} {to:?}");
        for (n, key) in keys.iter().enumerate() {
            let event = rtp::event::Event::read(key.payload()).unwrap();
            assert_eq!(u32::from(event.duration), (n as u32 + 1) * to.clock_rate() / 50, "{from:?} {to:?}");
            assert_eq!(key.packet().timestamp, keys[0].packet().timestamp);
        }
        let first = sent.iter().position(|sent| sent.packet().payload_type == 101).unwrap();
        assert!(sent[first..].iter().all(|sent| sent.packet().payload_type == 101), "no sound beside a key");
        assert_eq!(room.book.events.len(), 1, "and the switch heard it once");
        speak(&mut room, &mut talkers, 20);
        let after = room.heard(B);
        assert!((14..=20).contains(&after.len()), "{from:?} {to:?}: the sound goes on, {}", after.len());
    }
}

#[test]
fn a_sound_is_played_in_the_legs_codec() {
    for codec in Codec::ALL {
        let mut room = Room::new();
        connect(&mut room, &[(A, codec)]);
        room.play(A, 1, &Sound::from_pcm(tone(&[(425.0, -12.0)], 500)), false);
        room.pass(600);
        let sent = room.heard(A);
        assert_eq!(sent.len(), 25, "{codec:?}");
        let pcm = decoded(&sent, codec);
        let steady = &pcm[800..3600];
        assert!(goertzel::share(steady, 425.0) > 0.95 && (rms_dbfs(steady) + 12.0).abs() < 1.5, "{codec:?}");
        assert_eq!(room.book.events.len(), 1, "{codec:?}: played");
        room.play(A, 2, &Sound::from_pcm(tone(&[(425.0, -12.0)], 100)), true);
        room.pass(1000);
        assert!((49..=50).contains(&room.heard(A).len()), "{codec:?}: round and round");
    }
}

#[test]
fn a_player_comes_before_the_mix_and_leaves_it_after() {
    let mut room = Room::new();
    connect(&mut room, &[(A, Codec::G722), (B, Codec::Pcma)]);
    wire_all(&mut room, &[A, B]);
    let mut talkers = [Talker::new(A, Codec::G722, 440.0)];
    speak(&mut room, &mut talkers, 10);
    room.heard(B);
    room.play(B, 1, &Sound::from_pcm(tone(&[(1300.0, -15.0)], 200)), false);
    speak(&mut room, &mut talkers, 30);
    let sent = room.heard(B);
    let pcm = Encoding::Pcma.decoded(&sent.iter().flat_map(|sent| sent.payload().to_vec()).collect::<Vec<u8>>());
    assert!(goertzel::level(&pcm[160..1440], 1300.0) > -17.0 && goertzel::level(&pcm[160..1440], 440.0) < -40.0);
    assert!(goertzel::level(&pcm[2400..], 440.0) > -17.0 && goertzel::level(&pcm[2400..], 1300.0) < -40.0);
}

#[test]
fn what_a_wideband_leg_says_is_recorded_in_its_place() {
    for codec in [Codec::G722, Codec::Opus] {
        let mut room = Room::new();
        connect(&mut room, &[(A, codec)]);
        room.tap(A);
        let mut talkers = [Talker::new(A, codec, 440.0)];
        speak(&mut room, &mut talkers, 25);
        // One packet is lost: it is concealed. Then ten: they are silence, and time does not shrink.
        let skip = |talker: &mut Talker, packets: u32| {
            talker.mouth.sequence = talker.mouth.sequence.wrapping_add(packets as u16);
            talker.mouth.timestamp = talker.mouth.timestamp.wrapping_add(codec.clock_rate() / 50 * packets);
        };
        skip(&mut talkers[0], 1);
        room.pass(20);
        speak(&mut room, &mut talkers, 25);
        skip(&mut talkers[0], 10);
        room.pass(200);
        speak(&mut room, &mut talkers, 25);
        room.tell(Command::Untap { leg: A });
        let mut line = Vec::new();
        for (_, clip) in &room.book.clips {
            assert_eq!(clip.encoding, Encoding::L16);
            line.resize(line.len().max(clip.end() as usize), 0);
            let pcm = clip.encoding.decoded(&clip.payload);
            line[clip.at as usize..][..pcm.len()].copy_from_slice(&pcm);
        }
        assert_eq!(line.len(), (25 + 1 + 25 + 10 + 25) * 160, "{codec:?}");
        let at = |ms: usize, long: usize| &line[ms * 8..(ms + long) * 8];
        assert!(rms_dbfs(at(500, 20)) > -30.0, "{codec:?}: {}", rms_dbfs(at(500, 20)));
        assert!(rms_dbfs(at(1030, 180)) < -60.0);
        for ms in [200, 700, 1400] {
            assert!(goertzel::share(at(ms, 200), 440.0) > 0.9, "{codec:?} at {ms}");
        }
    }
}

#[test]
fn loss_and_jitter_leave_no_hole_where_sound_is_decoded() {
    let mut room = Room::new();
    connect(&mut room, &[(A, Codec::Opus), (B, Codec::Pcma)]);
    wire_all(&mut room, &[A, B]);
    let mut talker = Talker::new(A, Codec::Opus, 440.0);
    let mut late: Vec<(u64, Vec<u8>)> = Vec::new();
    for n in 0..150_u64 {
        let mut payload = Vec::new();
        talker.encoder.encode(&talker.said[talker.at..talker.at + 160], &mut payload);
        talker.at += 160;
        let bytes = talker.mouth.packet(111, &payload);
        talker.mouth.timestamp = talker.mouth.timestamp.wrapping_add(960);
        if n % 20 != 13 {
            late.push((n * 20 + n * 13 % 45, bytes));
        }
        for ms in 0..20 {
            let due: Vec<_> = late.extract_if(.., |(at, _)| *at <= n * 20 + ms).collect();
            for (_, bytes) in due {
                room.datagram(A, Component::Rtp, phone(A), bytes);
            }
            room.pass(1);
        }
    }
    let pcm = decoded(&room.heard(B), Codec::Pcma);
    assert!(pcm.len() >= 140 * 160);
    let silent = pcm[8000..].chunks(160).filter(|frame| rms_dbfs(frame) < -35.0).count();
    assert_eq!(silent, 0, "frames of silence");
    let shares: Vec<f64> = pcm[8000..].chunks(400).map(|piece| goertzel::share(piece, 440.0)).collect();
    assert!(shares.iter().sum::<f64>() / shares.len() as f64 > 0.8, "{shares:?}");
}

#[test]
fn who_is_recorded_hears_a_beep_every_so_often_beside_the_other() {
    for (one, other) in [(Codec::Pcmu, Codec::Pcmu), (Codec::Pcma, Codec::G722), (Codec::Opus, Codec::Opus)] {
        let mut room = Room::new();
        connect(&mut room, &[(A, one), (B, other)]);
        wire_all(&mut room, &[A, B]);
        for (leg, channel) in [(A, Channel::Left), (B, Channel::Right)] {
            let recording = RecordingId { call: CallId::new(0, &mut Random::numbered(1)), segment: 1 };
            let beep = Some(Duration::from_secs(2));
            room.tell(Command::Tap { leg, recording, channel, began: room.now, rate: 8000, beep });
        }
        let mut talkers = [Talker::new(A, one, 500.0), Talker::new(B, other, 900.0)];
        speak(&mut room, &mut talkers, 150);
        for (leg, codec, hz) in [(A, one, 900.0), (B, other, 500.0)] {
            let heard = decoded(&room.heard(leg), codec);
            let level = |from_ms: usize, hz| goertzel::level(&heard[from_ms * 8..][..2400], hz);
            assert!([100, 2100].iter().all(|from_ms| level(*from_ms, 1400.0) > -27.0), "{codec:?} beeps");
            assert!([700, 1500, 2600].iter().all(|from_ms| level(*from_ms, 1400.0) < -45.0), "{codec:?}, and stops");
            assert!([300, 700, 2100].iter().all(|from_ms| level(*from_ms, hz) > -18.0), "{codec:?}: both are heard");
            let beeps = room.book.events.iter().filter_map(|event| match event {
                Event::Beeped { leg: of, at, .. } if *of == leg => Some(at.as_millis() / 20 * 20),
                _ => None,
            });
            assert_eq!(beeps.collect::<Vec<_>>(), [0, 2000], "{codec:?}");
        }
        for leg in [A, B] {
            room.tell(Command::Untap { leg });
        }
        assert_eq!(room.bay.mixes(), if one == other { 0 } else { 2 }, "{one:?} is relayed again, {other:?} never was");
    }
}
