//! Those who ask and never read the answers: they are cut, they cost a bounded amount, and nobody beside them notices.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::{Error, Message, client};

use crate::harness::sip::{Line, Version, anywhere, connect, secure};
use crate::harness::switch::{Centre, Switch};
use crate::harness::until;

/// Far longer than a deaf one is borne, on the slowest machine.
const LONG: Duration = Duration::from_secs(120);
/// More than all buffers of the system hold of answers.
const ASKED: usize = 600;
/// What all of the deaf may cost, with the messages that are kept to be looked at.
const COST_KIB_MAX: u64 = 100_000;

/// Says something, and does not listen.
type Says = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

fn by_tcp(switch: SocketAddr) -> Says {
    let mut tcp = deaf(switch);
    Box::new(move |bytes| tcp.write_all(bytes))
}

fn by_tls(switch: SocketAddr, certificate: &std::path::Path) -> Says {
    let mut tls = secure(anywhere(switch), switch, certificate, Version::Tls13).expect("a certificate we trust");
    tls.sock.set_write_timeout(Some(LONG)).expect("a time above zero");
    Box::new(move |bytes| tls.write_all(bytes).and_then(|()| tls.flush()))
}

fn by_web_socket(switch: SocketAddr) -> Says {
    let uri = format!("ws://{switch}/").parse().expect("a URI");
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("sip");
    let (mut socket, _) = client(request, deaf(switch)).expect("a WebSocket");
    Box::new(move |bytes| {
        socket.send(Message::binary(bytes.to_vec())).map_err(|why| match why {
            Error::Io(why) => why,
            other => io::Error::other(other),
        })
    })
}

fn deaf(switch: SocketAddr) -> TcpStream {
    let tcp = connect(anywhere(switch), switch);
    tcp.set_write_timeout(Some(LONG)).expect("a time above zero");
    tcp
}

/// A request whose answer is long: it repeats every Via (RFC 3261 §8.2.6.2).
fn request(transport: &str, number: usize) -> String {
    let more = "x".repeat(2_000);
    let vias: String =
        (0..10).map(|n| format!("Via: SIP/2.0/TCP 192.0.2.{n};branch=z9hG4bKv;more={more}\r\n")).collect();
    format!(
        "OPTIONS sip:centre SIP/2.0\r\nVia: SIP/2.0/{transport} deaf.invalid;branch=z9hG4bK{number}\r\n{vias}\
         Max-Forwards: 70\r\nFrom: <sip:deaf@centre>;tag=d\r\nTo: <sip:centre>\r\nCall-ID: deaf-{number}\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Asks much and then now and then, until it is cut.
fn asks_until_cut(transport: &str, mut says: Says) {
    let mut number = 0;
    until("an end of who does not listen", LONG, || {
        number += 1;
        // Not so fast that they are a flood besides.
        thread::sleep(Duration::from_millis(if number > ASKED { 100 } else { 10 }));
        says(request(transport, number).as_bytes()).err()
    });
    assert!(number > 1, "it was taken, and cut later");
}

fn descriptors(switch: &Switch) -> usize {
    fs::read_dir(format!("/proc/{}/fd", switch.process.id())).expect("Linux tells of processes").count()
}

fn centre(name: &str) -> Centre {
    let centre = Centre::new(name);
    // They are to be cut for being deaf, not dropped for being many.
    centre.add("switch.toml", "\n[security]\nrequests_per_source = 0\nrequests_of_strangers = 0\n");
    centre
}

#[test]
fn who_does_not_read_is_cut_and_harms_nobody() {
    let centre = centre("deaf");
    let tls = centre.listen_tls();
    let (ws, _) = centre.listen_web();
    let switch = centre.start();
    let certificate = centre.conf().join("tls/cert.pem");
    let mut good = [Line::udp(anywhere(switch.address), switch.address), Line::tcp(switch.address)];
    // From then on every thread of the switch has what it needs.
    good.iter_mut().for_each(|line| assert!(line.is_answered(LONG)));
    let before = (switch.process.resident_kib(), descriptors(&switch));
    let open: Vec<(&str, Says)> = vec![
        ("TCP", by_tcp(switch.address)),
        ("TCP", by_tcp(switch.address)),
        ("TLS", by_tls(tls, &certificate)),
        ("WS", by_web_socket(ws)),
    ];
    thread::scope(|scope| {
        let deaf: Vec<_> =
            open.into_iter().map(|(kind, says)| scope.spawn(move || asks_until_cut(kind, says))).collect();
        while deaf.iter().any(|deaf| !deaf.is_finished()) {
            for line in &mut good {
                // One may be told to come later, by a busy machine; the connection stands.
                until("answers to others", LONG, || line.is_answered(Duration::from_secs(5)).then_some(()));
            }
            thread::sleep(Duration::from_millis(100));
        }
        deaf.into_iter().for_each(|deaf| deaf.join().expect("it was cut"));
    });
    until("their descriptors", LONG, || (descriptors(&switch) <= before.1).then_some(()));
    let cost = switch.process.resident_kib().saturating_sub(before.0);
    assert!(cost < COST_KIB_MAX, "{cost} KiB for four that do not read");
}

/// Asks the switch to be shown a user's messages from now on.
fn follows(centre: &Centre) -> UnixStream {
    let mut stream = UnixStream::connect(centre.journal().join("centrala.sock")).expect("a switch that runs");
    let request = json!({ "ask": "trace", "call": null, "user": "deaf", "follow": true });
    writeln!(stream, "{request}").expect("a socket that takes a line");
    stream
}

#[test]
fn who_follows_and_does_not_read_makes_room_for_others() {
    let centre = centre("deaf-console");
    let switch = centre.start();
    let before = switch.process.resident_kib();
    let _deaf: Vec<UnixStream> = (0..4).map(|_| follows(&centre)).collect();
    let mut line = Line::tcp(switch.address);
    let mut number = 0;
    let mut goes_by = || {
        number += 1;
        line.send(request("TCP", number).as_bytes());
        assert!(line.receive(LONG).is_some(), "others go on");
    };
    (0..ASKED).for_each(|_| goes_by());
    // All places were taken; those who did not read have lost theirs when another is shown what goes by.
    let shown = until("a place to follow from", LONG, || {
        let mut stream = follows(&centre);
        stream.set_read_timeout(Some(LONG)).expect("a time above zero");
        goes_by();
        let mut first = [0; 64];
        stream.read_exact(&mut first).expect("an answer");
        let text = String::from_utf8_lossy(&first).into_owned();
        thread::sleep(Duration::from_millis(100));
        (!text.contains("are followed already")).then_some(text)
    });
    assert!(shown.contains("row"), "{shown}");
    let cost = switch.process.resident_kib().saturating_sub(before);
    assert!(cost < 3 * COST_KIB_MAX, "{cost} KiB for four that do not read");
}
