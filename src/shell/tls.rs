//! TLS: our own certificate, and the trust we put in carriers'.
//!
//! Where it stands: the streams are wrapped with what is made here. The certificate lies in `tls/` of the conf folder; it
//! may be replaced while the switch runs: the next handshake shows the new one, and connections that stand keep theirs.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use locate::Target;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SignatureScheme};
use sip::{Host, Place, Transport};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tracing::{info, warn};

use super::callers::Callers;
use super::wrong_clocks::Lenient;
use crate::conf::{Conf, TlsTrust, Trunk};

/// Where TLS is spoken if nothing is said (RFC 3261 §19.1.2).
const TLS_PORT: u16 = 5061;
/// So many addresses of trunks are remembered.
const ADDRESSES_MAX: usize = 10_000;
/// How often the files are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Where systems keep the roots they trust.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Why there is no TLS: what happened, to what, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{file}: {why}; make it a file the switch may read, or take it away to have a self-signed one made")]
    File {
        /// Which.
        file: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// A file holds something else.
    #[error(
        "{file} holds no PEM certificates and key we can use ({why}); it takes the certificate first, then its chain"
    )]
    Content {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A certificate cannot be made.
    #[error("no self-signed certificate could be made: {0}; put cert.pem and key.pem into the conf folder's tls/")]
    Making(String),
    /// Nothing tells which carriers to trust.
    #[error("[{trunk}] is reached by TLS, but {why}; name the carrier's root certificates with tls_roots")]
    Roots {
        /// Which trunk.
        trunk: String,
        /// What is missing.
        why: String,
    },
}

/// Our own certificate, wherever TLS is spoken.
#[derive(Debug)]
pub(super) struct Certificate {
    folder: PathBuf,
    shown: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// The one in the conf folder; at a first start, one made now.
    pub(super) fn load(conf: &Conf) -> Result<Arc<Certificate>, TlsError> {
        let folder = conf.folder.join("tls");
        if !folder.join("cert.pem").exists() && !folder.join("key.pem").exists() {
            make_self_signed(&folder, conf)?;
            warn!(
                "made a self-signed certificate in {}; phones that check certificates refuse it: put one for your domain there",
                folder.display()
            );
        }
        let shown = RwLock::new(Arc::new(read(&folder)?));
        Ok(Arc::new(Certificate { folder, shown }))
    }

    /// What phones are greeted with. They are asked for no certificate: some would ask their user for one.
    pub(super) fn acceptor(self: &Arc<Certificate>) -> TlsAcceptor {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.expect("the provider's own versions"); // TLS 1.2 and 1.3 are compiled in
        TlsAcceptor::from(Arc::new(builder.with_no_client_auth().with_cert_resolver(self.clone())))
    }

    /// Looks at the files from time to time, and shows what is new in them.
    pub(super) async fn watch(self: Arc<Certificate>) {
        let mut seen = changed(&self.folder);
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            let now = changed(&self.folder);
            if now == seen {
                continue;
            }
            match read(&self.folder) {
                Ok(new) => {
                    *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                    info!("the certificate in {} is new, and shown from now on", self.folder.display());
                }
                Err(why) => warn!("the old certificate is still shown: {why}"), // perhaps half of it is written
            }
            seen = now;
        }
    }

    fn shown(&self) -> Arc<CertifiedKey> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown())
    }
}

impl ResolvesClientCert for Certificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.shown())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// How the trunks that are reached by TLS are greeted: by what the conf says of where they are, and by the addresses that
/// leads to. And which of them greet us with a certificate.
#[derive(Default)]
pub(super) struct Carriers {
    pub(super) callers: Callers,
    places: HashMap<Place, Greeting>,
    addresses: HashMap<SocketAddr, Greeting>,
}

/// A TLS client, and whom it takes the other side for.
#[derive(Clone)]
pub(super) struct Greeting {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
    pub(super) trunk: Arc<str>,
}

impl Carriers {
    /// Each is trusted by its own roots, or the system's. Our certificate is shown to those who ask (mutual TLS).
    pub(super) fn new(conf: &Conf, own: Option<&Arc<Certificate>>) -> Result<Carriers, TlsError> {
        let mut carriers = Carriers { callers: Callers::new(conf)?, ..Carriers::default() };
        for trunk in conf.trunks.values() {
            let Some(trust) = &trunk.tls else { continue };
            let connector = match connector(conf, trunk, trust, own) {
                Ok(connector) => connector,
                // It may never come to TLS.
                Err(_) if trunk.place.transport.is_none() && trust.roots.is_none() => continue,
                Err(why) => return Err(why),
            };
            let own_name = || match &trunk.place.host {
                Host::Address(address) => Some(ServerName::from(*address)),
                Host::Name(name) => ServerName::try_from(name.clone()).ok(),
                Host::None => None,
            };
            let Some(name) = trust.name.clone().or_else(own_name) else { continue };
            let greeting = Greeting { connector, name, trunk: trunk.conf.name.as_str().into() };
            if let Host::Address(address) = trunk.place.host {
                let address = SocketAddr::new(address, trunk.place.port.unwrap_or(TLS_PORT));
                carriers.addresses.insert(address, greeting.clone());
            }
            carriers.places.insert(trunk.place.clone(), greeting);
        }
        Ok(carriers)
    }

    /// A name leads there now. (Where it led before is still greeted so: a dialog may go on there.)
    pub(super) fn reach(&mut self, place: &Place, targets: &[Target]) {
        let Some(greeting) = self.places.get(place) else { return };
        let addresses = targets.iter().filter(|target| target.transport == Transport::Tls).map(|target| target.address);
        if self.addresses.len() >= ADDRESSES_MAX {
            self.addresses.clear();
        }
        self.addresses.extend(addresses.map(|address| (address, greeting.clone())));
    }

    /// How to greet who is there. `None`: that is no trunk of ours.
    pub(super) fn greeting(&self, remote: SocketAddr) -> Option<Greeting> {
        self.addresses.get(&remote).cloned()
    }
}

fn connector(
    conf: &Conf,
    trunk: &Trunk,
    trust: &TlsTrust,
    own: Option<&Arc<Certificate>>,
) -> Result<TlsConnector, TlsError> {
    let roots = roots(conf, &trunk.conf.name, trust.roots.as_deref())?;
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.expect("the provider's own versions").dangerous();
    let builder = builder.with_custom_certificate_verifier(
        Lenient::new(roots).map_err(|why| TlsError::Roots { trunk: trunk.conf.name.clone(), why })?,
    );
    let mut client = match own {
        Some(own) => builder.with_client_cert_resolver(own.clone()),
        None => builder.with_no_client_auth(),
    };
    client.resumption = Resumption::disabled(); // who resumes shows what was shown before
    Ok(TlsConnector::from(Arc::new(client)))
}

/// Who may sign a trunk's certificate: those in the file the conf names, or whom the system trusts.
pub(super) fn roots(conf: &Conf, trunk: &str, named: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let fault = |why: String| TlsError::Roots { trunk: trunk.to_owned(), why };
    let file = match named {
        Some(file) => conf.folder.join(file),
        None => system_roots().ok_or_else(|| fault("this system keeps no roots".to_owned()))?,
    };
    roots_in(&file).map_err(fault)
}

fn roots_in(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(file).map_err(|why| format!("{}: {why}", file.display()))?;
    let (taken, _) = roots.add_parsable_certificates(found.flatten());
    match taken {
        0 => Err(format!("{} holds no certificate", file.display())),
        _ => Ok(roots),
    }
}

/// How web servers are greeted: those whom the system trusts, or the file that SSL_CERT_FILE names, as OpenSSL's programs
/// do.
pub(super) fn web_client() -> Result<TlsConnector, String> {
    let file = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from).or_else(system_roots);
    let roots = roots_in(&file.ok_or("this system keeps no roots; name a file of them in SSL_CERT_FILE")?)?;
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.expect("the provider's own versions").dangerous();
    let builder = builder.with_custom_certificate_verifier(Lenient::new(roots)?);
    Ok(TlsConnector::from(Arc::new(builder.with_no_client_auth())))
}

fn system_roots() -> Option<PathBuf> {
    SYSTEM_ROOTS.iter().map(PathBuf::from).find(|file| file.exists())
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn read(folder: &Path) -> Result<CertifiedKey, TlsError> {
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let content = |file: &Path, why: String| TlsError::Content { file: file.to_owned(), why };
    let text = |file: &Path| fs::read(file).map_err(|why| TlsError::File { file: file.to_owned(), why });
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text(&cert)?).collect();
    let chain = chain.map_err(|why| content(&cert, why.to_string()))?;
    if chain.is_empty() {
        return Err(content(&cert, "no certificate in it".to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_slice(&text(&key)?).map_err(|why| content(&key, why.to_string()))?;
    CertifiedKey::from_der(chain, secret, &provider()).map_err(|why| content(&cert, why.to_string()))
}

fn make_self_signed(folder: &Path, conf: &Conf) -> Result<(), TlsError> {
    let of_trunks = conf.switch.listen_tls_trunks.iter().map(SocketAddr::ip);
    let listening = conf.switch.stream_listeners().map(|(_, address)| address.ip()).chain(of_trunks);
    let addresses = listening.filter(|ip| !ip.is_unspecified());
    let mut names: Vec<String> = addresses.chain(conf.switch.advertised.addresses()).map(|ip| ip.to_string()).collect();
    names.push("localhost".to_owned());
    if conf.switch.realm.contains('.') {
        names.push(conf.switch.realm.clone()); // a domain, as it should be
    }
    names.sort();
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names).map_err(|why| TlsError::Making(why.to_string()))?;
    fs::create_dir_all(folder).map_err(|why| TlsError::File { file: folder.to_owned(), why })?;
    for (name, mode, text) in
        [("key.pem", 0o600, made.signing_key.serialize_pem()), ("cert.pem", 0o644, made.cert.pem())]
    {
        let file = folder.join(name);
        let open = OpenOptions::new().write(true).create_new(true).mode(mode).open(&file);
        open.and_then(|mut open| open.write_all(text.as_bytes())).map_err(|why| TlsError::File { file, why })?;
    }
    Ok(())
}

fn changed(folder: &Path) -> [Option<SystemTime>; 2] {
    ["cert.pem", "key.pem"].map(|name| fs::metadata(folder.join(name)).and_then(|about| about.modified()).ok())
}
