//! What phones send to keep their way through a NAT open (RFC 5626 §3.5, and what they send besides).

use std::net::UdpSocket;
use std::time::Duration;

use crate::harness::sip::{Line, anywhere};
use crate::harness::switch::Centre;

#[test]
fn keep_alives_are_answered_or_met_with_silence() {
    let centre = Centre::new("keep-alive");
    let switch = centre.start();
    let phone = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    phone.connect(switch.address).expect("an address");
    phone.set_read_timeout(Some(Duration::from_millis(300))).expect("a time above zero");
    let mut answer = [0; 128];
    for silent in [&b"\r\n\r\n"[..], b"\0", b"\0\0\0\0", b"jaK", b""] {
        phone.send(silent).expect("a datagram");
        assert!(phone.recv(&mut answer).is_err(), "{silent:?}");
    }
    let request = b"\x00\x01\x00\x00\x21\x12\xa4\x42centralatest";
    phone.send(request).expect("a datagram");
    let length = phone.recv(&mut answer).expect("a binding response");
    assert_eq!((length, &answer[..2], &answer[4..20]), (32, &b"\x01\x01"[..], &request[4..]));
    let own = phone.local_addr().expect("a bound socket").port();
    assert_eq!(u16::from_be_bytes([answer[26], answer[27]]) ^ 0x2112, own, "where we see it");

    // Half a ping is a pong, and no reason to wait for the rest of a message.
    let mut line = Line::tcp(switch.address);
    line.send(b"\r\n");
    std::thread::sleep(Duration::from_secs(11));
    line.send(b"\r\n\r\n");
    assert_eq!(line.receive_bytes(2, Duration::from_secs(10)), b"\r\n");
    assert!(Line::udp(anywhere(switch.address), switch.address).is_answered(Duration::from_secs(1)));
}
