//! SIP over WebSocket (RFC 7118), as a page in a browser speaks it: registering, calling, being called, going away.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use sip::digest::{Credentials, respond};
use sip::{Message as Sip, Name, Request, Response};
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client, http};

use crate::harness::sip::{Version, anywhere, connect, secure};
use crate::harness::sipp::Party;
use crate::harness::switch::{Centre, assert_fields, password};

const A_WHILE: Duration = Duration::from_secs(10);

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// A page with a phone in it. Its address is `.invalid`: it is reached over its connection or not at all.
struct Page {
    user: &'static str,
    kind: &'static str,
    socket: WebSocket<Box<dyn Wire>>,
    tcp: TcpStream,
    media: UdpSocket,
    binary: bool,
    cseq: u32,
}

impl Page {
    fn open(user: &'static str, remote: SocketAddr, certificate: Option<&Path>) -> Page {
        let (stream, tcp, scheme): (Box<dyn Wire>, _, _) = match certificate {
            Some(certificate) => {
                let stream =
                    secure(anywhere(remote), remote, certificate, Version::Tls13).expect("a certificate we trust");
                let tcp = stream.sock.try_clone().expect("a second handle");
                (Box::new(stream), tcp, "wss")
            }
            None => {
                let stream = connect(anywhere(remote), remote);
                let tcp = stream.try_clone().expect("a second handle");
                (Box::new(stream), tcp, "ws")
            }
        };
        let uri = format!("{scheme}://{remote}/").parse().expect("a URI");
        let (socket, agreed) =
            client(ClientRequestBuilder::new(uri).with_sub_protocol("sip"), stream).expect("a WebSocket");
        assert_eq!(agreed.headers()["Sec-WebSocket-Protocol"], "sip");
        let media = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let kind = if scheme == "wss" { "WSS" } else { "WS" };
        Page { user, kind, socket, tcp, media, binary: false, cseq: 0 }
    }

    fn say(&mut self, text: String) {
        let message = if self.binary { Message::binary(text) } else { Message::text(text) };
        self.socket.send(message).expect("a connection that stands");
    }

    /// The next WebSocket message of any kind.
    fn hear(&mut self, limit: Duration) -> Option<Message> {
        let end = Instant::now() + limit;
        loop {
            let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            self.tcp.set_read_timeout(Some(left)).expect("a time above zero");
            match self.socket.read() {
                Ok(message) => return Some(message),
                Err(Error::Io(why)) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return None,
            }
        }
    }

    fn hear_sip(&mut self) -> Sip {
        match self.hear(A_WHILE).expect("a message") {
            Message::Text(text) => sip::wire::read(&text.into(), false, &Default::default()).expect("SIP"),
            other => panic!("the switch says text: {other:?}"),
        }
    }

    fn hear_request(&mut self, method: sip::Method) -> Request {
        loop {
            if let Sip::Request(request) = self.hear_sip() {
                assert_eq!(request.method, method);
                return request;
            }
        }
    }

    fn hear_final(&mut self) -> Response {
        loop {
            if let Sip::Response(response) = self.hear_sip()
                && response.status >= 200
            {
                return response;
            }
        }
    }

    /// One request out of a dialog, without Content-Length: a WebSocket needs none.
    fn ask(&mut self, method: &str, uri: &str, to: &str, more: &str, body: &str) -> Response {
        self.cseq += 1;
        let Page { user, kind, cseq, .. } = *self;
        self.say(format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/{kind} page.invalid;branch=z9hG4bK{user}{method}{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@centre>;tag={user}\r\nTo: {to}\r\n\
             Call-ID: page-{user}-{method}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:x7@page.invalid;transport=ws>;expires=600\r\n{more}\r\n{body}"
        ));
        self.hear_final()
    }

    /// The same, with the password when it is asked for.
    fn ask_with_password(&mut self, method: &str, uri: &str, to: &str, more: &str, body: &str) -> Response {
        let challenged = self.ask(method, uri, to, more, body);
        assert_eq!(challenged.status, 401);
        if method == "INVITE" {
            self.ack(uri, &challenged);
        }
        let credentials = Credentials { user: self.user.to_owned(), password: password(self.user), realm: None };
        let challenge = challenged.headers.first(&Name::WwwAuthenticate).expect("a challenge");
        let answer = respond(challenge, &credentials, method, uri, 1, "0123456789abcdef").expect("MD5 or SHA-256");
        self.ask(method, uri, to, &format!("Authorization: {answer}\r\n{more}"), body)
    }

    fn register(&mut self, more: &str) {
        let to = format!("<sip:{}@centre>", self.user);
        let response = self.ask_with_password("REGISTER", "sip:centre", &to, more, "");
        assert_eq!(response.status, 200);
        let contact = response.headers.first(&Name::Contact).expect("its contact");
        assert!(contact.contains("<sip:x7@page.invalid;transport=ws>"), "as it was sent: {contact}");
    }

    fn ack(&mut self, uri: &str, response: &Response) {
        let first = |name| response.headers.first(&name).unwrap_or_default().to_owned();
        let (via, from, to, call_id) = (first(Name::Via), first(Name::From), first(Name::To), first(Name::CallId));
        let (cseq, _) = response.headers.cseq().expect("a CSeq");
        let via = if response.status < 300 { via.replace("z9hG4bK", "z9hG4bKack") } else { via };
        self.say(format!(
            "ACK {uri} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} ACK\r\n\r\n"
        ));
    }

    fn sdp(&self) -> String {
        let port = self.media.local_addr().expect("a bound socket").port();
        format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n")
    }

    fn answer(&mut self, request: &Request, status: u16, body: &str) {
        let mut response = Response::to(request, status);
        let to = response.headers.first(&Name::To).expect("a To").to_owned();
        if !to.contains("tag=") {
            response.headers.set(Name::To, format!("{to};tag=page"));
        }
        response.headers.push(Name::Contact, "<sip:x7@page.invalid;transport=ws>");
        if !body.is_empty() {
            response.headers.push(Name::ContentType, "application/sdp");
        }
        response.body = body.to_owned().into();
        self.say(String::from_utf8(response.to_bytes().into()).expect("text"));
    }

    /// Sends a second of sound where the SDP says; counts what comes back of it.
    fn sound(&self, sdp: &[u8]) -> usize {
        let sdp = String::from_utf8_lossy(sdp);
        let port = sdp.lines().find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()).expect("a port");
        let port: u16 = port.parse().expect("a port");
        self.media.set_read_timeout(Some(Duration::from_millis(20))).expect("a time above zero");
        let (mut came_back, mut buffer) = (0, [0; 1_500]);
        for n in 0..50_u32 {
            let mut packet = vec![0x80, 8];
            packet.extend((n as u16).to_be_bytes());
            packet.extend((n * 160).to_be_bytes());
            packet.extend(77_u32.to_be_bytes());
            packet.extend([0x55_u8 ^ n as u8; 160]);
            self.media.send_to(&packet, ("127.0.0.1", port)).expect("a packet");
            if let Ok(length) = self.media.recv(&mut buffer) {
                came_back += usize::from(length == 172);
            }
        }
        came_back
    }
}

#[test]
fn a_page_registers_and_calls_by_ws_and_by_wss() {
    for (secure, binary) in [(false, false), (false, true), (true, false)] {
        let centre = Centre::new("page");
        let (ws, wss) = centre.listen_web();
        let switch = centre.start();
        let certificate = centre.conf().join("tls/cert.pem");
        let mut page = if secure { Page::open("ann", wss, Some(&certificate)) } else { Page::open("ann", ws, None) };
        page.binary = binary;
        page.register("");

        page.socket.send(Message::Ping("are you there".into())).expect("a connection that stands");
        assert_eq!(page.hear(A_WHILE), Some(Message::Pong("are you there".into())));
        page.socket.send(Message::text("\r\n\r\n")).expect("a connection that stands");
        assert_eq!(page.hear(A_WHILE), Some(Message::text("\r\n")));

        let sdp = page.sdp();
        let answer = page.ask_with_password(
            "INVITE",
            "sip:600@centre",
            "<sip:600@centre>",
            "Content-Type: application/sdp\r\n",
            &sdp,
        );
        assert_eq!(answer.status, 200);
        let via = answer.headers.first(&Name::Via).expect("its Via");
        assert!(via.starts_with(&format!("SIP/2.0/{} page.invalid;", page.kind)) && via.contains("received=127.0.0.1"));
        let contact = answer.headers.first(&Name::Contact).expect("ours");
        assert!(contact.contains(";transport=ws"), "{contact}");
        page.ack("sip:600@centre", &answer);
        let came_back = page.sound(&answer.body);
        assert!(came_back > 40, "{came_back} of 50 came back");

        let to = answer.headers.first(&Name::To).expect("a tag").to_owned();
        page.cseq += 1;
        let (kind, cseq) = (page.kind, page.cseq);
        page.say(format!(
            "BYE sip:600@centre SIP/2.0\r\nVia: SIP/2.0/{kind} page.invalid;branch=z9hG4bKbye\r\nMax-Forwards: 70\r\n\
             From: <sip:ann@centre>;tag=ann\r\nTo: {to}\r\nCall-ID: page-ann-INVITE\r\nCSeq: {cseq} BYE\r\n\r\n"
        ));
        assert_eq!(page.hear_final().status, 200);
        assert_fields(&switch.cdr(), &json!({ "caller": "ann", "called": "600", "ended_by": "caller", "status": 200 }));
    }
}

#[test]
fn a_page_is_called_over_its_connection_and_gone_with_it() {
    let centre = Centre::new("page-called");
    // This page speaks plain RTP; the ones that cannot are met in browser.rs.
    centre.replace("people.toml", "number = \"202\"", "number = \"202\"\nbrowser = false");
    let (ws, _) = centre.listen_web();
    let switch = centre.start();
    let mut page = Page::open("bob", ws, None);
    page.register("Path: <sip:edge.invalid;lr>\r\n");
    let callee = thread::spawn(move || {
        let invite = page.hear_request(sip::Method::Invite);
        assert_eq!(invite.uri, "sip:x7@page.invalid;transport=ws");
        assert!(invite.headers.first(&Name::Via).expect("its Via").starts_with("SIP/2.0/WS "));
        assert_eq!(invite.headers.first(&Name::Route), Some("<sip:edge.invalid;lr>"), "RFC 3327 §5.1");
        page.answer(&invite, 180, "");
        page.answer(&invite, 200, &page.sdp());
        page.hear_request(sip::Method::Ack);
        page.sound(&invite.body);
        let bye = page.hear_request(sip::Method::Bye);
        assert_eq!(bye.uri, "sip:x7@page.invalid;transport=ws");
        page.answer(&bye, 200, "");
        page
    });
    Party::new("ann").play("caller_talks", &centre.room, switch.address, "202", &[]).passes();
    let page = callee.join().expect("a page that is content");
    assert_fields(
        &switch.cdr(),
        &json!({ "caller": "ann", "answered_by": "bob", "ended_by": "caller", "status": 200 }),
    );

    drop(page); // the tab is closed: nobody waits for the registration to run out
    thread::sleep(Duration::from_millis(200));
    Party::new("ann").play("caller_refused", &centre.room, switch.address, "202", &[("STATUS", "480")]).passes();
}

#[test]
fn what_is_no_sip_gets_no_connection() {
    let centre = Centre::new("no-page");
    let (ws, _) = centre.listen_web();
    let switch = centre.start();
    for protocol in [None, Some("chat")] {
        let request = ClientRequestBuilder::new(format!("ws://{ws}/").parse().expect("a URI"));
        let request = protocol.into_iter().fold(request, ClientRequestBuilder::with_sub_protocol);
        match client(request, connect(anywhere(ws), ws)) {
            Err(tokio_tungstenite::tungstenite::HandshakeError::Failure(Error::Http(answer))) => {
                assert_eq!(answer.status(), http::StatusCode::BAD_REQUEST);
            }
            other => panic!("{:?}", other.map(|_| "a WebSocket")),
        }
    }
    let mut plain = connect(anywhere(ws), ws);
    plain.write_all(b"OPTIONS sip:centre SIP/2.0\r\n\r\n").expect("a connection");
    plain.set_read_timeout(Some(A_WHILE)).expect("a time above zero");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"SIP/2.0"), "{answer:?}");

    let mut large = Page::open("ann", ws, None);
    let _ = large.socket.send(Message::text("x".repeat(70_000)));
    assert!(!matches!(large.hear(A_WHILE), Some(Message::Text(_) | Message::Binary(_))));
    let mut page = Page::open("ann", ws, None);
    page.say("no SIP at all".to_owned()); // is met with silence; the next message counts
    page.register("");
    drop(switch);
}
