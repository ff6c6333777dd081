//! RTCP, and legs that have fallen silent.

use std::net::SocketAddr;

use media::{Command, Component, Event};
use rtp::rtcp::{Compound, ReportBlock, SenderReport, ntp};

use crate::room::{A, B, Mouth, Room, phone, phone_rtcp};

fn read(bytes: &[u8]) -> Compound {
    Compound::read(bytes).expect("we write what can be read")
}

/// A's phone reports: nothing, or about our stream.
fn report_of(mouth: &Mouth, blocks: Vec<ReportBlock>, room: &Room) -> Vec<u8> {
    let sender = Some(SenderReport { ntp: ntp(room.now) + (7 << 32), ..SenderReport::default() });
    Compound { ssrc: mouth.ssrc, sender, blocks, cname: Some("phone".into()), bye: vec![mouth.ssrc] }.to_bytes()
}

#[test]
fn who_is_sent_to_gets_sender_reports_and_who_is_not_receiver_reports() {
    let mut room = Room::talking();
    let mut a = Mouth::of(A);
    for _ in 0..10 {
        a.speak(&mut room, 0, 100);
    }
    let to_b = room.reports(B);
    let to_a = room.reports(A);
    assert!((2..=8).contains(&to_a.len()) && (2..=8).contains(&to_b.len()), "each 5 s, give or take a half");
    let heard = room.heard(B);
    let report = read(&to_b.last().unwrap().bytes);
    assert_eq!(report.ssrc, heard[0].packet().ssrc);
    assert!(report.sender.is_some_and(|sender| sender.packets > 100 && sender.octets == sender.packets * 160));
    assert!(report.blocks.is_empty() && report.cname.is_some());
    assert_eq!((to_b[0].to, to_b[0].component), (phone_rtcp(B), Component::Rtcp));
    let report = read(&to_a.last().unwrap().bytes);
    assert_eq!((report.sender, report.blocks.len(), report.blocks[0].ssrc), (None, 1, a.ssrc));
    assert_eq!((report.blocks[0].fraction_lost, report.blocks[0].lost), (0, 0));
}

#[test]
fn the_clock_of_a_sender_report_is_the_streams() {
    let mut room = Room::talking();
    let mut a = Mouth::of(A);
    let report = loop {
        a.speak(&mut room, 0, 1);
        if let Some(report) = room.reports(B).pop() {
            break read(&report.bytes);
        }
    };
    let last = room.heard(B).pop().unwrap().packet();
    let ahead = report.sender.unwrap().rtp_timestamp.wrapping_sub(last.timestamp) as i32;
    assert!((0..=160).contains(&ahead), "{ahead}");
}

#[test]
fn the_round_trip_is_measured_and_the_phones_loss_noted() {
    let mut room = Room::talking();
    let (mut a, mut b) = (Mouth::of(A), Mouth::of(B));
    let report = loop {
        a.speak(&mut room, 0, 1);
        b.speak(&mut room, 0, 1);
        if let Some(report) = room.reports(A).pop() {
            break read(&report.bytes);
        }
    };
    let middle = (report.sender.unwrap().ntp >> 16) as u32;
    room.pass(1060); // 1 s at the phone, 60 ms under way, and up to 20 since we wrote it
    let block = ReportBlock {
        ssrc: report.ssrc,
        lost: 5,
        jitter: 80,
        last_sender_report: middle,
        delay: 65_536,
        ..Default::default()
    };
    let bytes = report_of(&a, vec![block], &room);
    room.datagram(A, Component::Rtcp, phone_rtcp(A), bytes);
    let stats = room.bay.stats(A).unwrap();
    assert_eq!((stats.remote_lost, stats.remote_jitter_ms), (Some(5), Some(10.0)));
    assert!(stats.round_trip_ms.is_some_and(|ms| (55.0..110.0).contains(&ms)), "{stats:?}");
    a.speak(&mut room, 9, 1);
    assert!(!room.heard(B).is_empty(), "its BYE does not end the leg");
}

#[test]
fn strangers_reports_are_not_believed_and_get_no_answer() {
    for (from, believed) in [(phone_rtcp(A), true), (phone(A), false), ("203.0.113.66:6001".parse().unwrap(), false)] {
        let mut room = Room::talking();
        let mut a = Mouth::of(A);
        a.speak(&mut room, 0, 2);
        Mouth::of(B).speak(&mut room, 0, 2);
        let ours = room.heard(A)[0].packet().ssrc;
        let bytes = report_of(&a, vec![ReportBlock { ssrc: ours, lost: 99, ..Default::default() }], &room);
        room.datagram(A, Component::Rtcp, from, bytes);
        let stats = room.bay.stats(A).unwrap();
        assert_eq!((stats.remote_lost, stats.strangers), if believed { (Some(99), 0) } else { (None, 1) });
        room.pass(20_000);
        assert!(room.reports(A).iter().all(|sent| sent.to == phone_rtcp(A)));
    }
}

#[test]
fn behind_nat_reports_go_where_the_phones_own_came_from() {
    let nat = |port: u16| SocketAddr::from(([198, 51, 100, 7], port));
    let mut room = Room::talking();
    room.connect(A, |stream| stream.learn = Some(nat(0).ip()));
    let mut a = Mouth { from: nat(31_000), ..Mouth::of(A) };
    a.speak(&mut room, 0, 5);
    room.pass(10_000);
    assert!(room.reports(A).is_empty(), "the port above the learned one may be anybody's");
    let stranger = Mouth { ssrc: 0xbad, ..a.clone() };
    for (mouth, port) in [(&stranger, 40_000), (&a, 31_777), (&a, 40_001)] {
        let bytes = report_of(mouth, vec![], &room);
        room.datagram(A, Component::Rtcp, nat(port), bytes);
    }
    room.pass(10_000);
    let to: Vec<SocketAddr> = room.reports(A).iter().map(|sent| sent.to).collect();
    assert!(!to.is_empty() && to.iter().all(|to| *to == nat(31_777)), "{to:?}");
}

#[test]
fn rtp_and_rtcp_may_share_a_port() {
    let mut room = Room::talking();
    room.connect(A, |stream| stream.rtcp_mux = true);
    let mut a = Mouth::of(A);
    a.speak(&mut room, 0, 2);
    Mouth::of(B).speak(&mut room, 0, 2);
    let ours = room.heard(A)[0].packet().ssrc;
    let bytes = report_of(&a, vec![ReportBlock { ssrc: ours, lost: 3, ..Default::default() }], &room);
    room.datagram(A, Component::Rtp, phone(A), bytes);
    assert_eq!(room.bay.stats(A).unwrap().remote_lost, Some(3));
    room.pass(10_000);
    let reports = room.reports(A);
    assert!(!reports.is_empty());
    assert!(reports.iter().all(|sent| (sent.to, sent.component) == (phone(A), Component::Rtp)));
}

#[test]
fn a_leg_fallen_silent_is_told_once_a_silence() {
    let timeouts = |room: &mut Room| {
        let told = room.book.events.iter().filter(|event| **event == Event::Timeout { leg: A }).count();
        room.book.events.clear();
        told
    };
    let mut room = Room::new();
    room.connected(&[A]);
    room.pass(59_900);
    assert_eq!(timeouts(&mut room), 0);
    room.pass(100);
    assert_eq!(timeouts(&mut room), 1, "at the minute");
    room.pass(300_000);
    assert_eq!(timeouts(&mut room), 0, "and not again");
    let mut a = Mouth::of(A);
    a.speak(&mut room, 0, 1);
    room.pass(59_000);
    let bytes = report_of(&a, vec![], &room);
    room.datagram(A, Component::Rtcp, phone_rtcp(A), bytes);
    room.pass(59_000);
    assert_eq!(timeouts(&mut room), 0, "a report is a sign of life");
    room.datagram(A, Component::Rtp, "203.0.113.66:6000".parse().unwrap(), a.clone().next(&[0; 160]));
    room.pass(2_000);
    assert_eq!(timeouts(&mut room), 1, "a stranger is not");
    room.connect(A, |stream| stream.receives = false);
    room.pass(300_000);
    assert_eq!(timeouts(&mut room), 0, "on hold nothing is expected");
    room.connect(A, |_| {});
    room.pass(59_000);
    assert_eq!(timeouts(&mut room), 0);
    room.pass(2_000);
    assert_eq!(timeouts(&mut room), 1);
}

#[test]
fn a_leg_that_should_be_heard_and_is_not_is_told_of_once() {
    let told = |room: &Room| {
        let one_way = |event: &&Event| matches!(event, Event::OneWay { .. });
        room.book.events.iter().filter(one_way).count()
    };
    let mut room = Room::talking();
    let mut b = Mouth::of(B);
    (0..3).for_each(|_| b.speak(&mut room, 0, 166)); // 9.96 s
    assert_eq!(told(&room), 0, "not yet ten seconds");
    (0..3).for_each(|_| b.speak(&mut room, 0, 166));
    assert_eq!(told(&room), 1);
    assert!(room.book.events.contains(&Event::OneWay { leg: A }));
    assert!(room.bay.stats(A).unwrap().one_way && !room.bay.stats(B).unwrap().one_way);
    // On hold nothing is expected of it.
    let mut room = Room::new();
    room.open(A);
    room.connect(A, |stream| stream.sends = false);
    room.pass(30_000);
    assert_eq!(told(&room), 0);
}

#[test]
fn how_both_ways_sound_is_estimated() {
    let mut room = Room::talking();
    let (mut a, mut b) = (Mouth::of(A), Mouth::of(B));
    for n in 0..500 {
        if n % 10 == 0 {
            a.sequence = a.sequence.wrapping_add(1); // lost on the way
        }
        a.speak(&mut room, 0, 1);
        b.speak(&mut room, 0, 1);
    }
    let (of_a, of_b) = (room.bay.stats(A).unwrap(), room.bay.stats(B).unwrap());
    assert!(of_a.mos.is_some_and(|mos| (3.2..3.7).contains(&mos)), "a tenth lost: {:?}", of_a.mos);
    assert!(of_b.mos.is_some_and(|mos| mos > 4.3), "nothing lost: {:?}", of_b.mos);
    assert_eq!(of_a.remote_mos, None, "its phone has not reported");
    let ours = room.heard(A).pop().unwrap().packet().ssrc;
    let block = ReportBlock { ssrc: ours, lost: 50, jitter: 80, ..Default::default() };
    let bytes = report_of(&a, vec![block], &room);
    room.datagram(A, Component::Rtcp, phone_rtcp(A), bytes);
    let of_a = room.bay.stats(A).unwrap();
    assert!(of_a.remote_mos.is_some_and(|mos| (3.2..3.7).contains(&mos)), "{:?}", of_a.remote_mos);
}

#[test]
fn a_patchbay_with_nothing_to_do_sleeps() {
    let mut room = Room::new();
    assert_eq!(room.bay.deadline(), None);
    room.open(A);
    assert_eq!(room.bay.deadline(), None);
    room.connect(A, |_| {});
    assert!(room.bay.deadline().is_some());
    room.tell(Command::Close { leg: A });
    room.pass(600_000);
    assert_eq!(room.bay.deadline(), None);
    assert!(room.reports(A).is_empty());
}

#[test]
fn how_it_sounds_is_told_while_it_does() {
    let mut room = Room::talking();
    let (mut a, mut b) = (Mouth::of(A), Mouth::of(B));
    // The latest score of what A says, and of what it says it hears.
    let scores = |room: &mut Room| {
        room.book.events.drain(..).rev().find_map(|event| match event {
            Event::Sounds { leg: A, mos, remote_mos } => Some((mos, remote_mos)),
            _ => None,
        })
    };
    let talk = |a: &mut Mouth, b: &mut Mouth, room: &mut Room, lost: u8| {
        for n in 0..20 {
            if n < lost {
                drop(a.next(&[n; 160])); // on its way to us
            } else {
                a.say(room, &[n; 160]);
            }
            b.say(room, &[n; 160]);
            room.pass(20);
        }
    };
    (0..40).for_each(|_| talk(&mut a, &mut b, &mut room, 0));
    assert_eq!(scores(&mut room), Some((Some(4.4), None)));
    (0..40).for_each(|_| talk(&mut a, &mut b, &mut room, 0));
    assert_eq!(scores(&mut room), None, "what stays as it is needs no telling");
    (0..40).for_each(|_| talk(&mut a, &mut b, &mut room, 2));
    let bad = scores(&mut room).and_then(|(mos, _)| mos);
    assert!(bad.is_some_and(|mos| (3.0..3.7).contains(&mos)), "{bad:?}");
    let ours = room.heard(A)[0].packet().ssrc;
    let block = ReportBlock { ssrc: ours, lost: 600, jitter: 8, ..Default::default() };
    let bytes = report_of(&a, vec![block], &room);
    room.datagram(A, Component::Rtcp, phone_rtcp(A), bytes);
    (0..40).for_each(|_| talk(&mut a, &mut b, &mut room, 0));
    let (mos, remote_mos) = scores(&mut room).expect("it is well again, and there it is not");
    assert_eq!(mos, Some(4.4));
    assert!(remote_mos.is_some_and(|mos| mos < 3.0), "{remote_mos:?}");
}
