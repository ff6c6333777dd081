//! RTP, RTCP and telephone-events of a stranger.
#![no_main]

use base::Time;
use libfuzzer_sys::fuzz_target;
use rtp::event::{Detector, Event};
use rtp::rtcp::Compound;
use rtp::{Packet, is_rtcp, rewrite};

fuzz_target!(|data: &[u8]| {
    is_rtcp(data);
    if let Ok(compound) = Compound::read(data) {
        compound.block_about(1);
        compound
            .blocks
            .iter()
            .for_each(|block| assert!(block.round_trip(Time::from_millis(5)).is_none_or(|time| time.as_secs() < 3600)));
        let _ = Compound::read(&compound.to_bytes());
    }
    Event::read(data);
    let mut detector = Detector::new();
    for datagram in data.chunks(64) {
        let Ok(packet) = Packet::read(datagram) else { continue };
        let payload = &datagram[packet.payload.clone()];
        let mut copy = datagram.to_vec();
        assert!(rewrite(&mut copy, 8, 7, 6, 5, true), "what is read can be rewritten");
        detector.receive(&packet, payload);
    }
});
