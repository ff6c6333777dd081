//! SIP over TLS: phones, the certificate's life, a trunk between two switches, and those who only hold connections.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::harness::phone::Phone;
use crate::harness::sip::{Line, Version};
use crate::harness::sipp::Party;
use crate::harness::switch::{Centre, assert_fields};
use crate::harness::until;
use crate::operate::operate;

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const A_WHILE: Duration = Duration::from_secs(10);

#[test]
fn two_phones_talk_by_tls_and_one_of_them_to_one_by_udp() {
    for (anns, bobs) in [("tls", "tls"), ("udp", "tls"), ("tls", "udp")] {
        let centre = Centre::new("tls-phones");
        let tls = centre.listen_tls();
        let switch = centre.start();
        let place = |transport| if transport == "tls" { tls } else { switch.address };
        let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, place(anns), anns);
        let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, place(bobs), bobs);
        ann.dial(&format!("sip:202@{};transport={anns}", place(anns)));
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        thread::sleep(Duration::from_secs(2));
        bob.hang_up();
        ann.wait_for("CALL_CLOSED", A_WHILE);
        let wanted = json!({ "caller": "ann", "answered_by": "bob", "ended_by": "agent", "status": 200 });
        assert_fields(&switch.cdr(), &wanted);
        ann.heard().assert_only("Ann's ear", BOB_HZ, ANN_HZ);
        bob.heard().assert_only("Bob's ear", ANN_HZ, BOB_HZ);
        switch.recording().assert_sides(ANN_HZ, BOB_HZ);
    }
}

#[test]
fn the_certificate_of_a_first_start_is_shown_and_a_new_one_cuts_nobody_off() {
    let centre = Centre::new("certificate");
    let tls = centre.listen_tls();
    let switch = centre.start();
    let certificate = centre.conf().join("tls/cert.pem");
    let log = switch.process.said();
    assert!(log.contains("made a self-signed certificate"), "{log}");
    let mut lines = [Version::Tls12, Version::Tls13].map(|version| Line::tls(tls, &certificate, version).expect("TLS"));
    for line in &mut lines {
        assert!(line.is_answered(A_WHILE));
        line.send(b"\r\n\r\n");
        assert_eq!(line.receive_bytes(2, A_WHILE), b"\r\n", "RFC 5626 §3.5.1");
    }

    // Another certificate takes its place: a half-written one is not shown, a whole one is.
    let first = std::fs::read(&certificate).expect("the first");
    std::fs::write(&certificate, "half of it").expect("a file in our own folder");
    until("a warning", 2 * A_WHILE, || {
        switch.process.said().contains("the old certificate is still shown").then_some(())
    });
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    std::fs::write(&certificate, made.cert.pem()).expect("a file in our own folder");
    std::fs::write(centre.conf().join("tls/key.pem"), made.signing_key.serialize_pem()).expect("a file of ours");
    until("the new certificate", 2 * A_WHILE, || Line::tls(tls, &certificate, Version::Tls13));
    std::fs::write(&certificate, first).expect("a file in our own folder");
    assert!(Line::tls(tls, &certificate, Version::Tls13).is_none(), "the first is not trusted any more");
    for line in &mut lines {
        assert!(line.is_answered(A_WHILE), "its connection stands");
    }
}

#[test]
fn a_call_goes_to_another_switch_by_tcp_and_by_tls() {
    for transport in ["tcp", "tls"] {
        let (near, far) = (Centre::new("near"), Centre::new("far").at([127, 0, 0, 5]));
        let far_tls = far.listen_tls();
        let far_place = if transport == "tls" { far_tls } else { far.address };
        far.add("trunks.toml", &format!("[near]\naddress = \"{}\"\n", near.address));
        far.add("routes.toml", "\n[[route]]\nfrom = \"trunk:near\"\nnumber = \"5*\"\nto = \"echo\"\n");
        let far_switch = far.start();
        let roots = if transport == "tls" {
            near.listen_tls(); // it shows its certificate, too, if asked
            std::fs::copy(far.conf().join("tls/cert.pem"), near.conf().join("far.pem")).expect("a certificate");
            "tls_roots = \"far.pem\"\n"
        } else {
            ""
        };
        let switch = near.start();
        // The trunk is new while the switch runs; one without roots that can be read is not taken.
        near.add("routes.toml", "\n[[route]]\nnumber = \"5*\"\nto = \"trunk:far\"\n");
        let trunk = format!("[far]\naddress = \"{far_place}\"\ntransport = \"{transport}\"\n{roots}");
        if transport == "tls" {
            near.write("trunks.toml", &trunk.replace("far.pem", "no.pem"));
            let (content, said) = operate(&near, &["reload"]);
            assert!(!content && said.contains("[far] is reached by TLS") && said.contains("no.pem"), "{said}");
        }
        near.write("trunks.toml", &trunk);
        let (content, said) = operate(&near, &["reload"]);
        assert!(content, "{said}");
        Party::new("ann").play("caller_talks", &near.room, switch.address, "555", &[]).passes();
        let wanted = json!({ "caller": "ann", "called": "555", "direction": "outbound", "ended_by": "caller" });
        assert_fields(&switch.cdr(), &wanted);
        let wanted = json!({ "caller": "201", "called": "555", "direction": "inbound", "path": ["echo"] });
        assert_fields(&far_switch.cdr(), &wanted);

        // The far one is gone: the caller is told at once, not after 32 s of waiting.
        drop(far_switch);
        let began = Instant::now();
        Party::new("ann").play("caller_refused", &near.room, switch.address, "555", &[("STATUS", "503")]).passes();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

#[test]
fn a_trunk_that_shows_a_strangers_certificate_gets_no_call() {
    let (near, far) = (Centre::new("near"), Centre::new("stranger").at([127, 0, 0, 5]));
    let far_tls = far.listen_tls();
    let far_switch = far.start();
    near.listen_tls();
    near.add(
        "trunks.toml",
        &format!("[far]\naddress = \"{far_tls}\"\ntransport = \"tls\"\ntls_roots = \"tls/cert.pem\"\n"),
    );
    near.add("routes.toml", "\n[[route]]\nnumber = \"5*\"\nto = \"trunk:far\"\n");
    let switch = near.start();
    Party::new("ann").play("caller_refused", &near.room, switch.address, "555", &[("STATUS", "503")]).passes();
    assert!(switch.process.said().contains("no TLS with a trunk"));
    assert!(far_switch.cdrs().is_empty());
}

#[test]
fn who_only_holds_connections_holds_up_nobody() {
    let centre = Centre::new("idle");
    centre.add("switch.toml", "\n[connections]\nmax = 2600\nper_source_max = 1100\n");
    let tls = centre.listen_tls();
    let switch = centre.start();
    let certificate = centre.conf().join("tls/cert.pem");
    centrala::shell::allow_many_connections();
    // 1,000 by TCP and 1,000 by TLS that said one thing, from two addresses.
    let source = |last| SocketAddr::new(IpAddr::from([127, 0, 0, last]), 0);
    let mut idle: Vec<Line> = (0..1_000).map(|_| Line::tcp_from(source(2), switch.address)).collect();
    let secure = || Line::tls_from(source(3), tls, &certificate, Version::Tls13).expect("a connection by TLS");
    idle.extend((0..1_000).map(|_| secure()));
    for line in &mut idle {
        line.send(b"\r\n\r\n");
        assert_eq!(line.receive_bytes(2, A_WHILE), b"\r\n");
    }
    // And some that say nothing, or half of something: they are let go.
    let silent = Line::tcp_from(source(4), switch.address);
    let mut half = Line::tcp_from(source(4), switch.address);
    half.send(b"OPTIONS sip:");
    let no_handshake = Line::tcp_from(source(4), tls);
    // One source may not take them all.
    let mut more: Vec<Line> = (0..150).map(|_| Line::tcp_from(source(2), switch.address)).collect();
    let refused =
        more.iter_mut().rev().filter_map(|line| line.is_closed_within(Duration::from_millis(20)).then_some(()));
    assert!(refused.count() >= 40, "1,100 from one address are enough");
    drop(more);

    // Meanwhile calls are made.
    Party::new("ann").by("TCP").play("caller_talks", &centre.room, switch.address, "600", &[]).passes();
    assert_fields(&switch.cdr(), &json!({ "called": "600", "status": 200, "ended_by": "caller" }));
    assert!(Line::tls(tls, &certificate, Version::Tls12).expect("TLS").is_answered(A_WHILE));
    for mut line in [silent, half, no_handshake] {
        assert!(line.is_closed_within(Duration::from_secs(12)));
    }
    for line in idle.iter_mut().step_by(97) {
        assert!(line.is_answered(A_WHILE), "it was idle, not silent");
    }
    println!("2,000 idle connections: the switch has {} KiB resident", switch.process.resident_kib());
}

#[test]
fn a_trunk_that_asks_is_shown_our_certificate() {
    let near = Centre::new("mutual");
    near.listen_tls();
    // The carrier: a name for itself, and trust in nobody but us.
    let made = rcgen::generate_simple_self_signed(["sip.carrier.example".to_owned()]).expect("a certificate");
    near.write("carrier.pem", &made.cert.pem());
    let carrier = TcpListener::bind(("127.0.0.6", 0)).expect("a port");
    let address = carrier.local_addr().expect("a bound socket");
    near.add(
        "trunks.toml",
        &format!(
            "[carrier]\naddress = \"{address}\"\ntransport = \"tls\"\ntls_name = \"sip.carrier.example\"\n\
             tls_roots = \"carrier.pem\"\n"
        ),
    );
    near.add("routes.toml", "\n[[route]]\nnumber = \"5*\"\nto = \"trunk:carrier\"\n");
    let switch = near.start();

    let ours = CertificateDer::from_pem_file(near.conf().join("tls/cert.pem")).expect("our certificate");
    let mut trusted = RootCertStore::empty();
    trusted.add(ours.clone()).expect("a certificate");
    let renewed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    trusted.add(renewed.cert.der().clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let asks =
        WebPkiClientVerifier::builder_with_provider(trusted.into(), provider.clone()).build().expect("a verifier");
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_client_cert_verifier(asks).with_single_cert(vec![made.cert.der().clone()], key);
    let config = Arc::new(config.expect("a certificate and its key"));
    let answer_one = move || {
        let (stream, _) = carrier.accept().expect("a caller");
        let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).expect("a server"), stream);
        let mut bytes = [0; 4_096];
        let length = stream.read(&mut bytes).expect("an INVITE");
        let invite = String::from_utf8_lossy(&bytes[..length]).into_owned();
        let shown = stream.conn.peer_certificates().and_then(|chain| chain.first()).map(|first| first.to_vec());
        let line = |name: &str| invite.lines().find(|line| line.starts_with(name)).expect("a header").to_owned();
        let copied: String = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].map(|name| line(name) + "\r\n").concat();
        let copied = copied.replace("\r\nCall-ID:", ";tag=carrier\r\nCall-ID:");
        write!(stream, "SIP/2.0 486 Busy Here\r\n{copied}Content-Length: 0\r\n\r\n").expect("an answer");
        let _ = stream.read(&mut bytes); // the ACK
        (invite, shown)
    };
    let answering = thread::spawn(move || [answer_one(), answer_one()]);
    let calls = || Party::new("ann").play("caller_refused", &near.room, switch.address, "555", &[("STATUS", "486")]);
    calls().passes();
    // One that was renewed meanwhile is shown at the next connection.
    near.write("tls/key.pem", &renewed.signing_key.serialize_pem());
    near.write("tls/cert.pem", &renewed.cert.pem());
    until("the renewed one", 2 * A_WHILE, || {
        switch.process.said().contains("is new, and shown from now on").then_some(())
    });
    calls().passes();
    let [(invite, shown), (_, shown_then)] = answering.join().expect("a carrier that was called");
    assert!(
        invite.starts_with("INVITE sip:555@127.0.0.6") && invite.contains("Via: SIP/2.0/TLS 127.0.0.1"),
        "{invite}"
    );
    assert!(invite.contains(";transport=tls>"), "{invite}");
    assert_eq!(shown.as_deref(), Some(&*ours), "mutual TLS");
    assert_eq!(shown_then.as_deref(), Some(&**renewed.cert.der()));
}
