//! What a tapped leg says.

use audio::{Clip, Codec, Encoding};
use media::{Command, Event};

use crate::room::{A, B, Mouth, Room};

/// The clips laid on one line, from the beginning of the recording.
fn laid(clips: &[Clip], encoding: Encoding) -> Vec<u8> {
    let mut line = Vec::new();
    for clip in clips.iter().filter(|clip| clip.encoding == encoding) {
        let at = clip.at as usize;
        if line.len() < at + clip.payload.len() {
            line.resize(at + clip.payload.len(), 0);
        }
        line[at..at + clip.payload.len()].copy_from_slice(&clip.payload);
    }
    line
}

fn clips(room: &Room) -> Vec<Clip> {
    room.book.clips.iter().map(|(_, clip)| clip.clone()).collect()
}

#[test]
fn a_tapped_leg_is_recorded_to_the_sample_whether_anybody_hears_it_or_not() {
    for wired in [true, false] {
        let mut room = if wired { Room::talking() } else { Room::new() };
        if !wired {
            room.connected(&[A, B]);
        }
        room.tap(A);
        let mut a = Mouth::of(A);
        a.speak(&mut room, 1, 60);
        room.tell(Command::Untap { leg: A });
        a.speak(&mut room, 100, 5);
        let expected: Vec<u8> = (1..=60).flat_map(|n| [n; 160]).collect();
        assert_eq!(laid(&clips(&room), Encoding::Pcmu), expected);
        assert!(clips(&room).iter().all(|clip| clip.payload.len() <= 4000));
        assert_eq!(room.heard(B).len(), if wired { 65 } else { 0 });
    }
}

#[test]
fn the_recorder_gets_what_the_leg_said_in_its_own_codec() {
    let mut room = Room::talking();
    room.connect(B, |stream| (stream.codec, stream.payload_type) = (Codec::Pcma, 8));
    room.tap(A);
    Mouth::of(A).say(&mut room, &[33; 160]);
    room.tell(Command::Untap { leg: A });
    assert_eq!(laid(&clips(&room), Encoding::Pcmu), [33; 160], "though B heard it in another");
}

#[test]
fn keys_and_silence_and_other_talk_are_no_audio() {
    let mut room = Room::talking();
    room.tap(A);
    let (mut a, mut b) = (Mouth::of(A), Mouth::of(B));
    a.speak(&mut room, 1, 2);
    a.key(&mut room, '9', 160, false, true);
    a.key(&mut room, '9', 320, true, false);
    room.pass(40);
    a.timestamp = a.timestamp.wrapping_add(320);
    b.speak(&mut room, 50, 1);
    a.timestamp = a.timestamp.wrapping_add(160);
    a.speak(&mut room, 3, 1);
    room.tell(Command::Untap { leg: A });
    let line = laid(&clips(&room), Encoding::Pcmu);
    let silence = Encoding::Pcmu.silence();
    assert_eq!(line, [[1; 160], [2; 160], [silence; 160], [silence; 160], [silence; 160], [3; 160]].concat());
}

#[test]
fn the_last_words_are_not_kept_back() {
    // However the talk ends: by a pause, by Untap, by another tap, by Close.
    for end in ["pause", "untap", "tap", "close"] {
        let mut room = Room::talking();
        room.tap(A);
        Mouth::of(A).speak(&mut room, 1, 3);
        assert!(room.book.clips.is_empty());
        match end {
            "pause" => room.pass(600),
            "untap" => room.tell(Command::Untap { leg: A }),
            "tap" => room.tap(A),
            _ => room.tell(Command::Close { leg: A }),
        }
        assert_eq!(
            clips(&room).iter().map(|clip| (clip.at, clip.payload.len())).collect::<Vec<_>>(),
            [(0, 480)],
            "{end}"
        );
    }
}

#[test]
fn a_stream_that_begins_anew_lies_by_the_clock() {
    let mut room = Room::talking();
    room.tap(A);
    let mut a = Mouth::of(A);
    a.speak(&mut room, 1, 2); // at 0 and 20 ms
    room.pass(960);
    (a.ssrc, a.sequence, a.timestamp) = (4711, 20_000, 5);
    a.speak(&mut room, 10, 4); // from 1000 ms; two to prove it
    room.tell(Command::Close { leg: A });
    let clips = clips(&room);
    assert_eq!(clips.last().map(|clip| (clip.at, clip.payload[0])), Some((1040 * 8, 12)));
    assert!(room.book.events.iter().any(|event| matches!(event, Event::Closed { leg: A, .. })));
}

#[test]
fn a_deaf_tap_keeps_nothing_of_what_comes_and_knows_afterwards_where_it_is() {
    let mut room = Room::talking();
    room.tap(A);
    let mut a = Mouth::of(A);
    a.speak(&mut room, 1, 10);
    room.tell(Command::Deafen { leg: A, deaf: true });
    a.speak(&mut room, 100, 20);
    room.tell(Command::Deafen { leg: A, deaf: false });
    a.speak(&mut room, 50, 5);
    room.tell(Command::Untap { leg: A });
    let clips = clips(&room);
    assert_eq!(clips.iter().map(|clip| (clip.at, clip.samples())).collect::<Vec<_>>(), [(0, 1600), (4800, 800)]);
    assert!(clips.iter().all(|clip| !clip.payload.iter().any(|byte| (100..120).contains(byte))));
    assert_eq!(room.heard(B).len(), 35, "who listens hears all of it");
}
