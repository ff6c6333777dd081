//! The machine gets another address while the switch runs: in a network of the test's own, which `unshare` makes.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::process::Process;
use crate::harness::switch::Centre;
use crate::harness::until;
use crate::operate::{header, operate};

/// Says that we are in a network of our own.
const INSIDE: &str = "CENTRALA_TEST_NETWORK";
const A_WHILE: Duration = Duration::from_secs(60);
const CARRIER: &str = "203.0.113.5:5060";

/// Runs this test once more, alone, in a network of its own. False: it is there.
fn goes_inside(test: &str, room: &Centre) -> bool {
    if env::var_os(INSIDE).is_some() {
        return false;
    }
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net"]).arg(env::current_exe().expect("a test is a program"));
    command.args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let mut inside = Process::start("unshare", "util-linux", command, &room.room.path().join("inside.log"));
    let end = inside.end_within(3 * A_WHILE);
    assert!(end.success(), "{}", inside.said());
    assert!(inside.said().contains("1 passed"), "{}", inside.said());
    true
}

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).output().expect("ip comes with iproute2");
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The machine's address; a carrier sees it come from there.
fn machine_is_at(address: &str) {
    ip(&format!("address add {address}/32 dev lo"));
    ip(&format!("route replace local 203.0.113.5 dev lo table local src {address}"));
}

/// The next REGISTER, which is granted: where it says we are.
fn registers(carrier: &UdpSocket, switch_at: &str) {
    until(switch_at, A_WHILE, || {
        let mut bytes = [0; 4_096];
        let (length, from) = carrier.recv_from(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        text.starts_with("REGISTER ").then_some(())?;
        let kept = ["Via", "From", "To", "Call-ID", "CSeq", "Contact"];
        let is_kept = |line: &&str| kept.iter().any(|name| line.starts_with(&format!("{name}:")));
        let lines: String = text.lines().filter(is_kept).map(|line| format!("{line}\r\n")).collect();
        let answer = format!("SIP/2.0 200 OK\r\n{lines}Expires: 600\r\nContent-Length: 0\r\n\r\n");
        carrier.send_to(answer.as_bytes(), from).ok()?;
        let contact = text.lines().find(|line| line.starts_with("Contact:"))?;
        (contact.contains(&format!("@{switch_at}:")) && from.ip().to_string() == switch_at).then_some(())
    });
}

#[test]
fn trunks_hear_of_another_address_of_the_machine() {
    let centre = Centre::new("moves");
    if goes_inside("moves::trunks_hear_of_another_address_of_the_machine", &centre) {
        return;
    }
    ip("link set lo up");
    ip("address add 203.0.113.5/32 dev lo");
    machine_is_at("192.0.2.1");
    let carrier = UdpSocket::bind(CARRIER).expect("an address of this network");
    carrier.set_read_timeout(Some(Duration::from_secs(1))).expect("a time above zero");
    let port = centre.address.port();
    centre.replace("switch.toml", &format!("[\"{}\"]", centre.address), &format!("[\"0.0.0.0:{port}\"]"));
    centre.add(
        "trunks.toml",
        &format!(
            "[carrier]\naddress = \"{CARRIER}\"\nuser = \"centre\"\npassword = \"secret\"\n\n[carrier.register]\n"
        ),
    );
    let _switch = centre.start();
    registers(&carrier, "192.0.2.1");

    // For a while there is no way to the carrier at all, and that is noticed.
    ip("address del 192.0.2.1/32 dev lo");
    until("a switch that is nowhere", A_WHILE, || operate(&centre, &["trunks"]).1.contains("unknown").then_some(()));
    machine_is_at("192.0.2.2");
    registers(&carrier, "192.0.2.2");
}

/// The carrier's end: signalling, and a port for the media of each of two calls.
struct Carrier {
    line: UdpSocket,
    media: [UdpSocket; 2],
}

impl Carrier {
    fn new() -> Carrier {
        let bind = |address: &str| {
            let socket = UdpSocket::bind(address).expect("an address of this network");
            socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a time above zero");
            socket
        };
        Carrier { line: bind(CARRIER), media: [bind("203.0.113.5:0"), bind("203.0.113.5:0")] }
    }

    fn sdp(&self, of: usize, version: u32) -> String {
        let port = self.media[of].local_addr().expect("bound").port();
        format!(
            "v=0\r\no=- 1 {version} IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
        )
    }

    /// The next message of this kind, and whence it came.
    fn hears(&self, begins: &str) -> (String, SocketAddr) {
        until(begins, A_WHILE, || {
            let mut bytes = [0; 4_096];
            let (length, from) = self.line.recv_from(&mut bytes).ok()?;
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            text.starts_with(begins).then_some((text, from))
        })
    }

    fn says(&self, head: &str, sdp: &str, to: SocketAddr) {
        let length = sdp.len();
        let text = format!(
            "{head}Contact: <sip:{CARRIER}>\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}"
        );
        self.line.send_to(text.as_bytes(), to).expect("sent");
    }

    /// Takes an INVITE, one within a dialog too, and hears the ACK.
    fn answers(&self, invite: &str, sdp: &str, to: SocketAddr) {
        let kept = ["Via", "From", "To", "Call-ID", "CSeq"];
        let is_kept = |line: &&str| kept.iter().any(|name| line.starts_with(&format!("{name}:")));
        let tagged = |line: &str| match line.starts_with("To:") && !line.contains("tag=") {
            true => format!("{line};tag=carrier\r\n"),
            false => format!("{line}\r\n"),
        };
        let lines: String = invite.lines().filter(is_kept).map(tagged).collect();
        self.says(&format!("SIP/2.0 200 OK\r\n{lines}"), sdp, to);
        self.hears("ACK ");
    }

    /// One side speaks until the other hears it come from there.
    fn is_heard_from(&self, speaks: usize, at: SocketAddr, from: &str) {
        let mut packet = vec![0x80, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, speaks as u8];
        packet.extend([0xd5; 160]);
        let mut sequence = rand_sequence();
        until("media", A_WHILE, || {
            sequence += 1;
            packet[2..4].copy_from_slice(&sequence.to_be_bytes());
            packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
            self.media[speaks].send_to(&packet, at).expect("sent");
            let mut bytes = [0; 2_048];
            let (length, source) = self.media[1 - speaks].recv_from(&mut bytes).ok()?;
            (length == packet.len() && source.ip().to_string() == from).then_some(())
        });
    }
}

/// Packets of one stream go on from where they were, whoever asks.
fn rand_sequence() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(1);
    NEXT.fetch_add(1_000, Ordering::Relaxed)
}

/// Where a description wants its media.
fn media_of(message: &str) -> SocketAddr {
    let ip = message.lines().find_map(|line| line.strip_prefix("c=IN IP4 ")).expect("an address");
    let port = message.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("a medium");
    format!("{ip}:{}", port.split(' ').next().expect("a port")).parse().expect("an address")
}

#[test]
fn standing_calls_follow_to_another_address_of_the_machine() {
    let centre = Centre::new("calls-move");
    if goes_inside("moves::standing_calls_follow_to_another_address_of_the_machine", &centre) {
        return;
    }
    ip("link set lo up");
    ip("address add 203.0.113.5/32 dev lo");
    machine_is_at("192.0.2.1");
    let carrier = Carrier::new();
    let port = centre.address.port();
    centre.replace("switch.toml", &format!("[\"{}\"]", centre.address), &format!("[\"0.0.0.0:{port}\"]"));
    centre.add("trunks.toml", &format!("[carrier]\naddress = \"{CARRIER}\"\n"));
    centre.add(
        "routes.toml",
        "\n[[route]]\nnumber = \"9*\"\nfrom = \"trunk:carrier\"\nto = \"trunk:carrier\"\nrecord = true\n",
    );
    let switch = centre.start();

    // The carrier calls, and the call goes out to it again: a dialog of either kind.
    let at = format!("192.0.2.1:{port}").parse().expect("an address");
    let head = format!(
        "INVITE sip:9123@192.0.2.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {CARRIER};branch=z9hG4bKin\r\nMax-Forwards: 70\r\n\
         From: <sip:1@203.0.113.5>;tag=in\r\nTo: <sip:9123@192.0.2.1>\r\nCall-ID: in\r\nCSeq: 1 INVITE\r\n"
    );
    carrier.says(&head, &carrier.sdp(0, 1), at);
    let (out, from) = carrier.hears("INVITE ");
    carrier.answers(&out, &carrier.sdp(1, 1), from);
    let (ok, from) = carrier.hears("SIP/2.0 200");
    let to = header(&ok, "To");
    let ack = format!(
        "ACK sip:192.0.2.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {CARRIER};branch=z9hG4bKack\r\nMax-Forwards: 70\r\n\
         From: <sip:1@203.0.113.5>;tag=in\r\nTo: {to}\r\nCall-ID: in\r\nCSeq: 1 ACK\r\n"
    );
    carrier.says(&ack, "", from);
    carrier.is_heard_from(0, media_of(&ok), "192.0.2.1");
    carrier.is_heard_from(1, media_of(&out), "192.0.2.1");

    ip("address del 192.0.2.1/32 dev lo");
    machine_is_at("192.0.2.2");
    let moved = Instant::now();
    let mut sides = [None, None];
    while sides.iter().any(Option::is_none) {
        let (invite, from) = carrier.hears("INVITE ");
        let side = usize::from(header(&invite, "Call-ID") != "in");
        carrier.answers(&invite, &carrier.sdp(side, 2), from);
        assert_eq!(from.to_string(), format!("192.0.2.2:{port}"));
        assert!(header(&invite, "Contact").contains(&format!("sip:192.0.2.2:{port}")), "{invite}");
        assert_eq!(media_of(&invite).ip().to_string(), "192.0.2.2", "{invite}");
        sides[side] = Some(media_of(&invite));
    }
    let [Some(in_at), Some(out_at)] = sides else { unreachable!("both are there") };
    carrier.is_heard_from(0, in_at, "192.0.2.2");
    carrier.is_heard_from(1, out_at, "192.0.2.2");
    assert!(moved.elapsed() < Duration::from_secs(5), "{:?}", moved.elapsed());

    // And it is one call, with one recording, that ends as any other.
    let bye = format!(
        "BYE sip:192.0.2.2:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {CARRIER};branch=z9hG4bKbye\r\nMax-Forwards: 70\r\n\
         From: <sip:1@203.0.113.5>;tag=in\r\nTo: {to}\r\nCall-ID: in\r\nCSeq: 2 BYE\r\n"
    );
    carrier.says(&bye, "", format!("192.0.2.2:{port}").parse().expect("an address"));
    carrier.hears("SIP/2.0 200");
    carrier.hears("BYE ");
    assert!(switch.recording().sidecar["gaps"].is_null());
}

/// A carrier's TCP connection dies with the address it came to: we open another one, to where its Contact says it listens.
#[test]
fn a_standing_call_by_tcp_follows_by_a_connection_of_ours() {
    let centre = Centre::new("calls-move-tcp");
    if goes_inside("moves::a_standing_call_by_tcp_follows_by_a_connection_of_ours", &centre) {
        return;
    }
    ip("link set lo up");
    ip("address add 203.0.113.5/32 dev lo");
    machine_is_at("192.0.2.1");
    let media = UdpSocket::bind("203.0.113.5:0").expect("an address of this network");
    media.set_read_timeout(Some(Duration::from_millis(200))).expect("a time above zero");
    let door = TcpListener::bind(CARRIER).expect("an address of this network");
    door.set_nonblocking(true).expect("a door that can be looked at");
    let port = centre.address.port();
    centre.replace("switch.toml", &format!("[\"{}\"]", centre.address), &format!("[\"0.0.0.0:{port}\"]"));
    centre.add("trunks.toml", &format!("[carrier]\naddress = \"{CARRIER}\"\ntransport = \"tcp\"\n"));
    centre.add("routes.toml", "\n[[route]]\nnumber = \"600\"\nfrom = \"trunk:carrier\"\nto = \"echo\"\n");
    let _switch = centre.start();

    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 203.0.113.5\r\ns=-\r\nc=IN IP4 203.0.113.5\r\nt=0 0\r\nm=audio {} RTP/AVP 8\r\n",
        media.local_addr().expect("bound").port()
    );
    let head = |method: &str, cseq: u32, to: &str| {
        format!(
            "{method} sip:600@192.0.2.1:{port} SIP/2.0\r\nVia: SIP/2.0/TCP {CARRIER};branch=z9hG4bK{method}{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:1@203.0.113.5>;tag=in\r\nTo: {to}\r\nCall-ID: in\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:{CARRIER};transport=tcp>\r\n"
        )
    };
    let mut line = connected(SocketAddr::new([192, 0, 2, 1].into(), port));
    let body = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
    line.write_all(format!("{}{body}", head("INVITE", 1, "<sip:600@192.0.2.1>")).as_bytes()).expect("sent");
    let ok = read_message(&mut line, "SIP/2.0 200");
    let ack = format!("{}Content-Length: 0\r\n\r\n", head("ACK", 1, header(&ok, "To")));
    line.write_all(ack.as_bytes()).expect("sent");
    is_echoed(&media, media_of(&ok));

    ip("address del 192.0.2.1/32 dev lo");
    machine_is_at("192.0.2.2");
    let (mut line, from) = until("a connection of the switch's", A_WHILE, || door.accept().ok());
    line.set_nonblocking(false).expect("a stream that waits");
    assert_eq!(from.ip().to_string(), "192.0.2.2");
    let invite = read_message(&mut line, "INVITE ");
    assert!(header(&invite, "Contact").contains("192.0.2.2"), "{invite}");
    assert_eq!((header(&invite, "Call-ID"), &*media_of(&invite).ip().to_string()), ("in", "192.0.2.2"));
    let kept = ["Via", "From", "To", "Call-ID", "CSeq"];
    let is_kept = |text: &&str| kept.iter().any(|name| text.starts_with(&format!("{name}:")));
    let lines: String = invite.lines().filter(is_kept).map(|text| format!("{text}\r\n")).collect();
    let answer = format!("SIP/2.0 200 OK\r\n{lines}Contact: <sip:{CARRIER};transport=tcp>\r\n{body}");
    line.write_all(answer.as_bytes()).expect("sent");
    read_message(&mut line, "ACK ");
    is_echoed(&media, media_of(&invite));
    line.write_all(format!("{}Content-Length: 0\r\n\r\n", head("BYE", 2, header(&ok, "To"))).as_bytes()).expect("sent");
    read_message(&mut line, "SIP/2.0 200");
}

/// A connection from the carrier's address.
fn connected(to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new([203, 0, 113, 5].into(), 0))?;
        socket.connect(to).await?.into_std()
    });
    let stream = stream.expect("the switch takes connections");
    stream.set_nonblocking(false).expect("a stream that waits");
    stream
}

/// The next message that begins so, of those that come by a stream.
fn read_message(line: &mut TcpStream, begins: &str) -> String {
    line.set_read_timeout(Some(A_WHILE)).expect("a time above zero");
    let mut lines = BufReader::new(line);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut head).expect("a line of a message") > 0, "closed before {begins}");
            if head == "\r\n" {
                head.clear(); // a keep-alive
            }
        }
        let length = header(&head, "Content-Length").parse().expect("a number");
        let mut body = vec![0; length];
        lines.read_exact(&mut body).expect("a body");
        assert!(lines.buffer().is_empty() || !head.starts_with(begins), "nothing follows it at once");
        if head.starts_with(begins) {
            return head + &String::from_utf8_lossy(&body);
        }
    }
}

/// What is said comes back from where it went.
fn is_echoed(media: &UdpSocket, at: SocketAddr) {
    let mut packet = vec![0x80, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    packet.extend([0xd5; 160]);
    let mut sequence = rand_sequence();
    until("an echo", A_WHILE, || {
        sequence += 1;
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
        media.send_to(&packet, at).expect("sent");
        let mut bytes = [0; 2_048];
        let (length, source) = media.recv_from(&mut bytes).ok()?;
        (length == packet.len() && source == at).then_some(())
    });
}
