//! The certificates browsers are shown in their media's handshake (RFC 8827 §6.5): made at each start, known to nobody before,
//! and believed because the signalling names their fingerprints. They are not the one of TLS, which names the switch.

use std::sync::Arc;

use media::Identity;

use super::clock::Clock;
use super::tls::TlsError;

/// New ones.
pub(super) fn identity(clock: Clock) -> Result<Arc<Identity>, TlsError> {
    let pair = || {
        let made = rcgen::generate_simple_self_signed(["centrala".to_owned()]);
        let made = made.map_err(|why| TlsError::Making(why.to_string()))?;
        Ok((made.cert.der().to_vec(), made.signing_key.serialize_der()))
    };
    Ok(Arc::new(Identity::new([pair()?, pair()?], clock.origin())))
}
