//! Secured legs: relayed to plain ones and to others with other keys; what is not sealed with their key is not heard.

use audio::{Codec, Sound};
use media::{Command, Component, MasterKey, Security, Suite};
use rtp::rtcp::{Compound, ReportBlock};
use rtp::srtp::{Opener, Sealer};

use crate::room::{A, B, Mouth, Room, Sent, phone, phone_rtcp};

fn key(suite: Suite, fill: u8) -> MasterKey {
    MasterKey::new(suite, &vec![fill; suite.key_bytes() + suite.salt_bytes()]).expect("its length")
}

/// A phone's keys, as the switch sees them.
#[derive(Clone)]
struct Keys {
    ours: MasterKey,
    theirs: MasterKey,
}

impl Keys {
    fn of(suite: Suite, fill: u8) -> Keys {
        Keys { ours: key(suite, fill), theirs: key(suite, fill + 1) }
    }

    fn security(&self) -> Security {
        Security::Keys { ours: self.ours.clone(), theirs: self.theirs.clone() }
    }
}

/// The sealed packets a leg was sent, opened; each must open.
fn opened(opener: &mut Opener, sent: Vec<Sent>) -> Vec<Vec<u8>> {
    let open = |sent: Sent| {
        let mut bytes = sent.bytes;
        let length = opener.open(&mut bytes).expect("sealed with our key");
        bytes.truncate(length);
        bytes
    };
    sent.into_iter().map(open).collect()
}

fn talking(a: &Keys, b: Option<&Keys>) -> Room {
    let mut room = Room::talking();
    room.connect(A, |stream| stream.security = a.security());
    if let Some(b) = b {
        room.connect(B, |stream| stream.security = b.security());
    }
    room
}

fn say_sealed(room: &mut Room, sealer: &mut Sealer, mouth: &mut Mouth, payload: &[u8]) {
    let packet = mouth.next(payload);
    let sealed = sealer.seal(&packet).expect("a new number").to_vec();
    room.datagram(mouth.leg, Component::Rtp, mouth.from, sealed);
}

#[test]
fn a_secured_leg_and_a_plain_one_hear_each_other_in_every_suite() {
    for suite in Suite::ALL {
        let keys = Keys::of(suite, 1);
        let mut room = talking(&keys, None);
        let (mut a, mut b) = (Mouth::of(A), Mouth::of(B));
        let (mut sealer, mut opener) = (Sealer::new(&keys.theirs), Opener::new(&keys.ours));
        for n in 0..20 {
            say_sealed(&mut room, &mut sealer, &mut a, &[n; 160]);
            b.say(&mut room, &[100 + n; 160]);
            room.pass(20);
            assert_eq!(room.heard(B).pop().expect("A is heard").bytes[12..], [n; 160], "{suite:?}");
            let heard = room.heard(A);
            assert!(!heard[0].bytes.windows(8).any(|part| part == [100 + n; 8]), "it can be read on the way");
            assert_eq!(opened(&mut opener, heard)[0][12..], [100 + n; 160], "{suite:?}");
        }
        let stats = room.bay.stats(A).expect("it is open");
        assert_eq!((stats.srtp.as_deref(), stats.not_authentic, stats.packets_received), (Some(suite.name()), 0, 20));
        assert_eq!(room.bay.stats(B).expect("it is open").srtp, None);
    }
}

#[test]
fn two_secured_legs_have_keys_of_their_own() {
    let (a_keys, b_keys) = (Keys::of(Suite::AesCm128HmacSha1_32, 1), Keys::of(Suite::AeadAes256Gcm, 7));
    let mut room = talking(&a_keys, Some(&b_keys));
    let (mut a, mut sealer, mut opener) = (Mouth::of(A), Sealer::new(&a_keys.theirs), Opener::new(&b_keys.ours));
    for n in 0..20 {
        say_sealed(&mut room, &mut sealer, &mut a, &[n; 160]);
        room.pass(20);
        assert_eq!(opened(&mut opener, room.heard(B))[0][12..], [n; 160]);
    }
}

#[test]
fn transcoded_mixed_and_played_packets_are_sealed_too() {
    let keys = Keys::of(Suite::AesCm256HmacSha1_80, 1);
    let mut room = talking(&keys, None);
    let mut opener = Opener::new(&keys.ours);
    room.connect(B, |stream| (stream.codec, stream.payload_type) = (Codec::G722, 9));
    let mut b = Mouth { payload_type: 9, ..Mouth::of(B) };
    for _ in 0..20 {
        b.say(&mut room, &[0xfa; 160]);
        room.pass(20);
    }
    assert!(opened(&mut opener, room.heard(A)).len() > 10, "a voice decoded and made anew");
    room.play(A, 1, &Sound::from_pcm(audio::tone(&[(425.0, -10.0)], 100)), false);
    room.pass(200);
    assert!(opened(&mut opener, room.heard(A)).len() >= 5, "a sound");
    b.key(&mut room, '5', 160, false, true);
    assert_eq!(opened(&mut opener, room.heard(A)).len(), 1, "a key");
}

#[test]
fn on_a_secured_leg_only_its_own_key_is_heard() {
    let keys = Keys::of(Suite::AesCm128HmacSha1_80, 1);
    let mut room = talking(&keys, None);
    room.tap(A);
    let (mut a, mut sealer) = (Mouth::of(A), Sealer::new(&keys.theirs));
    let mut last = Vec::new();
    for n in 0..5 {
        let packet = a.next(&[n; 160]);
        last = sealer.seal(&packet).expect("a new number").to_vec();
        room.datagram(A, Component::Rtp, a.from, last.clone());
        room.pass(20);
    }
    assert_eq!(room.heard(B).len(), 5);
    // Plain; sealed with another key; sealed with the key we send with; again; and with a bit changed.
    let mut foes = [Sealer::new(&key(Suite::AesCm128HmacSha1_80, 9)), Sealer::new(&keys.ours)];
    for n in 0..50 {
        let packet = Mouth { sequence: a.sequence.wrapping_add(n), ..a.clone() }.next(&[0xee; 160]);
        room.datagram(A, Component::Rtp, a.from, packet.clone());
        for foe in &mut foes {
            let sealed = foe.seal(&packet).expect("a new number").to_vec();
            room.datagram(A, Component::Rtp, a.from, sealed);
        }
        room.datagram(A, Component::Rtp, a.from, last.clone());
        let mut changed = last.clone();
        changed[100] ^= 1;
        changed[3] ^= 0x40;
        room.datagram(A, Component::Rtp, a.from, changed);
    }
    assert!(room.heard(B).is_empty());
    let stats = room.bay.stats(A).expect("it is open");
    assert_eq!((stats.packets_received, stats.not_authentic, stats.duplicated), (5, 200, 50));
    room.tell(Command::Close { leg: A });
    assert!(room.book.clips.iter().all(|(_, clip)| !clip.payload.contains(&0xee)), "a foe was recorded");
    // From elsewhere nothing is even opened.
    let mut room = talking(&keys, None);
    let sealed = Sealer::new(&keys.theirs).seal(&a.next(&[1; 160])).expect("a new number").to_vec();
    room.datagram(A, Component::Rtp, "203.0.113.66:6000".parse().expect("an address"), sealed);
    assert!(room.heard(B).is_empty());
    assert_eq!(room.bay.stats(A).expect("it is open").not_authentic, 0);
}

#[test]
fn a_new_key_takes_over_without_a_gap_and_an_old_one_stays() {
    let suite = Suite::AeadAes128Gcm;
    let (first, second) = (Keys::of(suite, 1), Keys::of(suite, 5));
    let mut room = talking(&first, None);
    let (mut a, mut b) = (Mouth { sequence: 65_500, ..Mouth::of(A) }, Mouth::of(B));
    let (mut sealer, mut opener) = (Sealer::new(&first.theirs), Opener::new(&first.ours));
    let mut heard = 0;
    let mut say = |room: &mut Room, sealer: &mut Sealer, opener: &mut Opener| {
        say_sealed(room, sealer, &mut a, &[3; 160]);
        b.say(room, &[4; 160]);
        room.pass(20);
        heard += room.heard(B).len();
        assert_eq!(opened(opener, room.heard(A)).len(), 1);
        heard
    };
    for n in 1..=50 {
        assert_eq!(say(&mut room, &mut sealer, &mut opener), n, "over the roll-over");
    }
    // The same again changes nothing: both counters go on.
    room.connect(A, |stream| stream.security = first.security());
    assert_eq!(say(&mut room, &mut sealer, &mut opener), 51);
    // Another: what was on the way under the old key is still heard; then the new one alone.
    room.connect(A, |stream| stream.security = second.security());
    let mut opener = Opener::new(&second.ours);
    assert_eq!(say(&mut room, &mut sealer, &mut opener), 52);
    let mut newer = Sealer::new(&second.theirs);
    assert_eq!(say(&mut room, &mut newer, &mut opener), 53);
    assert_eq!(say(&mut room, &mut sealer, &mut opener), 53, "the old key has had its time");
    assert_eq!(say(&mut room, &mut newer, &mut opener), 54);
}

#[test]
fn another_ssrc_under_the_same_key_is_heard() {
    let keys = Keys::of(Suite::AesCm128HmacSha1_80, 1);
    let mut room = talking(&keys, None);
    let mut sealer = Sealer::new(&keys.theirs);
    for ssrc in [5, 6, 5_000] {
        let mut a = Mouth { ssrc, sequence: 100, timestamp: 9, ..Mouth::of(A) };
        for _ in 0..10 {
            let packet = a.next(&[1; 160]);
            let sealed = Sealer::new(&keys.theirs).seal(&packet).expect("a new number").to_vec();
            room.datagram(A, Component::Rtp, a.from, sealed);
            room.pass(20);
        }
        assert!(room.heard(B).len() >= 7, "the first three prove it");
        room.pass(200);
    }
    let mut a = Mouth { ssrc: 5_000, sequence: 110, timestamp: 9, ..Mouth::of(A) };
    say_sealed(&mut room, &mut sealer, &mut a, &[1; 160]);
    assert_eq!(room.heard(B).len(), 1);
}

#[test]
fn reports_are_sealed_and_read() {
    let keys = Keys::of(Suite::AesCm128HmacSha1_32, 1);
    let mut room = talking(&keys, None);
    let (mut a, mut b) = (Mouth { sequence: 1, ..Mouth::of(A) }, Mouth { sequence: 1, ..Mouth::of(B) });
    let (mut sealer, mut opener) = (Sealer::new(&keys.theirs), Opener::new(&keys.ours));
    for _ in 0..500 {
        say_sealed(&mut room, &mut sealer, &mut a, &[1; 160]);
        b.say(&mut room, &[1; 160]);
        room.pass(20);
    }
    let reports = room.reports(A);
    assert!(!reports.is_empty());
    let mut reported = None;
    for report in reports {
        let mut bytes = report.bytes;
        let length = opener.open_rtcp(&mut bytes).expect("sealed with our key");
        reported = Compound::read(&bytes[..length]).ok();
    }
    let ours = reported.expect("a report we can read").ssrc;
    let block = ReportBlock { ssrc: ours, lost: 7, ..Default::default() };
    let said = Compound { ssrc: a.ssrc, sender: None, blocks: vec![block], cname: None, bye: vec![] }.to_bytes();
    room.datagram(A, Component::Rtcp, phone_rtcp(A), said.clone());
    assert_eq!(room.bay.stats(A).expect("it is open").remote_lost, None, "it was not sealed");
    let sealed = sealer.seal_rtcp(&said).expect("a report").to_vec();
    room.datagram(A, Component::Rtcp, phone_rtcp(A), sealed);
    assert_eq!(room.bay.stats(A).expect("it is open").remote_lost, Some(7));
    assert_eq!(phone(A), a.from);
}
