//! Third parties: early, blind, informed, late. None is heard, recorded, answered or sent to; the call hears itself.

use std::net::SocketAddr;

use media::{Command, Component, Event};

use crate::room::{A, B, Mouth, Room, phone, phone_rtcp};

const ATTACKER: &str = "203.0.113.66:6000";
const NAT: &str = "198.51.100.7:31000";
const NAT_OTHER: &str = "198.51.100.7:31999";

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// Says `packets` packets of 0xEE to A's port, as `mouth`, 1 ms apart.
fn attack(room: &mut Room, mouth: &mut Mouth, packets: u32) {
    for _ in 0..packets {
        mouth.say(room, &[0xee; 160]);
        room.pass(1);
    }
}

fn attacker(from: &str) -> Mouth {
    Mouth { from: at(from), ssrc: 0xbad, sequence: 100, timestamp: 9, ..Mouth::of(A) }
}

/// Nothing foreign came out anywhere, and nothing went to who the call does not know.
fn unharmed(room: &mut Room, what: &str, known: &[SocketAddr]) -> usize {
    for sent in &room.book.sent {
        assert!(known.contains(&sent.to), "{what}: sent to {}", sent.to);
        assert!(!sent.bytes.contains(&0xee), "{what}: an attacker was heard");
    }
    room.tell(Command::Close { leg: A });
    assert!(room.book.clips.iter().all(|(_, clip)| !clip.payload.contains(&0xee)), "{what}: an attacker was recorded");
    room.heard(B).len()
}

#[test]
fn a_third_party_is_neither_heard_nor_recorded_nor_sent_to() {
    for (what, learn, from) in [
        ("another address", false, ATTACKER),
        ("another address, NAT crossing on", true, ATTACKER),
        ("the phone's address, another port", false, "10.0.0.1:4002"),
        ("the phone's RTCP port", false, "10.0.0.1:4001"),
        ("the signalling address without NAT", false, NAT),
    ] {
        for (when, before, beside, after) in [("early", 60, 0, 0), ("beside", 0, 5, 0), ("after silence", 0, 0, 60)] {
            let mut room = Room::talking();
            room.connect(A, |stream| stream.learn = learn.then(|| at(NAT).ip()));
            room.tap(A);
            let (mut a, mut b, mut foe) = (Mouth::of(A), Mouth::of(B), attacker(from));
            attack(&mut room, &mut foe, before);
            for n in 0..50 {
                a.say(&mut room, &[n; 160]);
                b.say(&mut room, &[n; 160]);
                attack(&mut room, &mut foe, beside);
                room.pass(20);
            }
            room.pass(if after > 0 { 15_000 } else { 0 });
            attack(&mut room, &mut foe, after);
            let strangers = room.bay.stats(A).unwrap().strangers;
            assert_eq!(strangers, u64::from(before + beside * 50 + after), "all counted");
            let known = [phone(A), phone(B), phone_rtcp(A), phone_rtcp(B)];
            assert_eq!(unharmed(&mut room, &format!("{what}, {when}"), &known), 50, "{what}, {when}");
        }
    }
}

#[test]
fn with_a_forged_source_the_stream_must_still_be_guessed() {
    for (what, ssrc, sequence) in [("a wrong SSRC", 0xbad, 65_535), ("a wrong sequence", Mouth::of(A).ssrc, 30_000)] {
        let mut room = Room::talking();
        room.tap(A);
        let mut a = Mouth::of(A);
        let mut foe = Mouth { ssrc, sequence, ..Mouth::of(A) };
        for n in 0..50 {
            a.say(&mut room, &[n; 160]);
            attack(&mut room, &mut foe, 15); // a flood between every two packets
            room.pass(5);
        }
        let known = [phone(A), phone(B), phone_rtcp(A), phone_rtcp(B)];
        assert_eq!(unharmed(&mut room, what, &known), 50, "{what}");
    }
}

#[test]
fn a_phone_behind_nat_is_learned_and_nobody_after_it() {
    let mut room = Room::talking();
    room.connect(A, |stream| stream.learn = Some(at(NAT).ip()));
    let mut b = Mouth::of(B);
    b.speak(&mut room, 0, 1);
    assert_eq!(room.heard(A)[0].to, phone(A), "until it is proven, the negotiated address is the call's");
    let mut a = Mouth { from: at(NAT), ..Mouth::of(A) };
    a.speak(&mut room, 0, 5);
    assert_eq!(room.heard(B).len(), 3, "heard from the third packet on");
    assert_eq!(room.book.events, [Event::Latched { leg: A, source: at(NAT) }]);
    let mut foe = attacker(NAT_OTHER);
    attack(&mut room, &mut foe, 60);
    room.pass(15_000);
    attack(&mut room, &mut foe, 60);
    b.speak(&mut room, 1, 1);
    assert_eq!(room.heard(A).last().unwrap().to, at(NAT));
    assert!(room.heard(B).is_empty());
}

#[test]
fn who_was_learned_too_early_gives_way_to_the_phone_itself() {
    let mut room = Room::talking();
    room.connect(A, |stream| stream.learn = Some(at(NAT).ip()));
    attack(&mut room, &mut attacker(NAT), 5);
    room.heard(B);
    let mut a = Mouth::of(A);
    a.speak(&mut room, 0, 3);
    assert_eq!(room.heard(B).len(), 3);
    Mouth::of(B).speak(&mut room, 0, 1);
    assert_eq!(room.heard(A)[0].to, phone(A));
    attack(&mut room, &mut attacker(NAT), 60);
    assert!(room.heard(B).is_empty());
}

#[test]
fn media_before_the_negotiation_is_nobodys() {
    let mut room = Room::new();
    room.open(A);
    let mut a = Mouth::of(A);
    a.say(&mut room, &[1; 160]);
    assert_eq!(room.bay.stats(A).unwrap().strangers, 1);
    room.connect(A, |_| {});
    a.say(&mut room, &[2; 160]);
    assert_eq!(room.bay.stats(A).unwrap().packets_received, 1);
}

#[test]
fn what_is_no_rtp_is_counted_and_changes_nothing() {
    let mut room = Room::talking();
    let mut a = Mouth::of(A);
    a.speak(&mut room, 0, 1);
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let dtls = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
    let short = vec![0x80, 0, 0];
    let padded = vec![0xa0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 9, 200];
    for junk in [stun, dtls, short, padded, vec![]] {
        for from in [phone(A), at(ATTACKER)] {
            for component in [Component::Rtp, Component::Rtcp] {
                room.datagram(A, component, from, junk.clone());
            }
        }
    }
    a.speak(&mut room, 1, 1);
    assert_eq!(room.heard(B).len(), 2);
    assert_eq!(room.bay.stats(A).unwrap().strangers, 20);
    assert!(room.book.sent.is_empty() && room.book.events.is_empty());
}
