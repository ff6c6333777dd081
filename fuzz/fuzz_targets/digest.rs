//! Authorization headers judged, and challenges answered, whatever they say.
#![no_main]

use base::Time;
use libfuzzer_sys::fuzz_target;
use sip::digest::{Credentials, Ha1, Nonces, Verdict, respond};

fuzz_target!(|text: &str| {
    let source = "192.0.2.7".parse().expect("an address");
    let mut nonces = Nonces::new("centre", [7; 32], 16);
    let ha1 = |user: &str| (user == "ann").then(|| Ha1::of("ann", "centre", "secret"));
    let verdict = nonces.check([text], "REGISTER", "sip:centre", source, Time::from_millis(1), ha1);
    assert!(!matches!(verdict, Verdict::Granted { .. }), "nobody guesses a nonce and its answer");
    let credentials = Credentials { user: "ann".to_owned(), password: "secret".to_owned(), realm: None };
    if let Some(answer) = respond(text, &credentials, "INVITE", "sip:1@carrier", 1, "0123456789abcdef") {
        assert!(!answer.contains(['\r', '\n']), "an answer stays one line");
    }
});
