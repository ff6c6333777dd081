//! Trunks known by the certificate they show (RFC 5922), and connections used both ways (RFC 5923).

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

use crate::harness::sip::{Line, anywhere, connect, status};
use crate::harness::sipp::Party;
use crate::harness::switch::{Centre, assert_fields};
use crate::harness::{ports, until};

const A_WHILE: Duration = Duration::from_secs(10);

/// Who signs certificates in a test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    /// Certificate and key for these names, as PEM.
    fn signs(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let key = KeyPair::generate().expect("a key");
        let certificate =
            CertificateParams::new(names).expect("names").signed_by(&key, &self.0).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// A centre shows a certificate for these names.
    fn gives(&self, centre: &Centre, names: &[&str]) {
        let (certificate, key) = self.signs(names);
        std::fs::create_dir_all(centre.conf().join("tls")).expect("a folder of ours");
        centre.write("tls/cert.pem", &certificate);
        centre.write("tls/key.pem", &key);
    }

    fn is_trusted_by(&self, centre: &Centre) {
        centre.write("authority.pem", &self.0.pem());
    }
}

/// Lets the switch take trunks that show certificates.
fn asking(centre: &Centre) -> SocketAddr {
    let address = SocketAddr::new(centre.address.ip(), ports::block(2));
    centre.replace("switch.toml", "realm =", &format!("listen_tls_trunks = [\"{address}\"]\nrealm ="));
    address
}

/// A line by TLS that shows this certificate, or none. `None`: it is not greeted.
fn line(remote: SocketAddr, root: &Path, shown: Option<&(String, String)>) -> Option<Line> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(root).expect("a root")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let builder = builder.with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
            builder.with_client_auth_cert(chain, key).expect("both belong together")
        }
    };
    let client = ClientConnection::new(Arc::new(config), "far.example".try_into().expect("a name")).expect("a client");
    let stream = StreamOwned::new(client, connect(anywhere(remote), remote));
    let mut line = Line::Tls(Box::new(stream), Vec::new());
    // By TLS 1.3 one hears of a refusal only after one has spoken.
    line.is_answered(A_WHILE).then_some(line)
}

#[test]
fn two_switches_know_each_other_by_their_certificates() {
    let authority = Authority::new();
    let (near, far) = (Centre::new("mutual-near"), Centre::new("mutual-far").at([127, 0, 0, 5]));
    for (centre, name) in [(&near, "near.example"), (&far, "far.example")] {
        authority.gives(centre, &[name]);
        authority.is_trusted_by(centre);
    }
    let (near_tls, far_tls) = (asking(&near), asking(&far));
    let trunk = |name: &str, at: SocketAddr| {
        format!(
            "[{name}]\naddress = \"{at}\"\ntransport = \"tls\"\ntls_name = \"{name}.example\"\n\
             tls_from = [\"{name}.example\"]\ntls_roots = \"authority.pem\"\n"
        )
    };
    near.add("trunks.toml", &trunk("far", far_tls));
    far.add("trunks.toml", &trunk("near", near_tls));
    near.add("routes.toml", "\n[[route]]\nfrom = \"trunk:far\"\nnumber = \"5*\"\nto = \"echo\"\n\n[[route]]\nnumber = \"5*\"\nto = \"trunk:far\"\n");
    far.add("routes.toml", "\n[[route]]\nfrom = \"trunk:near\"\nnumber = \"5*\"\nto = \"echo\"\n\n[[route]]\nnumber = \"5*\"\nto = \"trunk:near\"\n");
    let (near_switch, far_switch) = (near.start(), far.start());
    let (inbound, outbound) = (json!({ "direction": "inbound", "path": ["echo"] }), json!({ "direction": "outbound" }));
    Party::new("ann").play("caller_talks", &near.room, near_switch.address, "555", &[]).passes();
    assert_fields(&near_switch.cdr(), &outbound);
    assert_fields(&far_switch.cdr(), &inbound);
    // And back.
    Party::new("ann").play("caller_talks", &far.room, far_switch.address, "556", &[]).passes();
    assert!(near_switch.cdrs_of(2).iter().any(|cdr| cdr["called"] == "556" && cdr["direction"] == "inbound"));
}

#[test]
fn who_shows_no_certificate_of_ours_is_not_greeted_and_who_does_is_called_by_his_own_connection() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let centre = Centre::new("mutual");
    authority.gives(&centre, &["far.example"]);
    authority.is_trusted_by(&centre);
    let tls = asking(&centre);
    let root = centre.conf().join("authority.pem");
    // Where the carrier is, nobody takes connections: it can only be called by one it has opened.
    let carrier = SocketAddr::from(([127, 0, 0, 1], ports::block(2)));
    centre.add(
        "trunks.toml",
        &format!(
            "[carrier]\naddress = \"{carrier}\"\ntransport = \"tls\"\ntls_from = [\"sip.carrier.example\"]\n\
             tls_roots = \"authority.pem\"\n"
        ),
    );
    centre.add("routes.toml", "\n[[route]]\nnumber = \"5*\"\nto = \"trunk:carrier\"\n");
    let switch = centre.start();
    for refused in [None, Some(stranger.signs(&["sip.carrier.example"])), Some(authority.signs(&["sip.other.example"]))]
    {
        assert!(line(tls, &root, refused.as_ref()).is_none());
    }
    let mut line = line(tls, &root, Some(&authority.signs(&["sip.carrier.example"]))).expect("a greeting");
    let options = format!(
        "OPTIONS sip:centrala SIP/2.0\r\nVia: SIP/2.0/TLS {carrier};branch=z9hG4bKalias;alias\r\nMax-Forwards: 70\r\n\
         From: <sip:carrier>;tag=1\r\nTo: <sip:centrala>\r\nCall-ID: alias\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    line.send(options.as_bytes());
    assert_eq!(line.receive(A_WHILE).as_deref().and_then(status), Some(200));
    let caller = Party::new("ann").play("caller_refused", &centre.room, switch.address, "555", &[("STATUS", "486")]);
    let invite = line.receive(A_WHILE).expect("a call");
    assert!(invite.starts_with("INVITE sip:555@"), "{invite}");
    let copied: String = invite
        .lines()
        .filter(|line| ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)))
        .map(|line| format!("{line}{}\r\n", if line.starts_with("To:") { ";tag=2" } else { "" }))
        .collect();
    line.send(format!("SIP/2.0 486 Busy Here\r\n{copied}Content-Length: 0\r\n\r\n").as_bytes());
    assert!(line.receive(A_WHILE).expect("an ACK").starts_with("ACK "));
    caller.passes();
    // Without its connection it is nowhere.
    drop(line);
    until("no way", A_WHILE, || {
        let caller = Party::new("bob");
        caller.play("caller_refused", &centre.room, switch.address, "555", &[("STATUS", "503")]).passes();
        Some(())
    });
}
