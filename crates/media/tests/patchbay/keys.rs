//! Keys from leg to leg, each by the way its phone knows: telephone-events (RFC 4733) or the two sines (ITU-T Q.23).

use audio::{DtmfDetector, Encoding, dtmf, silence, tone};
use media::{Command, Event};
use rtp::event::{Detector, Event as KeyEvent};

use crate::room::{A, B, Mouth, Room, Sent};

/// Two legs wired both ways; which of them know telephone-events.
fn talking(a_knows: bool, b_knows: bool) -> Room {
    let mut room = Room::new();
    for (leg, knows) in [(A, a_knows), (B, b_knows)] {
        room.open(leg);
        room.connect(leg, |stream| stream.telephone_event = stream.telephone_event.filter(|_| knows));
    }
    room.tell(Command::Wire { from: A, to: B });
    room.tell(Command::Wire { from: B, to: A });
    room
}

/// Speaks packets of this sound.
fn sing(mouth: &mut Mouth, room: &mut Room, samples: &[i16]) {
    for packet in Encoding::Pcmu.encoded(samples).chunks(160) {
        mouth.say(room, packet);
        room.pass(20);
    }
}

/// Keys told of by events, and those in the sound.
fn keys(heard: &[Sent]) -> (String, String) {
    let (mut events, mut ear) = (Detector::new(), DtmfDetector::new());
    let (mut said, mut sounded) = (String::new(), String::new());
    for sent in heard {
        match sent.packet().payload_type {
            101 => said.extend(events.receive(&sent.packet(), sent.payload())),
            _ => {
                let mut samples = vec![0; sent.payload().len()];
                Encoding::Pcmu.decode_into(sent.payload(), &mut samples);
                sounded.extend(ear.hear(&samples));
            }
        }
    }
    (said, sounded)
}

fn told(room: &Room) -> String {
    let digit = |event: &Event| match event {
        Event::Digit { digit, .. } => Some(*digit),
        _ => None,
    };
    room.book.events.iter().filter_map(digit).collect()
}

#[test]
fn keys_pressed_into_a_leg_come_as_it_knows_them() {
    for (knows, want) in [(true, ("42#", "")), (false, ("", "42#"))] {
        let mut room = talking(true, knows);
        let mut a = Mouth::of(A);
        a.speak(&mut room, 0, 10);
        for digit in ['4', '2', '#', 'x'] {
            room.tell(Command::Press { leg: B, digit });
        }
        a.speak(&mut room, 0, 60);
        let heard = room.heard(B);
        let (said, sounded) = keys(&heard);
        assert_eq!((&*said, &*sounded), want);
        assert!(!room.book.events.iter().any(|event| matches!(event, Event::Played { .. })), "nobody asked for it");
        for pair in heard.windows(2) {
            let [before, after] = [&pair[0], &pair[1]].map(Sent::packet);
            assert_eq!(after.sequence, before.sequence.wrapping_add(1), "the stream has no seam");
            assert_eq!(after.ssrc, before.ssrc);
        }
        assert_eq!(heard.last().map(|sent| sent.payload()[0]), Some(59), "and the talker is heard again");
    }
}

#[test]
fn each_pressed_key_has_a_timestamp_of_its_own_and_one_marker() {
    let mut room = talking(true, true);
    room.tell(Command::Press { leg: B, digit: '1' });
    room.tell(Command::Press { leg: B, digit: '1' });
    room.pass(1000);
    let heard = room.heard(B);
    let packets: Vec<_> = heard.iter().map(Sent::packet).collect();
    let ends = heard.iter().filter(|sent| KeyEvent::read(sent.payload()).is_some_and(|event| event.end)).count();
    assert_eq!((packets.len(), ends), (14, 6));
    assert!(packets[0].marker && packets[7].marker);
    assert_eq!(packets.iter().filter(|packet| packet.marker).count(), 2);
    assert!(packets[..7].iter().all(|packet| packet.timestamp == packets[0].timestamp));
    let apart = packets[7].timestamp.wrapping_sub(packets[0].timestamp);
    assert_eq!(apart, 10 * 160, "as far as the time between them");
}

#[test]
fn a_key_told_by_events_is_sounded_to_who_does_not_know_them() {
    let mut room = talking(true, false);
    let mut a = Mouth::of(A);
    a.speak(&mut room, 0, 5);
    for n in 1..=5 {
        a.key(&mut room, '7', n * 160, n == 5, n == 1);
        room.pass(20);
    }
    a.timestamp = a.timestamp.wrapping_add(800);
    a.speak(&mut room, 0, 20);
    assert_eq!(keys(&room.heard(B)), (String::new(), "7".to_owned()));
    assert_eq!(told(&room), "7");
}

#[test]
fn keys_in_the_sound_are_heard_where_there_is_no_other_way() {
    for (knows, want) in [(false, "159"), (true, "")] {
        let mut room = talking(knows, true);
        let mut a = Mouth::of(A);
        let presses = ['1', '5', '9'].map(|key| [silence(60), tone(&dtmf(key).unwrap(), 80)].concat()).concat();
        sing(&mut a, &mut room, &presses);
        assert_eq!(told(&room), want, "a phone that has a proper way is not suspected");
        assert_eq!(room.bay.stats(A).unwrap().digits, want.len() as u32);
    }
}
