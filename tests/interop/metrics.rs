//! `GET /metrics` as Prometheus asks it: over the wire, while sipp's callers wait and talk.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::harness::ports;
use crate::harness::sipp::Party;
use crate::harness::until;
use crate::operate::operate;
use crate::queue_log::{centre_with_a_queue, log_in};

/// Says this on a connection of its own; all that comes back.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a door");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time above zero");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer); // a reset ends it, too
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

/// The value of a series, if it is there.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn what_happens_is_counted_and_what_stands_is_told() {
    let centre = centre_with_a_queue("metrics");
    let address = SocketAddr::from(([127, 0, 0, 1], ports::block(2)));
    centre.add_carrier();
    centre.add("switch.toml", &format!("\n[metrics]\nlisten = \"{address}\"\n"));
    let switch = centre.start();
    let (ann, bob) = (Party::new("ann"), Party::new("bob"));
    log_in(&bob, &centre, &switch);
    let answers = bob.expect("callee_answers", &centre.room, switch.address, &[]);
    let calls = ann.play("caller_talks", &centre.room, switch.address, "400", &[]);
    let series = |text: &str, name: &str| {
        value(text, &format!("centrala_{name}")).unwrap_or_else(|| panic!("no {name} in\n{text}"))
    };
    let during = until("a conversation", Duration::from_secs(5), || {
        let text = get(address, "/metrics");
        (series(&text, "queue_talking{queue=\"sales\"}") == 1.0).then_some(text)
    });
    for (name, wanted) in [
        ("calls", 1.0),
        ("phones", 1.0),
        ("agents{state=\"talking\"}", 1.0),
        ("agents{state=\"logged-out\"}", 1.0),
        ("queue_waiting{queue=\"sales\"}", 0.0),
        ("queue_agents{queue=\"sales\",are=\"logged-in\"}", 1.0),
        ("queue_entered_total{queue=\"sales\"}", 1.0),
        ("trunk_calls{trunk=\"carrier\",direction=\"in\"}", 0.0),
        ("journal_failing", 0.0),
    ] {
        assert_eq!(series(&during, name), wanted, "{name}");
    }
    calls.passes();
    answers.passes();
    let after = until("the end of it", Duration::from_secs(5), || {
        let text = get(address, "/metrics");
        (series(&text, "calls") == 0.0 && value(&text, "centrala_media_mos_count").is_some_and(|legs| legs >= 2.0))
            .then_some(text)
    });
    assert_eq!(series(&after, "queue_left_total{queue=\"sales\",outcome=\"answered\"}"), 1.0);
    assert_eq!(series(&after, "queue_talk_seconds_count{queue=\"sales\"}"), 1.0);
    assert_eq!(series(&after, "calls_ended_total{by=\"caller\"}"), 1.0, "{after}");
    assert!(series(&after, "media_packets_total{what=\"received\"}") > 100.0, "{after}");
    assert!(series(&after, "journal_entries_total") > 10.0);
    let (head, body) = after.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(
        body.ends_with("# EOF\n") && !body.contains("\"ann\"") && !body.contains("\"bob\""),
        "nobody's name is a label: {body}"
    );
    let (content, said) = operate(&centre, &["metrics"]);
    assert!(content && said.ends_with("# EOF\n"), "{said}");

    assert!(get(address, "/").starts_with("HTTP/1.1 404"));
    let post = format!("POST /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert!(ask(address, &post).starts_with("HTTP/1.1 405"));
    let huge = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    assert!(!ask(address, &huge).starts_with("HTTP/1.1 200"));
    assert!(get(address, "/metrics").starts_with("HTTP/1.1 200"), "and it still answers");
}
