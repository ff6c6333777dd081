//! Sounds into a leg.

use audio::{Codec, Sound};
use media::{Command, Event};

use crate::room::{A, B, Mouth, Room};

/// A sound no two frames of which are alike.
fn sound(samples: i16) -> Sound {
    Sound::from_pcm((0..samples).map(|n| n.wrapping_mul(7)).collect())
}

#[test]
fn a_sound_is_heard_to_the_sample_and_its_end_is_told() {
    for (codec, ptime_ms) in [
        (Codec::Pcmu, 20),
        (Codec::Pcma, 20),
        (Codec::Pcmu, 10),
        (Codec::Pcma, 30),
        (Codec::Pcmu, 60),
        (Codec::Pcmu, 17),
    ] {
        let mut room = Room::new();
        room.open(A);
        room.connect(A, |stream| (stream.codec, stream.payload_type, stream.ptime_ms) = (codec, 99, ptime_ms));
        let sound = sound(4800);
        room.play(A, 7, &sound, false);
        room.pass(620);
        let step = if ptime_ms == 17 { 160 } else { usize::from(ptime_ms) * 8 };
        let heard = room.heard(A);
        assert!(heard.iter().all(|sent| sent.payload().len() == step && sent.packet().payload_type == 99));
        let played: Vec<u8> = heard.iter().flat_map(|sent| sent.payload().to_vec()).collect();
        assert_eq!(played, sound.payload(codec));
        let first = heard[0].packet();
        for (nth, packet) in heard.iter().map(|sent| sent.packet()).enumerate() {
            assert_eq!(packet.sequence, first.sequence.wrapping_add(nth as u16));
            assert_eq!(packet.timestamp, first.timestamp.wrapping_add((nth * step) as u32));
            assert_eq!(packet.marker, nth == 0);
        }
        assert_eq!(room.book.events, [Event::Played { leg: A, player: 7 }]);
        room.pass(1000);
        assert!(room.heard(A).is_empty(), "no stream of silence after it");
    }
}

#[test]
fn a_frame_is_sent_every_20_ms_by_the_clock() {
    let mut room = Room::new();
    room.connected(&[A]);
    room.pass(3);
    room.play(A, 1, &sound(160), true);
    let mut at = Vec::new();
    for _ in 0..100 {
        room.pass(1);
        at.extend(room.heard(A).iter().map(|_| room.now.as_millis()));
    }
    assert_eq!(at, [1005, 1025, 1045, 1065, 1085]);
}

#[test]
fn a_player_is_heard_instead_of_the_wire_until_it_stops() {
    let mut room = Room::talking();
    let mut b = Mouth::of(B);
    b.speak(&mut room, 0, 2);
    room.play(A, 1, &sound(16_000), true);
    b.speak(&mut room, 2, 10);
    let heard = room.heard(A);
    assert!((11..=12).contains(&heard.len()), "two of B and ten of the player: {}", heard.len());
    room.tell(Command::Stop { leg: A });
    b.speak(&mut room, 20, 2);
    let heard = room.heard(A);
    assert_eq!(heard.iter().map(|sent| sent.payload()[0]).collect::<Vec<_>>(), [20, 21], "at once");
    assert!(room.book.events.is_empty(), "a player that is stopped was not played");
}

#[test]
fn one_player_replaces_another_without_a_missing_frame() {
    let mut room = Room::new();
    room.connected(&[A]);
    let (one, two) = (sound(16_000), Sound::from_pcm(vec![-1000; 320]));
    room.play(A, 1, &one, true);
    room.pass(100);
    room.play(A, 2, &two, false);
    room.tell(Command::Stop { leg: A });
    room.play(A, 3, &two, false);
    room.pass(60);
    let heard = room.heard(A);
    assert_eq!(heard.len(), 5 + 2);
    assert_eq!(heard[5].payload(), &two.payload(Codec::Pcmu)[..160]);
    assert_eq!(room.book.events, [Event::Played { leg: A, player: 3 }]);
    let ms: Vec<u32> =
        heard.iter().map(|sent| sent.packet().timestamp.wrapping_sub(heard[0].packet().timestamp) / 8).collect();
    assert_eq!(ms, [0, 20, 40, 60, 80, 100, 120]);
}

#[test]
fn a_player_waits_for_the_leg_and_time_goes_by_on_hold() {
    let mut room = Room::new();
    room.open(A);
    room.play(A, 1, &sound(320), false);
    room.pass(100);
    assert!(room.book.events.is_empty());
    room.connect(A, |stream| stream.sends = false);
    room.pass(100);
    assert!(room.heard(A).is_empty());
    assert_eq!(room.book.events, [Event::Played { leg: A, player: 1 }], "a program that waits for the end goes on");
}

#[test]
fn nothing_to_play_ends_at_once() {
    let mut room = Room::new();
    room.connected(&[A]);
    room.play(A, 1, &Sound::from_pcm(vec![]), true);
    room.pass(20);
    assert_eq!(room.book.events, [Event::Played { leg: A, player: 1 }]);
}

#[test]
fn a_thread_held_up_does_not_burst() {
    let mut room = Room::new();
    room.connected(&[A]);
    room.play(A, 1, &sound(16_000), true);
    room.pass(20);
    room.heard(A);
    room.now = base::Time::from_millis(3000);
    room.bay.tick(room.now, &mut room.book);
    assert_eq!(room.heard(A).len(), 1);
}

#[test]
fn a_player_is_cut_short_within_20_ms_whenever_that_is() {
    let silence = Sound::from_pcm(vec![0; 16_000]);
    for codec in Codec::ALL {
        for after_ms in 100..121 {
            let mut room = Room::new();
            room.open(A);
            room.connect(A, |stream| (stream.codec, stream.payload_type) = (codec, codec.payload_type()));
            room.play(A, 1, &silence, true);
            room.pass(after_ms);
            room.heard(A);
            room.play(A, 2, &sound(16_000), false);
            room.pass(20);
            let heard = room.heard(A);
            let of = |sound: &Sound| match codec {
                Codec::Opus => sound.opus_packet(0).expect("it has one").to_vec(),
                codec => sound.payload(codec)[..160].to_vec(),
            };
            assert_eq!(heard.len(), 1, "{codec:?} after {after_ms} ms");
            assert_eq!(heard[0].payload(), of(&sound(16_000)), "{codec:?} after {after_ms} ms");
            assert!(heard[0].packet().marker);
            room.tell(Command::Stop { leg: A });
            room.pass(40);
            assert!(room.heard(A).is_empty(), "{codec:?}: what is stopped is not heard any more");
        }
    }
}
