//! Who calls by TLS with a certificate of his own: the trunk whose domain it is for (RFC 5922).
//!
//! Where it stands: the listeners of `listen_tls_trunks` ask for a certificate and greet nobody whose does not prove a trunk
//! of ours; what the connection has proven goes to the endpoint. (How carriers are greeted that we call is `tls`.)

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
};
use tokio_rustls::TlsAcceptor;
use webpki::{EndEntityCert, KeyUsage};

use super::tls::{Certificate, TlsError, provider, roots};
use super::wrong_clocks::moments;
use crate::conf::Conf;

/// The trunks that call by certificate.
#[derive(Debug, Default)]
pub(super) struct Callers(Vec<Caller>);

#[derive(Debug)]
struct Caller {
    trunk: String,
    names: Vec<String>,
    roots: RootCertStore,
}

impl Callers {
    /// Those of this conf.
    pub(super) fn new(conf: &Conf) -> Result<Callers, TlsError> {
        let mut trunks: Vec<_> = conf.trunks.values().collect();
        trunks.sort_by(|one, other| one.conf.name.cmp(&other.conf.name));
        let calling = trunks.into_iter().filter_map(|trunk| Some((trunk, trunk.certificate.as_ref()?)));
        let caller = |(trunk, by): (&crate::conf::Trunk, &crate::conf::CallsBy)| {
            let roots = roots(conf, &trunk.conf.name, by.roots.as_deref().map(Path::new))?;
            Ok(Caller { trunk: trunk.conf.name.clone(), names: by.names.clone(), roots })
        };
        Ok(Callers(calling.map(caller).collect::<Result<_, _>>()?))
    }

    /// Whom these certificates prove, the first one being his own.
    fn proven(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Option<&str> {
        let (own, between) = chain.split_first()?;
        let certificate = EndEntityCert::try_from(own).ok()?;
        let names = domains(&certificate);
        let algorithms = provider().signature_verification_algorithms;
        let proves = |caller: &&Caller| {
            let is_signed = |usage: KeyUsage| {
                let roots = &caller.roots.roots;
                moments(now).into_iter().any(|at| {
                    certificate.verify_for_usage(algorithms.all, roots, between, at, usage, None, None).is_ok()
                })
            };
            // The certificate of a SIP domain is one for both sides (RFC 5924); many authorities write "server" alone into it.
            names.iter().any(|name| caller.names.contains(name))
                && (is_signed(KeyUsage::client_auth()) || is_signed(KeyUsage::server_auth()))
        };
        self.0.iter().find(proves).map(|caller| &*caller.trunk)
    }
}

/// The SIP domains a certificate is for: its `sip:` URIs, or where it has none its DNS names; a star is none (RFC 5922 §7.1).
fn domains(certificate: &EndEntityCert<'_>) -> Vec<String> {
    let uris: Vec<&str> = certificate.valid_uri_names().filter_map(|uri| uri.strip_prefix("sip:")).collect();
    let names = if uris.is_empty() { certificate.valid_dns_names().collect() } else { uris };
    names.into_iter().map(str::to_ascii_lowercase).collect()
}

/// The callers there are now, for handshakes.
#[derive(Debug)]
pub(super) struct Asking {
    callers: RwLock<Callers>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Asking {
    pub(super) fn new(callers: Callers) -> Arc<Asking> {
        let algorithms = provider().signature_verification_algorithms;
        Arc::new(Asking { callers: RwLock::new(callers), algorithms })
    }

    /// Others, from a new conf. Connections that stand are left alone.
    pub(super) fn reload(&self, callers: Callers) {
        *self.callers.write().unwrap_or_else(PoisonError::into_inner) = callers;
    }

    /// The trunk these certificates prove.
    pub(super) fn proven(&self, chain: &[CertificateDer<'_>]) -> Option<String> {
        let callers = self.callers.read().unwrap_or_else(PoisonError::into_inner);
        callers.proven(chain, UnixTime::now()).map(str::to_owned)
    }

    /// Greets trunks, and nobody else.
    pub(super) fn acceptor(self: &Arc<Asking>, own: &Arc<Certificate>) -> TlsAcceptor {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.expect("the provider's own versions"); // TLS 1.2 and 1.3 are compiled in
        TlsAcceptor::from(Arc::new(builder.with_client_cert_verifier(self.clone()).with_cert_resolver(own.clone())))
    }
}

impl ClientCertVerifier for Asking {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[] // whoever has one shows it
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> = [own].into_iter().chain(between).cloned().collect();
        let callers = self.callers.read().unwrap_or_else(PoisonError::into_inner);
        match callers.proven(&chain, now) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
    };

    use super::*;

    type Issuer = CertifiedIssuer<'static, KeyPair>;

    fn authority() -> Issuer {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
    }

    fn signed(by: &Issuer, names: &[SanType], usages: &[ExtendedKeyUsagePurpose]) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.subject_alt_names = names.to_vec();
        params.extended_key_usages = usages.to_vec();
        params.signed_by(&KeyPair::generate().expect("a key"), by).expect("a certificate").der().clone()
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().expect("a name"))
    }

    fn uri(uri: &str) -> SanType {
        SanType::URI(uri.try_into().expect("a URI"))
    }

    #[test]
    fn a_certificate_proves_so_a_minute_after_its_time_and_no_longer() {
        let ours = authority();
        let mut roots = RootCertStore::empty();
        roots.add(ours.der().clone()).expect("a root");
        let name = "sip.one.example".to_owned();
        let callers = Callers(vec![Caller { trunk: "one".to_owned(), names: vec![name.clone()], roots }]);
        let mut params = CertificateParams::new(vec![name]).expect("a name");
        params.not_after = rcgen::date_time_ymd(2026, 7, 1);
        let ends = params.not_after.unix_timestamp().unsigned_abs();
        let certificate = params.signed_by(&KeyPair::generate().expect("a key"), &ours).expect("a certificate");
        for (after, proven) in [(0, Some("one")), (59, Some("one")), (62, None)] {
            let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(ends + after));
            assert_eq!(callers.proven(&[certificate.der().clone()], now), proven, "{after} s after its end");
        }
    }

    #[test]
    fn a_certificate_proves_the_trunk_whose_domain_and_authority_it_has() {
        let (ours, another) = (authority(), authority());
        let caller = |trunk: &str, name: &str, by: &Issuer| {
            let mut roots = RootCertStore::empty();
            roots.add(by.der().clone()).expect("a root");
            Caller { trunk: trunk.to_owned(), names: vec![name.to_owned()], roots }
        };
        let callers =
            Callers(vec![caller("one", "sip.one.example", &ours), caller("two", "sip.two.example", &another)]);
        let (client, server) = (ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth);
        for (by, names, usages, trunk) in [
            (&ours, vec![dns("sip.one.example")], vec![], Some("one")),
            (&ours, vec![dns("other.example"), dns("SIP.One.Example")], vec![], Some("one")),
            (&ours, vec![dns("sip.one.example")], vec![client.clone()], Some("one")),
            (&ours, vec![dns("sip.one.example")], vec![server], Some("one")),
            (&ours, vec![dns("sip.one.example")], vec![ExtendedKeyUsagePurpose::CodeSigning], None),
            (&another, vec![dns("sip.two.example")], vec![], Some("two")),
            (&another, vec![dns("sip.one.example")], vec![], None), // its authority speaks for the other
            (&ours, vec![dns("sip.two.example")], vec![], None),
            (&ours, vec![dns("*.one.example")], vec![], None),
            (&ours, vec![uri("sip:sip.one.example")], vec![], Some("one")),
            (&ours, vec![uri("sip:other.example"), dns("sip.one.example")], vec![], None), // the URIs alone count
            (&ours, vec![uri("sip:ann@sip.one.example")], vec![], None),
            (&ours, vec![uri("https://x.example"), dns("sip.one.example")], vec![client], Some("one")),
            (&ours, vec![], vec![], None),
        ] {
            let certificate = signed(by, &names, &usages);
            let proven = callers.proven(&[certificate], UnixTime::now());
            assert_eq!(proven, trunk, "{names:?} {usages:?}");
        }
        assert_eq!(callers.proven(&[], UnixTime::now()), None);
    }
}
