//! Trunks found by their names (RFC 3263), at a real name server.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::names::NameServer;
use crate::harness::sipp::Party;
use crate::harness::switch::{Centre, Switch, assert_fields};
use crate::harness::{ports, until};
use crate::operate::operate;

const A_WHILE: Duration = Duration::from_secs(15);

/// NAPTR says UDP, SRV says first before second.
fn records(port: u16) -> String {
    format!(
        "naptr-record=carrier.example,10,50,s,SIP+D2U,,_sip._udp.carrier.example\n\
         srv-host=_sip._udp.carrier.example,first.carrier.example,{port},10,100\n\
         srv-host=_sip._udp.carrier.example,second.carrier.example,{port},20,100\n"
    )
}

/// A centre whose carrier is a name, and whose name server is that.
fn centre(name: &str, server: SocketAddr) -> Centre {
    let centre = Centre::new(name);
    centre.add("trunks.toml", "[carrier]\naddress = \"carrier.example\"\nnumber = \"+38515550100\"\n");
    centre.add("routes.toml", "\n[[route]]\nnumber = \"9*\"\nto = \"trunk:carrier\"\n");
    centre.add("switch.toml", &format!("\n[dns]\nservers = [\"{server}\"]\n"));
    centre
}

/// Waits until the trunk is known to be there.
fn is_at(centre: &Centre, address: &str) {
    until(address, A_WHILE, || operate(centre, &["trunks"]).1.contains(address).then_some(()));
}

fn calls(centre: &Centre, switch: &Switch, carrier: &Party) {
    let callee = carrier.expect("carrier_answers", &centre.room, switch.address, &[]);
    Party::new("ann").play("caller_talks", &centre.room, switch.address, "9911234567", &[]).passes();
    callee.passes();
}

#[test]
fn a_call_goes_to_the_first_server_of_a_name_and_to_the_next_where_nobody_is() {
    let port = ports::block(2);
    let hosts = [("first.carrier.example", "127.0.0.21"), ("second.carrier.example", "127.0.0.22")];
    let room = crate::harness::Scratch::new("names-server");
    let server = NameServer::start(&room, &records(port), &hosts);
    let centre = centre("names", server.address);
    let switch = centre.start();
    is_at(&centre, &format!("127.0.0.21:{port}"));
    let at = |last: u8| Party::new("carrier").at(SocketAddr::from(([127, 0, 0, last], port)));
    calls(&centre, &switch, &at(21));
    assert_fields(&switch.cdr(), &json!({ "direction": "outbound", "status": 200 }));
    calls(&centre, &switch, &at(22)); // nobody is at the first
    // The name server says otherwise; nothing is reloaded here.
    server.change(&[("first.carrier.example", "127.0.0.23"), ("second.carrier.example", "127.0.0.22")]);
    is_at(&centre, &format!("127.0.0.23:{port}"));
    calls(&centre, &switch, &at(23));
    let answered = switch.cdrs_of(3);
    assert!(answered.iter().all(|cdr| cdr["status"] == 200 && cdr["trunk_out"] == "carrier"), "{answered:#?}");
}

#[test]
fn a_name_has_addresses_of_both_families() {
    let port = ports::block(2);
    let room = crate::harness::Scratch::new("names-families-server");
    let hosts = [("first.carrier.example", "::1"), ("first.carrier.example", "127.0.0.24")];
    let server = NameServer::start(&room, &records(port), &hosts);
    let centre = centre("names-families", server.address);
    centre.replace("switch.toml", "listen = [", &format!("listen = [\"[::1]:{}\", ", centre.address.port()));
    let switch = centre.start();
    until("both", A_WHILE, || {
        let said = switch.process.said();
        (said.contains(&format!("udp [::1]:{port}")) && said.contains(&format!("udp 127.0.0.24:{port}"))).then_some(())
    });
    // Whichever family comes first, nobody is there; the call arrives at the other.
    calls(&centre, &switch, &Party::new("carrier").at(SocketAddr::from(([127, 0, 0, 24], port))));
    assert_fields(&switch.cdr(), &json!({ "direction": "outbound", "status": 200 }));
}

#[test]
fn a_name_nobody_knows_and_a_silent_name_server_hold_up_no_call() {
    let room = crate::harness::Scratch::new("names-none-server");
    let server = NameServer::start(&room, "", &[]);
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    for server in [server.address, silent.local_addr().expect("a bound socket")] {
        let centre = centre("names-none", server);
        let switch = centre.start();
        let began = Instant::now();
        let ann = Party::new("ann");
        ann.play("caller_refused", &centre.room, switch.address, "9911234567", &[("STATUS", "503")]).passes();
        assert!(began.elapsed() < Duration::from_secs(3), "the caller waited {:?}", began.elapsed());
        ann.play("caller_refused", &centre.room, switch.address, "299", &[("STATUS", "404")]).passes();
    }
}

#[test]
fn a_call_goes_on_by_the_name_of_a_proxy() {
    let port = ports::block(2);
    let room = crate::harness::Scratch::new("names-route-server");
    let server = NameServer::start(&room, "", &[("edge.carrier.example", "127.0.0.26")]);
    let centre = centre("names-route", server.address);
    centre.replace("trunks.toml", "\"carrier.example\"", &format!("\"127.0.0.25:{port}\""));
    let switch = centre.start();
    let socket = |last: u8| {
        let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, last], port))).expect("a free port");
        socket.set_read_timeout(Some(A_WHILE)).expect("a time above zero");
        socket
    };
    let (carrier, edge) = (socket(25), socket(26));
    let caller = Party::new("ann").play("caller_talks", &centre.room, switch.address, "9911234567", &[]);
    let invite = next(&carrier, "INVITE");
    let route = format!("Record-Route: <sip:edge.carrier.example:{port};lr>\r\n");
    carrier.send_to(answer(&invite, 180, &route, "").as_bytes(), switch.address).expect("sent");
    until("the proxy", A_WHILE, || switch.process.said().contains("udp 127.0.0.26").then_some(()));
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.25\r\ns=-\r\nc=IN IP4 127.0.0.25\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
    carrier.send_to(answer(&invite, 200, &route, sdp).as_bytes(), switch.address).expect("sent");
    assert!(next(&edge, "ACK").contains(&format!("Route: <sip:edge.carrier.example:{port};lr>\r\n")));
    let bye = next(&edge, "BYE");
    edge.send_to(answer(&bye, 200, "", "").as_bytes(), switch.address).expect("sent");
    caller.passes();
    assert_fields(&switch.cdr(), &json!({ "direction": "outbound", "status": 200, "ended_by": "caller" }));
}

/// The next request of that method.
fn next(socket: &UdpSocket, method: &str) -> String {
    let mut buffer = [0; 65_536];
    loop {
        let length = socket.recv(&mut buffer).unwrap_or_else(|why| panic!("no {method}: {why}"));
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.starts_with(&format!("{method} ")) {
            return text;
        }
    }
}

/// An answer to a request of the switch's.
fn answer(request: &str, status: u16, more: &str, sdp: &str) -> String {
    let copied = ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| {
        let line = request.lines().find(|line| line.starts_with(&format!("{name}: "))).expect("every request has it");
        let tag = if name == "To" && !line.contains(";tag=") { ";tag=carrier" } else { "" };
        format!("{line}{tag}\r\n")
    });
    let copied = copied.concat();
    let kind = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status} Words\r\n{copied}{more}Contact: <sip:gw@10.255.0.1>\r\n{kind}Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}
