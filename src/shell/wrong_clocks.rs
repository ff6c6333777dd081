//! Certificates where clocks are wrong: ours, or that of who made it, may be a minute fast or slow.
//!
//! Where it stands: what `tls` and `callers` ask whether a certificate is good. Everything but its time is judged as ever.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// So far a clock may be off.
const SLACK: Duration = Duration::from_secs(60);

/// What the time may be, if a clock says that it is `now`.
pub(super) fn moments(now: UnixTime) -> [UnixTime; 3] {
    let secs = now.as_secs();
    let at = |secs| UnixTime::since_unix_epoch(Duration::from_secs(secs));
    [now, at(secs.saturating_sub(SLACK.as_secs())), at(secs.saturating_add(SLACK.as_secs()))]
}

/// Judges servers' certificates by the roots it has.
#[derive(Debug)]
pub(super) struct Lenient(Arc<WebPkiServerVerifier>);

impl Lenient {
    pub(super) fn new(roots: RootCertStore) -> Result<Arc<Lenient>, String> {
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), super::tls::provider()).build();
        Ok(Arc::new(Lenient(verifier.map_err(|why| why.to_string())?)))
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let [now, before, after] = moments(now);
        let judge = |at| self.0.verify_server_cert(own, between, name, ocsp, at);
        match judge(now) {
            Err(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
                judge(before)
            }
            Err(Error::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            )) => judge(after),
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn a_certificate_is_good_a_minute_before_and_after_its_time_and_no_longer() {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let by = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let mut roots = RootCertStore::empty();
        roots.add(by.der().clone()).expect("a root");
        let mut params = CertificateParams::new(vec!["sip.example".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 7, 1));
        let (begins, ends) = (params.not_before.unix_timestamp(), params.not_after.unix_timestamp());
        let own = params.signed_by(&KeyPair::generate().expect("a key"), &by).expect("a certificate").der().clone();
        let lenient = Lenient::new(roots).expect("roots");
        for (at, name, good) in [
            (begins + 3_600, "sip.example", true),
            (begins + 3_600, "other.example", false),
            (begins - 59, "sip.example", true),
            (begins - 59, "other.example", false),
            (begins - 61, "sip.example", false),
            (ends + 59, "sip.example", true),
            (ends + 62, "sip.example", false),
        ] {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(at.unsigned_abs()));
            let name: ServerName<'_> = name.try_into().expect("a name");
            let judged = lenient.verify_server_cert(&own, &[], &name, &[], now);
            assert_eq!(judged.is_ok(), good, "{at} {name:?} {judged:?}");
        }
    }
}
