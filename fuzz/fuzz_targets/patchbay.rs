//! A patchbay hears anything from a stranger and from a party of a call: nothing of the stranger's goes on, nothing panics.
#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use base::{LegId, Random, RecordingId, Time};
use libfuzzer_sys::fuzz_target;
use media::{Channel, Command, Component, Event, Exit, MediaLimits, Patchbay, Place, Security, StreamConf};

#[derive(Default)]
struct Sent(Vec<SocketAddr>);

impl Exit for Sent {
    fn send(&mut self, _from: Place, _component: Component, to: SocketAddr, _bytes: &[u8]) {
        self.0.push(to);
    }
    fn event(&mut self, _event: Event) {}
    fn tapped(&mut self, _recording: RecordingId, _channel: Channel, _clip: audio::Clip) {}
}

fuzz_target!(|data: &[u8]| {
    let mut bay = Patchbay::new(MediaLimits::default(), Random::numbered(7));
    let (mut now, mut exit) = (Time::from_millis(1000), Sent::default());
    let party = |leg: LegId| SocketAddr::from(([192, 0, 2, 7], 4000 + 2 * leg.0 as u16));
    let stranger = SocketAddr::from(([203, 0, 113, 66], 4000));
    for leg in [LegId(1), LegId(2)] {
        bay.command(Command::Open { leg, local: ([192, 0, 2, 1], 16_384 + 4 * leg.0 as u16).into() }, now, &mut exit);
        let codec = if data.first().is_some_and(|byte| byte & leg.0 as u8 != 0) {
            audio::Codec::Pcma
        } else {
            audio::Codec::Pcmu
        };
        let stream = StreamConf {
            remote: party(leg),
            remote_rtcp: party(leg),
            rtcp_mux: false,
            codec,
            payload_type: codec.payload_type(),
            telephone_event: Some(101),
            telephone_event_rate: 8000,
            ptime_ms: 20,
            sends: true,
            receives: true,
            learn: None,
            security: Security::Open,
        };
        bay.command(Command::Connect { leg, stream: Box::new(stream) }, now, &mut exit);
    }
    bay.command(Command::Wire { from: LegId(1), to: LegId(2) }, now, &mut exit);
    bay.command(Command::Wire { from: LegId(2), to: LegId(1) }, now, &mut exit);
    for chunk in data.chunks(200).take(64) {
        let Some((how, datagram)) = chunk.split_first() else { continue };
        let leg = LegId(u64::from(how & 1) + 1);
        let from = if how & 2 == 0 { party(leg) } else { stranger };
        let component = if how & 4 == 0 { Component::Rtp } else { Component::Rtcp };
        let mut bytes = datagram.to_vec();
        bay.packet(leg, component, from, &mut bytes, now, &mut exit);
        now += Duration::from_millis(u64::from(how >> 3));
        bay.tick(now, &mut exit);
    }
    assert!(!exit.0.contains(&stranger), "a stranger was sent something");
});
