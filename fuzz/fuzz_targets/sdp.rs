//! Descriptions are read, printed, answered and accepted, whatever they say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sdp::{Direction, Format, Local, Session};

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
    };
    if let Ok((answer, _)) = sdp::answer(data, &local) {
        assert!(Session::parse(answer.as_bytes()).is_ok(), "{answer}");
    }
    let _ = sdp::accept(data, &local);
    sdp::formats(data);
});
