//! Secured legs hear anything: a browser's leg checks, handshakes and media, a phone's with keys packets sealed with none.
//! Nothing goes to a stranger, nothing unsealed goes on, nothing panics.
#![no_main]

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use base::{LegId, Random, RecordingId, Time};
use libfuzzer_sys::fuzz_target;
use media::{
    Channel, Command, Component, DtlsConf, Event, Exit, Identity, MasterKey, MediaLimits, Patchbay, Place, Security,
    StreamConf, Suite,
};

#[derive(Default)]
struct Sent(Vec<(LegId, SocketAddr, u8)>);

impl Exit for Sent {
    fn send(&mut self, from: Place, _component: Component, to: SocketAddr, bytes: &[u8]) {
        self.0.push((from.leg, to, bytes.first().copied().unwrap_or_default()));
    }
    fn event(&mut self, _event: Event) {}
    fn tapped(&mut self, _recording: RecordingId, _channel: Channel, _clip: audio::Clip) {}
}

static IDENTITY: LazyLock<Arc<Identity>> = LazyLock::new(|| {
    let pair = |_| {
        let made = rcgen::generate_simple_self_signed(["fuzz.invalid".to_owned()]).expect("a certificate");
        (made.cert.der().to_vec(), made.signing_key.serialize_der())
    };
    Arc::new(Identity::new([0, 1].map(pair), Instant::now()))
});

const PAGE: LegId = LegId(1);
const PHONE: LegId = LegId(2);

fuzz_target!(|data: &[u8]| {
    let mut bay = Patchbay::new(MediaLimits::default(), Random::numbered(7)).with_identity(IDENTITY.clone());
    let (mut now, mut exit) = (Time::from_millis(1000), Sent::default());
    let party = |leg: LegId| SocketAddr::from(([192, 0, 2, 7], 4000 + 2 * leg.0 as u16));
    let stranger = SocketAddr::from(([203, 0, 113, 66], 4000));
    let suite = Suite::ALL[usize::from(data.first().copied().unwrap_or_default()) % Suite::ALL.len()];
    let key = |fill| MasterKey::new(suite, &vec![fill; suite.key_bytes() + suite.salt_bytes()]).expect("its length");
    let browser = DtlsConf {
        fingerprint: vec![7; 32],
        certificate: 0,
        active: data.get(1).is_some_and(|byte| byte & 1 == 1),
        ufrag: "evtj".into(),
        password: "VOkJxbRl1RmTxUk/WvJxBt".into(), // RFC 5769's, so that its check is a check here
        remote_ufrag: "h6vY".into(),
    };
    for (leg, remote, security) in [
        (PAGE, ([0, 0, 0, 0], 9).into(), Security::Dtls(Box::new(browser))),
        (PHONE, party(PHONE), Security::Keys { ours: key(1), theirs: key(2) }),
    ] {
        bay.command(Command::Open { leg, local: ([192, 0, 2, 1], 16_384 + 4 * leg.0 as u16).into() }, now, &mut exit);
        let stream = StreamConf {
            remote,
            remote_rtcp: remote,
            rtcp_mux: leg == PAGE,
            codec: audio::Codec::Pcmu,
            payload_type: 0,
            telephone_event: Some(101),
            telephone_event_rate: 8000,
            ptime_ms: 20,
            sends: true,
            receives: true,
            learn: None,
            security,
        };
        bay.command(Command::Connect { leg, stream: Box::new(stream) }, now, &mut exit);
    }
    bay.command(Command::Wire { from: PAGE, to: PHONE }, now, &mut exit);
    bay.command(Command::Wire { from: PHONE, to: PAGE }, now, &mut exit);
    for chunk in data.chunks(200).take(64) {
        let Some((how, datagram)) = chunk.split_first() else { continue };
        let leg = if how & 1 == 0 { PAGE } else { PHONE };
        let from = if how & 2 == 0 { party(leg) } else { stranger };
        let component = if how & 4 == 0 { Component::Rtp } else { Component::Rtcp };
        let mut bytes = datagram.to_vec();
        bay.packet(leg, component, from, &mut bytes, now, &mut exit);
        now += Duration::from_millis(u64::from(how >> 3));
        bay.tick(now, &mut exit);
    }
    // A check with the password may be answered wherever it comes from; nothing else may.
    assert!(exit.0.iter().all(|(_, to, first)| *to != stranger || *first < 4), "a stranger was sent something");
});
