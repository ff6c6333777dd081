//! Good calls while strangers flood the switch: the real program, real sockets, a bounded number of requests.
//!
//! `cargo test --release --test interop flood -- --ignored --nocapture` measures 15,000 requests a second for ten
//! seconds and prints the figures; the test that always runs sends fewer.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::sip::status;
use crate::harness::switch::{Centre, Switch};
use crate::operate::{Carrier, operate};

/// Sends so many a second, for so long, from one address; the answers are not read. Tells how many it sent.
fn flood(method: &str, switch: SocketAddr, a_second: u32, limit: Duration, stop: &AtomicBool) -> u32 {
    let socket = UdpSocket::bind("127.0.0.3:0").expect("a loopback address");
    let local = socket.local_addr().expect("bound");
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < limit && !stop.load(Ordering::Relaxed) {
        while f64::from(sent) < began.elapsed().as_secs_f64() * f64::from(a_second) {
            let request = format!(
                "{method} sip:600@{switch} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKflood{sent};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:{sent}@{switch}>;tag=f{sent}\r\nTo: <sip:{sent}@{switch}>\r\n\
                 Call-ID: flood-{sent}\r\nCSeq: 1 {method}\r\nContact: <sip:{local}>\r\nContent-Length: 0\r\n\r\n"
            );
            let _ = socket.send_to(request.as_bytes(), switch);
            sent += 1;
        }
        thread::sleep(Duration::from_millis(1));
    }
    sent
}

/// Resident memory in KiB, and CPU time in hundredths of a second.
fn weight(switch: &Switch) -> (u64, u64) {
    let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", switch.process.id())).unwrap_or_default();
    let status = of("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let resident = line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or_default();
    let stat = of("stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    (resident, ticks(11) + ticks(12))
}

/// Calls through the flood; each is answered, and hung up. Prints and returns the slowest twentieth's INVITE to 200, ms.
fn calls_during(method: &str, a_second: u32, secs: u64) -> f64 {
    let centre = Centre::new("flood");
    let mut carrier = Carrier::join(&centre);
    let switch = centre.start();
    let limit = Duration::from_secs(secs);
    let stop = AtomicBool::new(false);
    let mut times = Vec::new();
    let (before, began) = (weight(&switch), Instant::now());
    let sent = thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(method, switch.address, a_second, limit, &stop));
        thread::sleep(Duration::from_millis(300));
        while began.elapsed() < limit {
            let asked = Instant::now();
            let answer = carrier.dial("600");
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
            assert_eq!(status(&answer), Some(200), "a good call was not answered");
            assert_eq!(status(&carrier.hang_up(&answer)), Some(200));
            thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        flooding.join().expect("the flood ends")
    });
    let (after, lasted) = (weight(&switch), began.elapsed().as_secs_f64());
    times.sort_by(f64::total_cmp);
    let (p50, p95) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    println!(
        "{method}: {:.0} requests/s for {lasted:.1} s; {} good calls, all answered, INVITE to 200 median {p50:.1} ms, \
         p95 {p95:.1} ms; {:.2} cores; resident {} KiB -> {} KiB",
        f64::from(sent) / lasted,
        times.len(),
        (after.1 - before.1) as f64 / 100.0 / lasted,
        before.0,
        after.0,
    );
    let said = switch.process.said();
    assert_eq!(said.matches("a flood").count(), 1, "said once: {said}");
    assert!(operate(&centre, &["calls"]).0, "the operator is heard");
    p95
}

#[test]
fn good_calls_go_through_a_flood() {
    for method in ["REGISTER", "INVITE"] {
        calls_during(method, 3000, 3);
    }
}

#[test]
#[ignore = "takes the machine for half a minute: a measurement"]
fn measure_a_flood() {
    for method in ["REGISTER", "INVITE", "OPTIONS"] {
        assert!(calls_during(method, 15_000, 10) < 20.0, "the slowest twentieth waits for 20 ms or more");
    }
}
