//! Who hears what, numbered how.

use audio::{Codec, Encoding, Sound};
use media::{Command, Component, Event, KeysHeard};

use crate::room::{A, B, C, Mouth, Room, Sent, phone};

/// Sequence and timestamp of each packet, counted from the first; one SSRC throughout.
fn numbers(sent: &[Sent]) -> Vec<(u16, u32)> {
    let first = sent[0].packet();
    let numbers = sent.iter().map(|sent| {
        let packet = sent.packet();
        assert_eq!(packet.ssrc, first.ssrc, "one SSRC for life");
        (packet.sequence.wrapping_sub(first.sequence), packet.timestamp.wrapping_sub(first.timestamp))
    });
    numbers.collect()
}

fn firsts(sent: &[Sent]) -> Vec<u8> {
    sent.iter().map(|sent| sent.payload()[0]).collect()
}

#[test]
fn each_hears_the_other_as_it_spoke() {
    let mut room = Room::talking();
    let (mut a, mut b) = (Mouth::of(A), Mouth::of(B));
    for n in 0..10 {
        a.say(&mut room, &[n; 160]);
        b.say(&mut room, &[100 + n; 160]);
        room.pass(20);
    }
    let (at_a, at_b) = (room.heard(A), room.heard(B));
    assert_eq!(firsts(&at_a), (100..110).collect::<Vec<_>>());
    assert_eq!(firsts(&at_b), (0..10).collect::<Vec<_>>());
    assert_eq!(numbers(&at_b), (0..10).map(|n| (n as u16, n * 160)).collect::<Vec<_>>());
    assert!(at_a.iter().all(|sent| sent.to == phone(A)) && at_b.iter().all(|sent| sent.to == phone(B)));
    assert_ne!(at_a[0].packet().ssrc, at_b[0].packet().ssrc);
    let markers: Vec<bool> = at_b.iter().map(|sent| sent.packet().marker).collect();
    assert!(markers[0] && markers[1..].iter().all(|marker| !marker), "the first of a talker bears the marker");
    assert_eq!(room.bay.stats(A).unwrap().packets_received, 10);
    assert_eq!(room.bay.stats(A).unwrap().bytes_sent, 1600);
}

#[test]
fn loss_order_and_repeats_are_relayed_as_they_came() {
    let mut room = Room::talking();
    let mut a = Mouth::of(A);
    let packets: Vec<Vec<u8>> = (0..6).map(|n| a.next(&[n; 160])).collect();
    for n in [0, 2, 1, 4, 4, 5] {
        room.datagram(A, Component::Rtp, phone(A), packets[n].clone());
    }
    let heard = room.heard(B);
    assert_eq!(firsts(&heard), [0, 2, 1, 4, 4, 5]);
    assert_eq!(numbers(&heard), [(0, 0), (2, 320), (1, 160), (4, 640), (4, 640), (5, 800)]);
    let stats = room.bay.stats(A).unwrap();
    assert_eq!((stats.lost, stats.late, stats.duplicated), (1, 1, 1));
}

#[test]
fn a_sink_hears_one_stream_whoever_speaks_to_it() {
    let mut room = Room::talking();
    room.connected(&[C]);
    let (mut a, mut c) = (Mouth::of(A), Mouth::of(C));
    a.speak(&mut room, 0, 3);
    room.tell(Command::Unwire { from: A, to: B });
    room.tell(Command::Wire { from: C, to: B });
    c.speak(&mut room, 10, 2);
    a.speak(&mut room, 3, 1);
    let sound = Sound::from_pcm(vec![0; 320]);
    room.play(B, 1, &sound, false);
    room.pass(60);
    c.speak(&mut room, 20, 2);
    room.tell(Command::Unwire { from: C, to: B });
    c.speak(&mut room, 30, 5);
    room.tell(Command::Wire { from: A, to: B });
    a.speak(&mut room, 4, 2);
    let heard = room.heard(B);
    let silence = Encoding::Pcmu.silence();
    assert_eq!(firsts(&heard), [0, 1, 2, 10, 11, silence, silence, 20, 21, 4, 5]);
    let numbers = numbers(&heard);
    let sequences: Vec<u16> = numbers.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences, (0..11).collect::<Vec<_>>(), "no seam in the sequence");
    // By the clock: 0, 20, 40 | 60, 80 | player from 125 | 180, 200 | 320, 340.
    let ms: Vec<u32> = numbers.iter().map(|(_, timestamp)| timestamp / 8).collect();
    assert_eq!(ms, [0, 20, 40, 60, 80, 125, 145, 180, 200, 320, 340]);
    let begins: Vec<usize> = (0..11).filter(|n| heard[*n].packet().marker).collect();
    assert_eq!(begins, [0, 3, 5, 7, 9]);
}

#[test]
fn one_law_becomes_the_other_by_table_and_payload_types_are_each_legs_own() {
    let mut room = Room::talking();
    room.connect(B, |stream| (stream.codec, stream.payload_type) = (Codec::Pcma, 96));
    let all: Vec<u8> = (0..=255).collect();
    let (mut a, mut b) = (Mouth::of(A), Mouth::of(B));
    b.payload_type = 96;
    a.say(&mut room, &all);
    b.say(&mut room, &all);
    for (leg, from, to, payload_type) in [(B, Codec::Pcmu, Codec::Pcma, 96), (A, Codec::Pcma, Codec::Pcmu, 0)] {
        let mut expected = all.clone();
        audio::transcode_in_place(from, to, &mut expected);
        let heard = room.heard(leg);
        assert_eq!((heard[0].payload(), heard[0].packet().payload_type), (&expected[..], payload_type));
    }
}

#[test]
fn one_talker_is_heard_by_many_each_in_its_own_codec() {
    let mut room = Room::new();
    room.connected(&[A, B, C]);
    room.connect(B, |stream| (stream.codec, stream.payload_type) = (Codec::Pcma, 8));
    room.tell(Command::Wire { from: A, to: B });
    room.tell(Command::Wire { from: A, to: C });
    room.tell(Command::Wire { from: A, to: A });
    Mouth::of(A).speak(&mut room, 50, 2);
    assert_eq!(firsts(&room.heard(A)), [50, 51], "an echo");
    assert_eq!(firsts(&room.heard(C)), [50, 51]);
    let mut expected = [50, 51];
    audio::transcode_in_place(Codec::Pcmu, Codec::Pcma, &mut expected);
    assert_eq!(firsts(&room.heard(B)), expected);
}

#[test]
fn a_key_is_told_once_and_passed_on_where_it_is_understood() {
    let mut room = Room::talking();
    room.connect(B, |stream| stream.telephone_event = Some(96));
    let mut a = Mouth::of(A);
    a.speak(&mut room, 0, 2);
    let start = room.heard(B)[1].packet();
    for (duration, end) in [(160, false), (320, false), (480, true), (480, true), (480, true)] {
        a.key(&mut room, '5', duration, end, duration == 160);
        room.pass(20);
    }
    let heard = room.heard(B);
    assert_eq!(heard.iter().map(|sent| sent.packet().payload_type).collect::<Vec<_>>(), [96; 5]);
    for (nth, key) in heard.iter().map(Sent::packet).enumerate() {
        assert_eq!(key.sequence, start.sequence.wrapping_add(1 + nth as u16));
        assert_eq!(key.timestamp, start.timestamp.wrapping_add(160), "all bear the time of the press");
        assert_eq!(key.marker, nth == 0);
    }
    assert_eq!(room.book.events, [Event::Digit { leg: A, digit: '5' }]);
    assert_eq!(room.bay.stats(A).unwrap().digits, 1);
}

#[test]
fn a_key_whose_start_was_not_heard_is_not_passed_on() {
    let mut room = Room::talking();
    room.tell(Command::Unwire { from: A, to: B });
    let mut a = Mouth::of(A);
    a.key(&mut room, '1', 160, false, true);
    room.tell(Command::Wire { from: A, to: B });
    a.key(&mut room, '1', 320, true, false);
    assert!(room.heard(B).is_empty());
    a.timestamp = a.timestamp.wrapping_add(320);
    a.key(&mut room, '2', 160, false, true);
    assert_eq!(room.heard(B).len(), 1);
}

#[test]
fn keys_are_kept_from_others_as_long_as_that_is_wanted() {
    // What is said in the middle of the second of three presses, and how many of its three packets others hear.
    for (then, second, third) in [(KeysHeard::All, 2, 3), (KeysHeard::FromNext, 0, 3), (KeysHeard::None, 0, 0)] {
        let mut room = Room::talking();
        let mut a = Mouth::of(A);
        a.speak(&mut room, 0, 1);
        let mut press = |room: &mut Room, digit, then: Option<KeysHeard>| {
            a.timestamp = a.timestamp.wrapping_add(800);
            a.key(room, digit, 160, false, true);
            then.into_iter().for_each(|heard| room.tell(Command::Keys { leg: A, heard }));
            a.key(room, digit, 320, false, false);
            a.key(room, digit, 480, true, false);
            room.heard(B).iter().filter(|sent| sent.packet().payload_type == 101).count()
        };
        assert_eq!(press(&mut room, '*', None), 3);
        room.tell(Command::Keys { leg: A, heard: KeysHeard::None });
        assert_eq!(press(&mut room, '1', Some(then)), second, "{then:?}");
        assert_eq!(press(&mut room, '2', None), third, "{then:?}");
        assert_eq!(room.bay.stats(A).unwrap().digits, 3, "we hear them in any case");
    }
}

#[test]
fn only_what_was_negotiated_is_relayed() {
    for (what, payload_type, payload) in
        [("comfort noise", 13, vec![60]), ("unknown", 77, vec![1; 160]), ("empty, to keep a NAT open", 0, vec![])]
    {
        let mut room = Room::talking();
        let mut a = Mouth::of(A);
        a.speak(&mut room, 0, 1);
        let bytes = a.packet(payload_type, &payload);
        room.datagram(A, Component::Rtp, phone(A), bytes);
        a.speak(&mut room, 1, 1);
        assert_eq!(firsts(&room.heard(B)), [0, 1], "{what}");
        assert_eq!(room.bay.stats(A).unwrap().lost, 0, "{what}");
    }
}

#[test]
fn sources_extension_and_padding_stay_behind() {
    let mut room = Room::talking();
    let mut bytes = vec![0x80 | 0x20 | 0x10 | 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 233]; // P, X, one source
    bytes.extend([9, 9, 9, 9]); // the source
    bytes.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]); // the extension
    bytes.extend([7; 160]);
    bytes.extend([0, 0, 0, 4]); // the padding
    room.datagram(A, Component::Rtp, phone(A), bytes);
    let heard = room.heard(B);
    assert_eq!((heard[0].bytes[0], &heard[0].bytes[12..]), (0x80, &[7; 160][..]));
}

#[test]
fn who_is_on_hold_is_not_heard_and_hears_nothing() {
    let mut room = Room::talking();
    let (mut a, mut b) = (Mouth::of(A), Mouth::of(B));
    room.connect(A, |stream| stream.receives = false);
    a.speak(&mut room, 0, 2);
    b.speak(&mut room, 0, 2);
    assert_eq!((room.heard(A).len(), room.heard(B).len()), (2, 0));
    room.connect(A, |stream| stream.sends = false);
    a.speak(&mut room, 0, 2);
    b.speak(&mut room, 0, 2);
    assert_eq!((room.heard(A).len(), room.heard(B).len()), (0, 2));
}

#[test]
fn an_address_of_zeros_is_a_hold_and_the_phone_stays_where_it_was() {
    let mut room = Room::talking();
    let (mut a, mut b) = (Mouth::of(A), Mouth::of(B));
    a.speak(&mut room, 0, 1);
    let zeros = std::net::SocketAddr::from(([0, 0, 0, 0], 4000));
    room.connect(A, |stream| (stream.remote, stream.remote_rtcp) = (zeros, zeros));
    b.speak(&mut room, 0, 1);
    room.pass(10_000);
    assert!(room.heard(A).is_empty());
    assert!(room.book.sent.iter().all(|sent| sent.to != zeros), "no report either");
    room.connect(A, |_| {});
    a.speak(&mut room, 1, 1);
    b.speak(&mut room, 1, 1);
    assert_eq!((firsts(&room.heard(A)), firsts(&room.heard(B))), (vec![1], vec![0, 1]));
}

#[test]
fn a_talker_that_begins_anew_goes_on_for_who_hears_it() {
    let mut room = Room::talking();
    let mut a = Mouth::of(A);
    a.speak(&mut room, 0, 2);
    (a.ssrc, a.sequence, a.timestamp) = (4711, 20_000, 5); // a new stream of the same phone
    room.pass(100);
    a.speak(&mut room, 10, 5);
    a.timestamp = 900_000; // and its clock leaps
    a.speak(&mut room, 20, 2);
    let heard = room.heard(B);
    assert_eq!(firsts(&heard), [0, 1, 12, 13, 14, 20, 21], "two packets prove it, the third is heard");
    let ms: Vec<(u16, u32)> = numbers(&heard).iter().map(|(sequence, timestamp)| (*sequence, timestamp / 8)).collect();
    assert_eq!(ms, [(0, 0), (1, 20), (2, 180), (3, 200), (4, 220), (5, 240), (6, 260)]);
}

#[test]
fn a_phone_that_moves_is_followed_and_its_stream_goes_on() {
    let mut room = Room::talking();
    let (mut a, mut b) = (Mouth::of(A), Mouth::of(B));
    a.speak(&mut room, 0, 1);
    b.speak(&mut room, 0, 1);
    let moved = "10.0.0.77:5000".parse().unwrap();
    room.connect(A, |stream| stream.remote = moved);
    b.speak(&mut room, 1, 1);
    a.speak(&mut room, 1, 1); // from its old address
    (a.from, a.ssrc, a.sequence) = (moved, 99, 7);
    a.speak(&mut room, 2, 2);
    let at_a = room.heard(A);
    assert_eq!(at_a.iter().map(|sent| sent.to).collect::<Vec<_>>(), [phone(A), moved]);
    assert_eq!(numbers(&at_a), [(0, 0), (1, 160)]);
    let at_b = room.heard(B);
    assert_eq!(firsts(&at_b), [0, 2, 3], "heard from its first packet on");
    assert_eq!(numbers(&at_b).iter().map(|n| n.0).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_leg_that_closed_is_gone_from_every_wire_and_its_place_is_anothers() {
    let mut room = Room::talking();
    let stale = room.bay.place(A).unwrap();
    Mouth::of(A).speak(&mut room, 0, 1);
    room.tell(Command::Close { leg: A });
    assert!(matches!(&room.book.events[..], [Event::Closed { leg: A, stats }] if stats.packets_received == 1));
    room.connected(&[C]);
    assert_eq!(room.bay.place(C).unwrap().index, stale.index);
    room.heard(B);
    let (now, mut bytes) = (room.now, Mouth::of(C).next(&[1; 160]));
    room.bay.packet_at(stale, Component::Rtp, phone(C), &mut bytes, now, &mut room.book);
    Mouth::of(B).speak(&mut room, 0, 1);
    Mouth::of(C).speak(&mut room, 0, 1);
    assert!(room.book.sent.is_empty(), "C stands where A stood, but nobody hears it");
    room.tell(Command::Wire { from: C, to: B });
    Mouth::of(C).speak(&mut room, 1, 1);
    assert_eq!(firsts(&room.heard(B)).len(), 1);
    assert_eq!(room.bay.legs(), 2);
}

#[test]
fn commands_about_unknown_legs_do_nothing() {
    let mut room = Room::new();
    room.connected(&[A]);
    for command in [
        Command::Wire { from: A, to: B },
        Command::Wire { from: B, to: A },
        Command::Unwire { from: A, to: B },
        Command::Close { leg: B },
        Command::Stop { leg: B },
        Command::Untap { leg: A },
        Command::Stop { leg: A },
    ] {
        room.tell(command);
    }
    room.open(A); // again
    assert_eq!(room.bay.legs(), 1);
    assert!(room.book.events.is_empty() && room.book.sent.is_empty());
}

#[test]
fn a_full_thread_says_so() {
    let limits = media::MediaLimits { legs_max: 1, ..Default::default() };
    let mut room = Room::new();
    room.bay = media::Patchbay::new(limits, base::Random::numbered(1));
    room.open(A);
    room.open(B);
    assert!(matches!(room.book.events[..], [Event::PortTaken { leg: B, .. }]));
}
