//! SIPREC (RFC 7866): another switch has its calls recorded here. It is played by hand, message by message, and sends real RTP.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use audio::Encoding;
use serde_json::json;

use crate::harness::sip::{Line, status};
use crate::harness::sound::{read, tone};
use crate::harness::switch::{Centre, assert_fields};
use crate::harness::{files_below, ports, until};

const CALLER_HZ: u32 = 700;
const AGENT_HZ: u32 = 1_900;
const OTHER_HZ: u32 = 1_200;

/// A switch that has its calls recorded: one dialog, sockets for its streams.
struct Source {
    line: Line,
    centre: SocketAddr,
    call_id: String,
    to_tag: String,
    cseq: u32,
    streams: Vec<UdpSocket>,
}

impl Source {
    fn at(local: SocketAddr, centre: SocketAddr) -> Source {
        let line = Line::udp(local, centre);
        let streams = (0..3).map(|_| UdpSocket::bind((local.ip(), 0)).expect("a port")).collect();
        Source { line, centre, call_id: format!("siprec-{}", local.port()), to_tag: String::new(), cseq: 0, streams }
    }

    /// A description: of each stream its label, its direction, or nothing if it is switched off.
    fn sdp(&self, streams: &[(&str, &str)]) -> String {
        let ip = self.line.local().ip();
        let mut sdp = format!("v=0\r\no=- 1 {} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n", self.cseq + 1);
        for ((label, direction), socket) in streams.iter().zip(&self.streams) {
            let port = if direction.is_empty() { 0 } else { socket.local_addr().expect("bound").port() };
            sdp += &format!("m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=label:{label}\r\n");
            if port != 0 {
                sdp += &format!("a={direction}\r\n");
            }
        }
        sdp
    }

    /// Asks, and gives the final answer.
    fn ask(&mut self, method: &str, parts: &[(&str, &str)]) -> String {
        self.cseq += 1;
        let (local, centre, cseq) = (self.line.local(), self.centre, self.cseq);
        let to_tag = if self.to_tag.is_empty() { String::new() } else { format!(";tag={}", self.to_tag) };
        let (kind, body) = match parts {
            [] => (String::new(), String::new()),
            [(kind, body)] => (format!("Content-Type: {kind}\r\n"), (*body).to_owned()),
            parts => {
                let part =
                    |(kind, body): &(&str, &str)| format!("--uniqueBoundary\r\nContent-Type: {kind}\r\n\r\n{body}\r\n");
                let body = parts.iter().map(part).collect::<String>() + "--uniqueBoundary--\r\n";
                ("Content-Type: multipart/mixed;boundary=uniqueBoundary\r\n".to_owned(), body)
            }
        };
        let require = if method == "INVITE" { "Require: siprec\r\n" } else { "" };
        let message = format!(
            "{method} sip:srs@{centre} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK-{cseq}-{method};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:src@{local}>;tag=src\r\nTo: <sip:srs@{centre}>{to_tag}\r\n\
             Call-ID: {}\r\nCSeq: {cseq} {method}\r\nContact: <sip:src@{local}>;+sip.src\r\n{require}{kind}\
             Content-Length: {}\r\n\r\n{body}",
            self.call_id,
            body.len(),
        );
        self.line.send(message.as_bytes());
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            let Some(answer) = self.line.receive(Duration::from_secs(10)) else { break };
            let is_ours = answer.contains(&format!("CSeq: {cseq} {method}"));
            if is_ours && status(&answer).is_some_and(|status| status >= 200) {
                if let Some(tag) =
                    answer.lines().find(|line| line.starts_with("To:")).and_then(|to| to.split("tag=").nth(1))
                {
                    tag.trim().clone_into(&mut self.to_tag);
                }
                if method == "INVITE" {
                    self.acknowledge();
                }
                return answer;
            }
        }
        panic!("{method} was not answered");
    }

    fn acknowledge(&mut self) {
        let (local, centre, cseq) = (self.line.local(), self.centre, self.cseq);
        let ack = format!(
            "ACK sip:srs@{centre} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK-{cseq}-ACK;rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:src@{local}>;tag=src\r\nTo: <sip:srs@{centre}>;tag={}\r\n\
             Call-ID: {}\r\nCSeq: {cseq} ACK\r\nContent-Length: 0\r\n\r\n",
            self.to_tag, self.call_id,
        );
        self.line.send(ack.as_bytes());
    }

    /// Says these tones for so long, each into the medium of its place; `0` is nothing.
    fn say(&self, answer: &str, tones: &[u32], secs: u32) {
        let media: Vec<u16> = answer
            .lines()
            .filter_map(|line| line.strip_prefix("m=audio "))
            .map(|rest| rest.split(' ').next().and_then(|port| port.parse().ok()).expect("a port"))
            .collect();
        let payloads: Vec<Vec<u8>> = tones.iter().map(|hz| Encoding::Pcma.encoded(&tone(*hz, secs))).collect();
        let began = Instant::now();
        for frame in 0..secs * 50 {
            let at = Duration::from_millis(u64::from(frame) * 20);
            std::thread::sleep(at.saturating_sub(began.elapsed()));
            for (stream, (socket, payload)) in
                self.streams.iter().zip(&payloads).enumerate().filter(|(at, _)| tones[*at] != 0)
            {
                let mut packet = vec![0x80, 8];
                packet.extend(((self.cseq as u16) * 5_000 + frame as u16).to_be_bytes());
                packet.extend((self.cseq * 800_000 + frame * 160).to_be_bytes());
                packet.extend((stream as u32 + 1).to_be_bytes());
                packet.extend(&payload[frame as usize * 160..][..160]);
                socket.send_to(&packet, (self.centre.ip(), media[stream])).expect("a datagram on its way");
            }
        }
    }
}

fn metadata(mode: &str, agent: &str, label: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><recording xmlns=\"urn:ietf:params:xml:ns:recording:1\"><datamode>{mode}</datamode>\
         <session session_id=\"hVpd7YQgRW2nD22h7q60JQ==\"/>\
         <participant participant_id=\"p1==\"><nameID aor=\"tel:+38515550100\"><name>Žana</name></nameID></participant>\
         <participant participant_id=\"{agent}==\"><nameID aor=\"sip:{agent}@branch.example\"/></participant>\
         <stream stream_id=\"s1==\" session_id=\"hVpd7YQgRW2nD22h7q60JQ==\"><label>96</label></stream>\
         <stream stream_id=\"s{label}==\" session_id=\"hVpd7YQgRW2nD22h7q60JQ==\"><label>{label}</label></stream>\
         <participantstreamassoc participant_id=\"p1==\"><send>s1==</send></participantstreamassoc>\
         <participantstreamassoc participant_id=\"{agent}==\"><send>s{label}==</send></participantstreamassoc></recording>"
    )
}

/// A centre that records for the switch at an address of its own.
fn centre(name: &str, may: bool) -> (Centre, SocketAddr) {
    let centre = Centre::new(name);
    let branch = SocketAddr::new(IpAddr::from([127, 0, 0, 3]), ports::block(2));
    centre.add("trunks.toml", &format!("[branch]\naddress = \"{branch}\"\nsiprec = {may}\n"));
    (centre, branch)
}

#[test]
fn two_streams_become_two_channels_and_go_on_after_a_transfer() {
    let (centre, branch) = centre("siprec-server", true);
    let switch = centre.start();
    let mut source = Source::at(branch, switch.address);
    let offer = source.sdp(&[("96", "sendonly"), ("97", "sendonly")]);
    let parts = [("application/sdp", &*offer), ("application/rs-metadata+xml", &metadata("complete", "ann", "97"))];
    let answer = source.ask("INVITE", &parts);
    assert_eq!(status(&answer), Some(200), "{answer}");
    assert!(answer.contains(";+sip.srs") && answer.matches("a=recvonly").count() == 2, "{answer}");
    assert!(answer.contains("a=label:96") && answer.contains("a=label:97"), "{answer}");
    source.say(&answer, &[CALLER_HZ, AGENT_HZ], 3);

    // The caller holds: one stream rests (RFC 7866 §8.1.6).
    let held = source.sdp(&[("96", "inactive"), ("97", "sendonly")]);
    assert_eq!(status(&source.ask("INVITE", &[("application/sdp", &held)])), Some(200));

    // Ann is replaced by Bob: another stream, other metadata (RFC 7866 §8.1.7).
    let offer = source.sdp(&[("96", "sendonly"), ("97", ""), ("98", "sendonly")]);
    let parts = [("application/sdp", &*offer), ("application/rs-metadata+xml", &metadata("partial", "bob", "98"))];
    let answer = source.ask("INVITE", &parts);
    assert_eq!(status(&answer), Some(200), "{answer}");
    source.say(&answer, &[CALLER_HZ, 0, OTHER_HZ], 3);
    // What changes without the streams comes by UPDATE.
    let update = metadata("partial", "cid", "98");
    assert_eq!(status(&source.ask("UPDATE", &[("application/rs-metadata+xml", &update)])), Some(200));
    assert_eq!(status(&source.ask("BYE", &[])), Some(200));

    let recording = switch.recording();
    recording.caller.assert_only("the caller's stream", CALLER_HZ, AGENT_HZ);
    assert!(recording.party.level(AGENT_HZ) > -18.0, "{}", recording.party.level(AGENT_HZ));
    assert!(recording.party.level(OTHER_HZ) > -18.0, "{}", recording.party.level(OTHER_HZ));
    assert!(recording.party.level(CALLER_HZ) < -45.0, "{}", recording.party.level(CALLER_HZ));
    assert!((5.8..8.0).contains(&recording.caller.seconds()), "{}", recording.caller.seconds());
    let sidecar = &recording.sidecar;
    assert_fields(
        &sidecar["channels"]["left"],
        &json!({ "number": "+38515550100", "name": "Žana", "trunk": "branch" }),
    );
    let right: Vec<_> =
        sidecar["channels"]["right"].as_array().expect("parties").iter().map(|party| &party["number"]).collect();
    assert_eq!(right, ["ann", "bob", "cid"]);
    assert_fields(&sidecar["siprec"], &json!({ "trunk": "branch", "session": "hVpd7YQgRW2nD22h7q60JQ==" }));
    let streams = sidecar["siprec"]["streams"].as_array().expect("streams");
    let labels: Vec<_> = streams.iter().map(|stream| (&stream["label"], &stream["channel"])).collect();
    assert_eq!(
        labels,
        [(&json!("96"), &json!("left")), (&json!("97"), &json!("right")), (&json!("98"), &json!("right"))]
    );
    assert_eq!(streams[0]["held"].as_array().map(Vec::len), Some(1), "{streams:#?}");
    // It is in the archive like any other.
    let mut command = centre.program(&["recordings", "list", "--number", "38515550100", "--json"]);
    let listed = command.arg("--folder").arg(centre.recordings()).output().expect("the program runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("\"called\":\"bob\"") || listed.contains("\"called\":\"cid\""), "{listed}");
    assert!(switch.cdrs().is_empty(), "it was no call of ours");
}

#[test]
fn only_who_is_named_in_the_conf_is_recorded() {
    let (centre, branch) = centre("siprec-stranger", false);
    let switch = centre.start();
    let mut source = Source::at(branch, switch.address);
    let offer = source.sdp(&[("1", "sendonly"), ("2", "sendonly")]);
    let parts = [("application/sdp", &*offer), ("application/rs-metadata+xml", "<recording/>")];
    assert_eq!(status(&source.ask("INVITE", &parts)), Some(403));
    assert!(files_below(&centre.recordings(), ".wav").is_empty());
    until("a line for the operator", Duration::from_secs(5), || {
        std::fs::read_to_string(centre.log()).ok()?.contains("siprec = true").then_some(())
    });
}

#[test]
fn a_session_that_dies_with_its_sender_is_closed_and_whole() {
    let (centre, branch) = centre("siprec-gone", true);
    centre.replace("switch.toml", "timeout_secs = 60", "timeout_secs = 1");
    let mut switch = centre.start();
    let mut source = Source::at(branch, switch.address);
    let offer = source.sdp(&[("1", "sendonly"), ("2", "sendonly")]);
    let answer = source.ask("INVITE", &[("application/sdp", &offer)]); // not even metadata
    assert_eq!(status(&answer), Some(200), "{answer}");
    source.say(&answer, &[CALLER_HZ, AGENT_HZ], 2);
    switch.process.terminate(); // what stands is ended, and said so
    assert!(switch.process.end_within(Duration::from_secs(15)).success());
    let bye = source.line.receive(Duration::from_secs(5)).expect("a BYE");
    assert!(bye.starts_with("BYE sip:src@"), "{bye}");
    let sides = read(&files_below(&centre.recordings(), ".wav")[0]);
    sides[0].assert_only("the first stream", CALLER_HZ, AGENT_HZ);
    sides[1].assert_only("the second stream", AGENT_HZ, CALLER_HZ);
}
