//! What a bad network does to sound, and what is made good: to the sample.

use std::time::Duration;

use base::Random;
use bytes::Bytes;
use media::{Command, Component};
use sim::network::{Datagram, Input as NetworkInput};
use sim::{Network, NetworkConf};

use crate::room::{A, B, C, Mouth, Room, phone};

/// 20 ms of PCMU.
type Frame = [u8; 160];

const FRAMES: usize = 500;

/// Frames that are like no others, in codewords that stand for themselves when they are decoded and encoded.
fn said(seed: u64) -> Vec<Frame> {
    let mut random = Random::numbered(seed);
    let mut codeword = || 0x10 + random.below(0x60) as u8 + 0x80 * random.below(2) as u8;
    (0..FRAMES).map(|_| std::array::from_fn(|_| codeword())).collect()
}

/// A says all its frames over this network. Which of them came to us, by their numbers, as they came.
fn speak(room: &mut Room, said: &[Frame], conf: NetworkConf, seed: u64) -> Vec<usize> {
    let mut network = Network::new(conf, Random::numbered(seed));
    let mut mouth = Mouth { sequence: 0, ..Mouth::of(A) };
    let (mut came, mut arrived) = (Vec::new(), Vec::new());
    let began = room.now;
    for n in 0..said.len() + 20 {
        let at = began + Duration::from_millis(20 * n as u64);
        while let Some(due) = network.deadline().filter(|due| *due <= at) {
            room.pass(due.since(room.now).as_nanos() as u64 / 1_000_000);
            network.handle(NetworkInput::Tick, due.max(room.now), &mut arrived);
            deliver(room, &mut arrived, &mut came);
        }
        room.pass(at.since(room.now).as_nanos() as u64 / 1_000_000);
        if let Some(frame) = said.get(n) {
            let bytes = Bytes::from(mouth.next(frame));
            let datagram = Datagram { from: phone(A), to: phone(A), bytes };
            network.handle(NetworkInput::Sent(datagram), at, &mut arrived);
            deliver(room, &mut arrived, &mut came);
        }
    }
    came
}

fn deliver(room: &mut Room, arrived: &mut Vec<Datagram>, came: &mut Vec<usize>) {
    for datagram in arrived.drain(..) {
        came.push(usize::from(rtp::Packet::read(&datagram.bytes).expect("RTP").sequence));
        room.datagram(A, Component::Rtp, datagram.from, datagram.bytes.to_vec());
    }
}

fn bad(jitter_ms: u64, lost_permille: u16, lost_in_a_row: u16, doubled_permille: u16) -> NetworkConf {
    let jitter = Duration::from_millis(jitter_ms);
    NetworkConf { delay: Duration::from_millis(5), jitter, lost_permille, lost_in_a_row, doubled_permille }
}

#[test]
fn what_is_relayed_keeps_its_samples_and_their_places() {
    for (seed, conf) in
        [bad(0, 0, 1, 0), bad(60, 0, 1, 0), bad(0, 50, 4, 0), bad(90, 80, 5, 100)].into_iter().enumerate()
    {
        let (mut room, said) = (Room::talking(), said(seed as u64));
        let came = speak(&mut room, &said, conf, seed as u64);
        let heard = room.heard(B);
        assert!(heard.len() <= came.len() && heard.len() >= came.len() * 9 / 10, "{} of {}", heard.len(), came.len());
        let first = (heard[0].packet(), said.iter().position(|frame| frame == heard[0].payload()).expect("said"));
        for packet in &heard {
            let n = said.iter().position(|frame| frame == packet.payload()).expect("to the sample");
            let since = packet.packet().timestamp.wrapping_sub(first.0.timestamp) as i32;
            assert_eq!(since, (n as i32 - first.1 as i32) * 160, "frame {n} is where it was said");
            let number = packet.packet().sequence.wrapping_sub(first.0.sequence) as i16;
            assert_eq!(i32::from(number), n as i32 - first.1 as i32, "frame {n} has its number");
        }
    }
}

/// A is heard by B in a mix with C, who is silent. What B hears, frame by frame, by the numbers of what A said; `None` is
/// a frame that is none of A's.
fn mixed(said: &[Frame], conf: NetworkConf, seed: u64) -> (Vec<usize>, Vec<Option<usize>>) {
    let mut room = Room::new();
    room.connected(&[A, B, C]);
    for (from, to) in [(A, B), (C, B), (A, C), (B, A), (C, A)] {
        room.tell(Command::Wire { from, to });
    }
    let came = speak(&mut room, said, conf, seed);
    let heard = room.heard(B);
    let steps = heard.windows(2).map(|pair| (pair[0].packet(), pair[1].packet()));
    steps.enumerate().for_each(|(n, (one, next))| {
        assert_eq!(next.sequence.wrapping_sub(one.sequence), 1, "packet {n}");
        assert_eq!(next.timestamp.wrapping_sub(one.timestamp), 160, "packet {n}");
    });
    // The first 5 ms after a loss grow out of what was made up: a frame is known by the rest.
    let number = |payload: &[u8]| said.iter().position(|frame| frame[40..] == payload[40..]);
    (came, heard.iter().map(|packet| number(packet.payload())).collect())
}

#[test]
fn what_is_mixed_over_a_network_that_sways_less_than_a_packet_is_whole() {
    for (seed, conf) in [bad(0, 0, 1, 0), bad(15, 0, 1, 0), bad(15, 0, 1, 200)].into_iter().enumerate() {
        let said = said(seed as u64);
        let (_, heard) = mixed(&said, conf, seed as u64);
        let begins = heard.iter().position(Option::is_some).expect("it is heard");
        let expected: Vec<Option<usize>> = (0..FRAMES).map(Some).collect();
        assert_eq!(
            heard[begins..begins + FRAMES],
            expected,
            "{conf:?}: each frame once, in its order, and nothing else"
        );
    }
}

#[test]
fn what_is_lost_leaves_all_else_in_its_place() {
    for seed in 0..10 {
        let said = said(seed);
        let (came, heard) = mixed(&said, bad(10, 30, 3, 20), seed);
        let begins = heard.iter().position(Option::is_some).expect("it is heard");
        let first = heard[begins].expect("a frame");
        for n in first..FRAMES {
            let expected = came.contains(&n).then_some(n);
            assert_eq!(heard[begins + n - first], expected, "seed {seed}: frame {n}");
        }
        assert!(came.len() < FRAMES, "something was lost");
    }
}

#[test]
fn a_network_that_reorders_is_waited_for_and_then_heard_whole() {
    for seed in 0..5 {
        let said = said(seed);
        let (came, heard) = mixed(&said, bad(60, 0, 1, 50), seed);
        assert!(!came.is_sorted());
        let numbers: Vec<usize> = heard.iter().copied().flatten().collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "seed {seed}: none twice, none before its turn");
        let learnt = numbers.iter().filter(|n| **n >= 150).count();
        assert!(learnt * 100 >= (FRAMES - 150) * 98, "seed {seed}: {learnt} of {} once it is known", FRAMES - 150);
    }
}
