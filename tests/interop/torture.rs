//! Every message of RFC 4475 and RFC 5118 at the running switch, by UDP and TCP, IPv4 and IPv6: each gets its answer or silence, and
//! the next good request is served at once.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::harness::sip::{Line, anywhere, status};
use crate::harness::switch::Centre;

/// What a stranger's message must get: a final status, or silence.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Want {
    Status(u16),
    Silence,
}
use Want::{Silence, Status};

/// By UDP, then by TCP. A legal INVITE or REGISTER of a stranger is understood and challenged: 401.
const MESSAGES: &[(&str, Want, Want)] = &[
    // RFC 4475
    ("wsinv", Status(481), Status(481)), // 3.1.1.1: its To has a tag, of a dialog nobody knows
    ("intmeth", Status(501), Status(501)), // 3.1.1.2: legal to the letter, so the method is refused
    ("esc01", Status(401), Status(401)), // 3.1.1.3
    ("escnull", Status(401), Status(401)), // 3.1.1.4
    ("esc02", Status(501), Status(501)), // 3.1.1.5: RE%47IST%45R is not REGISTER
    ("lwsdisp", Status(200), Status(200)), // 3.1.1.6
    ("longreq", Status(401), Status(401)), // 3.1.1.7
    ("dblreq", Status(401), Status(401)), // 3.1.1.8: by UDP the second request is no request
    ("semiuri", Status(200), Status(200)), // 3.1.1.9
    ("transports", Status(200), Status(200)), // 3.1.1.10
    ("mpart01", Status(401), Status(401)), // 3.1.1.11: a MESSAGE
    ("unreason", Silence, Silence),      // 3.1.1.12
    ("noreason", Silence, Silence),      // 3.1.1.13
    ("badinv01", Status(400), Status(400)), // 3.1.2.1
    ("clerr", Status(400), Silence),     // 3.1.2.2: by TCP the rest may still come
    ("ncl", Status(400), Status(400)),   // 3.1.2.3
    ("scalar02", Status(400), Status(400)), // 3.1.2.4
    ("scalarlg", Silence, Silence),      // 3.1.2.5
    ("quotbal", Status(400), Status(400)), // 3.1.2.6
    ("ltgtruri", Status(400), Status(400)), // 3.1.2.7
    ("lwsruri", Status(400), Status(400)), // 3.1.2.8
    ("lwsstart", Status(400), Status(400)), // 3.1.2.9
    ("trws", Status(400), Status(400)),  // 3.1.2.10
    ("escruri", Status(400), Status(400)), // 3.1.2.11
    ("baddate", Status(401), Status(401)), // 3.1.2.12: we use no Date, so we may not mind it
    ("regbadct", Status(400), Status(400)), // 3.1.2.13
    ("badaspec", Status(400), Status(400)), // 3.1.2.14
    ("baddn", Status(400), Status(400)), // 3.1.2.15
    ("badvers", Status(505), Status(505)), // 3.1.2.16
    ("mismatch01", Status(400), Status(400)), // 3.1.2.17
    ("mismatch02", Status(501), Status(501)), // 3.1.2.18
    ("bigcode", Silence, Silence),       // 3.1.2.19
    ("badbranch", Status(400), Status(400)), // 3.2.1
    ("insuf", Status(400), Status(400)), // 3.3.1
    ("unkscm", Status(416), Status(416)), // 3.3.2
    ("novelsc", Status(416), Status(416)), // 3.3.3
    ("unksm2", Status(401), Status(401)), // 3.3.4: first who it is, then what it wants to register
    ("bext01", Status(420), Status(420)), // 3.3.5
    ("invut", Status(415), Status(415)), // 3.3.6
    ("regaut01", Status(401), Status(401)), // 3.3.7
    ("multi01", Status(400), Status(400)), // 3.3.8
    ("mcl01", Status(400), Status(400)), // 3.3.9
    ("bcast", Silence, Silence),         // 3.3.10
    ("zeromf", Status(200), Status(200)), // 3.3.11: only a proxy says 483, and OPTIONS ends here
    ("cparam01", Status(401), Status(401)), // 3.3.12
    ("cparam02", Status(401), Status(401)), // 3.3.13
    ("regescrt", Status(401), Status(401)), // 3.3.14
    ("sdp01", Status(401), Status(401)), // 3.3.15: 406 or 488 to those we know
    ("inv2543", Status(401), Status(400)), // 3.4.1: a stream needs Content-Length (RFC 3261 §18.3)
    // RFC 5118
    ("ipv6-good", Status(401), Status(401)),
    ("ipv6-bad", Status(400), Status(400)),
    ("port-ambiguous", Status(401), Status(401)),
    ("port-unambiguous", Status(401), Status(401)),
    ("via-received-param-with-delim", Status(481), Status(481)),
    ("via-received-param-no-delim", Status(200), Status(200)),
    ("ipv6-in-sdp", Status(401), Status(401)),
    ("mult-ip-in-header", Status(481), Status(481)),
    ("mult-ip-in-sdp", Status(401), Status(401)),
    ("ipv4-mapped-ipv6", Status(401), Status(401)),
    ("ipv6-bug-abnf-3-colons", Status(200), Status(200)),
    ("ipv6-correct-abnf-2-colons", Status(200), Status(200)),
];

#[test]
fn every_message_gets_its_answer_and_the_next_is_served() {
    let messages = messages();
    let tabled = |name: &String| MESSAGES.iter().any(|(known, ..)| known == name);
    assert!(messages.len() == MESSAGES.len() && messages.keys().all(tabled), "each message has its row");
    let centre = Centre::new("torture");
    let mut addresses = vec![centre.address];
    let v6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), centre.address.port());
    if UdpSocket::bind(v6).is_ok() {
        let v4 = format!("\"{}\"", centre.address);
        centre.replace("switch.toml", &v4, &format!("{v4}, \"{v6}\""));
        addresses.push(v6);
    }
    let mut switch = centre.start();
    let mut wrong = Vec::new();
    for address in addresses {
        for (name, by_udp, by_tcp) in MESSAGES {
            for (transport, want) in [("UDP", by_udp), ("TCP", by_tcp)] {
                let (got, told) = say(transport, address, &messages[*name], *want);
                if got != *want {
                    wrong.push(format!("{name} by {transport} to {address}: {got:?}, not {want:?}\n{told}"));
                }
                for mut line in [Line::udp(anywhere(address), address), Line::tcp(address)] {
                    let answered = line.is_answered(Duration::from_secs(1));
                    assert!(answered, "after {name} by {transport} nobody answers at {address}");
                }
                assert!(switch.process.ended().is_none(), "{name} by {transport} ended the switch");
            }
        }
    }
    assert!(wrong.is_empty(), "{} are answered otherwise:\n{}", wrong.len(), wrong.join("\n"));
    assert!(switch.cdrs().is_empty(), "no stranger's message is a call");
}

/// Sends it on a line of its own and takes the first final response, or the silence of a while.
fn say(transport: &str, switch: SocketAddr, message: &[u8], want: Want) -> (Want, String) {
    let mut line = if transport == "UDP" { Line::udp(anywhere(switch), switch) } else { Line::tcp(switch) };
    line.send(message);
    let patience = if want == Silence { Duration::from_millis(200) } else { Duration::from_secs(1) };
    let end = Instant::now() + patience;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        let Some(response) = line.receive(left) else { break };
        match status(&response) {
            Some(status) if status >= 200 && is_to(&response, message) => return (Status(status), response),
            _ => {}
        }
    }
    (Silence, String::new())
}

/// Is it the answer to the first request in these bytes? A second one may be of a class that is served before.
fn is_to(response: &str, message: &[u8]) -> bool {
    let head = message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message, |end| &message[..end]);
    let call_id = response.lines().find_map(|line| line.strip_prefix("Call-ID: ")).unwrap_or_default();
    String::from_utf8_lossy(head).contains(call_id.trim())
}

fn messages() -> BTreeMap<String, Vec<u8>> {
    let text = include_str!("../../crates/sip/tests/torture/messages.json");
    let json: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let sets = ["rfc4475", "rfc5118"].map(|set| json[set].as_object().expect("a set of messages").clone());
    let message = |base64: serde_json::Value| decode(base64.as_str().expect("text"));
    sets.into_iter().flatten().map(|(name, base64)| (name, message(base64))).collect()
}

fn decode(base64: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = |letter: u8| ALPHABET.iter().position(|known| *known == letter);
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for value in base64.bytes().map_while(value) {
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}
