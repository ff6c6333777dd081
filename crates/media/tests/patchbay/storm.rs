//! Anything in any order: the laws of the patchbay.

use std::collections::HashMap;
use std::net::SocketAddr;

use audio::{Codec, Sound};
use base::LegId;
use media::{Command, Component, Event};
use proptest::prelude::*;

use crate::room::{Mouth, Room, phone, phone_rtcp};

#[derive(Clone, Debug)]
enum Step {
    Open(u64),
    Close(u64),
    Connect { leg: u64, pcma: bool, mux: bool, sends: bool, receives: bool },
    Wire(u64, u64),
    Unwire(u64, u64),
    Play { leg: u64, samples: usize, repeat: bool },
    Stop(u64),
    Tap(u64),
    Untap(u64),
    Speak { leg: u64, skip: u16, pcma: bool },
    Restart { leg: u64, ssrc: u32 },
    Key { leg: u64, end: bool, marker: bool },
    Junk { leg: u64, rtcp: bool, own: bool, bytes: Vec<u8> },
    Pass(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let leg = || 1..5_u64;
    prop_oneof![
        2 => leg().prop_map(Step::Open),
        1 => leg().prop_map(Step::Close),
        3 => (leg(), any::<[bool; 4]>())
            .prop_map(|(leg, [pcma, mux, sends, receives])| Step::Connect { leg, pcma, mux, sends, receives }),
        4 => (leg(), leg()).prop_map(|(from, to)| Step::Wire(from, to)),
        1 => (leg(), leg()).prop_map(|(from, to)| Step::Unwire(from, to)),
        1 => (leg(), 0..1000_usize, any::<bool>())
            .prop_map(|(leg, samples, repeat)| Step::Play { leg, samples, repeat }),
        1 => leg().prop_map(Step::Stop),
        1 => leg().prop_map(Step::Tap),
        1 => leg().prop_map(Step::Untap),
        20 => (leg(), 0..3_u16, any::<bool>()).prop_map(|(leg, skip, pcma)| Step::Speak { leg, skip, pcma }),
        1 => (leg(), any::<u32>()).prop_map(|(leg, ssrc)| Step::Restart { leg, ssrc }),
        2 => (leg(), any::<bool>(), any::<bool>()).prop_map(|(leg, end, marker)| Step::Key { leg, end, marker }),
        2 => (leg(), any::<bool>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 0..64))
            .prop_map(|(leg, rtcp, own, bytes)| Step::Junk { leg, rtcp, own, bytes }),
        8 => (0..60_u64).prop_map(Step::Pass),
        1 => (0..70_000_u64).prop_map(Step::Pass),
    ]
}

fn conf(room: &mut Room, leg: LegId, pcma: bool, mux: bool, sends: bool, receives: bool) {
    room.connect(leg, |stream| {
        if pcma {
            (stream.codec, stream.payload_type) = (Codec::Pcma, 8);
        }
        (stream.rtcp_mux, stream.sends, stream.receives) = (mux, sends, receives);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_laws_hold(steps in proptest::collection::vec(any_step(), 1..150)) {
        let mut room = Room::new();
        room.connected(&[LegId(1), LegId(2)]);
        let mut mouths: Vec<Mouth> = (0..5).map(|leg| Mouth::of(LegId(leg))).collect();
        let (mut opened, mut closed) = (2_usize, 0_usize);
        let mut streams: HashMap<LegId, (u32, u16)> = HashMap::new(); // SSRC and furthest sequence sent to each
        for step in steps {
            match step {
                Step::Open(leg) => {
                    opened += usize::from(room.bay.place(LegId(leg)).is_none());
                    room.open(LegId(leg));
                }
                Step::Close(leg) => {
                    room.tell(Command::Close { leg: LegId(leg) });
                    room.book.sent.retain(|sent| sent.leg != LegId(leg));
                    streams.remove(&LegId(leg));
                }
                Step::Connect { leg, pcma, mux, sends, receives } => {
                    conf(&mut room, LegId(leg), pcma, mux, sends, receives);
                }
                Step::Wire(from, to) => room.tell(Command::Wire { from: LegId(from), to: LegId(to) }),
                Step::Unwire(from, to) => room.tell(Command::Unwire { from: LegId(from), to: LegId(to) }),
                Step::Play { leg, samples, repeat } => {
                    room.play(LegId(leg), 1, &Sound::from_pcm(vec![0; samples]), repeat);
                }
                Step::Stop(leg) => room.tell(Command::Stop { leg: LegId(leg) }),
                Step::Tap(leg) => room.tap(LegId(leg)),
                Step::Untap(leg) => room.tell(Command::Untap { leg: LegId(leg) }),
                Step::Speak { leg, skip, pcma } => {
                    let mouth = &mut mouths[leg as usize];
                    mouth.sequence = mouth.sequence.wrapping_add(skip);
                    mouth.timestamp = mouth.timestamp.wrapping_add(u32::from(skip) * 160);
                    mouth.payload_type = if pcma { 8 } else { 0 };
                    mouth.say(&mut room, &[1; 160]);
                }
                Step::Restart { leg, ssrc } => mouths[leg as usize].ssrc = ssrc,
                Step::Key { leg, end, marker } => mouths[leg as usize].key(&mut room, '5', 320, end, marker),
                Step::Junk { leg, rtcp, own, bytes } => {
                    let leg = LegId(leg);
                    let from: SocketAddr = if own { phone(leg) } else { "203.0.113.66:6000".parse().unwrap() };
                    room.datagram(leg, if rtcp { Component::Rtcp } else { Component::Rtp }, from, bytes);
                }
                Step::Pass(ms) => room.pass(ms),
            }
            for sent in room.book.sent.drain(..) {
                prop_assert!([phone(sent.leg), phone_rtcp(sent.leg)].contains(&sent.to), "sent to {}", sent.to);
                if rtp::is_rtcp(&sent.bytes) {
                    continue;
                }
                let packet = sent.packet();
                let (ssrc, highest) = *streams.entry(sent.leg).or_insert((packet.ssrc, packet.sequence.wrapping_sub(1)));
                prop_assert_eq!(packet.ssrc, ssrc, "one SSRC for life");
                let ahead = packet.sequence.wrapping_sub(highest) as i16;
                prop_assert!(ahead > 0, "the input is in order, so is the output; {ahead}");
                streams.insert(sent.leg, (ssrc, packet.sequence));
            }
            closed += room.book.events.drain(..).filter(|event| matches!(event, Event::Closed { .. })).count();
            prop_assert_eq!(room.bay.legs(), opened - closed);
            let mut lengths = room.book.clips.drain(..).map(|(_, clip)| clip.payload.len());
            prop_assert!(lengths.all(|length| (1..=4000).contains(&length)));
        }
        room.bay.close_all(&mut room.book);
        prop_assert_eq!(room.bay.legs(), 0);
    }
}
