//! Descriptions are read, printed, answered and accepted, whatever they say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sdp::{Crypto, Direction, Dtls, Format, Local, Security, Session, Srtp};

fuzz_target!(|data: &[u8]| {
    if let Ok(session) = Session::parse(data) {
        let printed = session.to_string();
        let again = Session::parse(printed.as_bytes()).map(|again| again.to_string());
        assert_eq!(again.as_ref(), Ok(&printed));
    }
    let local = Local {
        address: ([192, 0, 2, 1], 4000).into(),
        session_id: 1,
        version: 1,
        codecs: vec![Format::pcma(), Format::pcmu()],
        ptime_ms: 20,
        direction: Direction::SendRecv,
        // Everything may be agreed on: keys of two kinds, and a browser's handshake.
        security: Security {
            srtp: Srtp::Preferred,
            keys: vec![
                Crypto { tag: 1, suite: "AES_CM_128_HMAC_SHA1_80".into(), key: vec![7; 30], mki_bytes: 0 },
                Crypto { tag: 2, suite: "AEAD_AES_256_GCM".into(), key: vec![7; 44], mki_bytes: 0 },
            ],
            dtls: Some(Dtls {
                fingerprint: ["AB"; 32].join(":"),
                ufrag: "ours".into(),
                password: "a password that is long".into(),
                active: false,
                mid: "0".into(),
            }),
            ..Security::default()
        },
    };
    if let Ok((answer, _)) = sdp::answer(data, &local) {
        assert!(Session::parse(answer.as_bytes()).is_ok(), "{answer}");
    }
    let _ = sdp::accept(data, &local);
    sdp::formats(data);
});
