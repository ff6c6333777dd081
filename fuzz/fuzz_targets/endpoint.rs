//! A whole endpoint hears strangers, a phone and a carrier say anything in any order: it never panics, answers no more than
//! it is asked, and keeps within its limits.
#![no_main]

use std::time::Duration;

use base::{Random, Time};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip::digest::Ha1;
use sip::{Account, Endpoint, Flow, Input, Output, Peer, SipConf, Transport};

fuzz_target!(|data: &[u8]| {
    let account = Account { ha1: Ha1::of("ann", "centre", "secret"), algorithms: Vec::new() };
    let carrier = Peer {
        name: "carrier".to_owned(),
        addresses: vec!["198.51.100.1".parse().expect("an address")],
        by_certificate: false,
        port: None,
        line: None,
        credentials: None,
    };
    let conf = SipConf {
        realm: "centre".to_owned(),
        accounts: [("ann".to_owned(), account)].into(),
        trunks: vec![carrier],
        ..SipConf::default()
    };
    let mut endpoint = Endpoint::new(conf, Random::numbered(1));
    let (mut now, mut out) = (Time::from_millis(1000), Vec::new());
    // Messages stand apart by a line of our own; its first byte says from whom they are and what passes before them.
    for part in split(data) {
        let Some((how, message)) = part.split_first() else { continue };
        let remote = if how & 1 == 0 { "198.51.100.1:5060" } else { "192.0.2.7:5062" };
        let (transport, connection) = if how & 2 == 0 { (Transport::Udp, 0) } else { (Transport::Tcp, 1) };
        let local = "192.0.2.1:5060".parse().expect("an address");
        let flow = Flow { transport, local, remote: remote.parse().expect("an address"), connection };
        let bytes = Bytes::copy_from_slice(message);
        out.clear();
        match how >> 2 & 3 {
            0 => endpoint.handle(Input::Late { flow, bytes }, now, &mut out),
            1 => endpoint.handle(Input::Closed { connection: 1 }, now, &mut out),
            _ => endpoint.handle(Input::Received { flow, bytes }, now, &mut out),
        }
        let sent = out.iter().filter(|output| matches!(output, Output::Send { .. })).count();
        assert!(sent <= 4, "one message, {sent} answers");
        now += Duration::from_millis(u64::from(*how) * 10);
        while endpoint.deadline().is_some_and(|at| at <= now) {
            out.clear();
            endpoint.handle(Input::Tick, now, &mut out);
        }
    }
    assert!(endpoint.legs() <= 64 && endpoint.transactions() <= 256);
});

fn split(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (part, after) = match rest.windows(5).position(|window| window == b"\n~~~\n") {
            _ if rest.is_empty() => return None,
            Some(at) => (&rest[..at], &rest[at + 5..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        Some(part)
    })
    .take(32)
}
