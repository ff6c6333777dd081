//! Whatever bytes come, in whatever order, nothing breaks and nothing stays.

mod desk;

use base::Random;
use bytes::Bytes;
use desk::*;
use sip::{Event, Input, Output};

/// All that phones say in some calls and registrations.
fn spoken() -> Vec<Bytes> {
    let mut desk = Desk::new();
    let (caller, callee) = (Phone::new("101", udp(at(5062))), Phone::new("102", udp(at(5070))));
    desk.register("101", caller.flow);
    let call = desk.bridged(&caller, &callee);
    desk.hung_up(&call, &caller, &callee);
    let (_, invite) = desk.incoming(&Phone::new("101", udp(at(5064))));
    desk.say(caller.flow, &invite.cancel().print());
    let spoken = desk.log.into_iter().filter_map(|(_, input)| match input {
        Input::Received { bytes, .. } => Some(bytes),
        _ => None,
    });
    spoken.collect()
}

fn spoil(random: &mut Random, bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(5) {
            0 => bytes[at] = random.bits() as u8,
            1 => bytes.truncate(at.max(1)),
            2 => drop(bytes.remove(at)),
            3 => bytes
                .splice(at..at, b"\r\n;=<>\",@ 0".iter().copied().skip(random.below(10) as usize).take(2))
                .for_each(drop),
            _ => {
                let piece: Vec<u8> = bytes[at..].iter().take(80).copied().collect();
                bytes.splice(at..at, piece);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes.into()
}

#[test]
fn spoilt_messages_break_nothing_and_leave_nothing() {
    let spoken = spoken();
    for seed in 0..40 {
        let mut random = Random::numbered(seed);
        let mut desk = Desk::new();
        let mut legs = Vec::new();
        for _ in 0..300 {
            let index = random.below(spoken.len() as u64) as usize;
            let bytes = spoil(&mut random, &spoken[index]);
            let flow = udp(if random.one_in(3) { trunk() } else { at(5062) });
            let mut out = Vec::new();
            desk.endpoint.handle(Input::Received { flow, bytes }, desk.now, &mut out);
            assert!(out.len() < 20, "seed {seed}: one message makes many: {out:?}");
            legs.extend(out.iter().filter_map(|output| match output {
                Output::Event(Event::Incoming(incoming)) => Some(incoming.leg),
                _ => None,
            }));
            desk.pass(random.below(50));
        }
        for leg in legs {
            desk.command(sip::Command::HangUp { leg, status: None });
        }
        desk.pass(300_000);
        assert_eq!((desk.endpoint.legs(), desk.endpoint.transactions()), (0, 0), "seed {seed}");
        desk.both();
        desk.register("102", udp(at(5099))); // the next good one is served
    }
}
