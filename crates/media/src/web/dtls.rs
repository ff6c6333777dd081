//! The DTLS handshake of a browser's leg (RFC 5763, RFC 5764): who is at the other end, and keys for SRTP.
//!
//! Where it stands: the one file of the house that knows `dimpl`. `web` gives it what comes from where the browser is. A
//! handshake that goes wrong ends in silence: the call's signalling, not a datagram, ends a call.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use base::Time;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};
use rtp::srtp::{MasterKey, Suite};

/// Our certificates, which browsers know by their fingerprints, and the tie of our time to theirs. There are two, so that a
/// leg whose media moves can show another: to a browser that is another party, with whom it begins anew.
pub struct Identity {
    certificates: [DtlsCertificate; 2],
    config: Arc<Config>,
    fingerprints: [String; 2],
    origin: Instant,
}

/// Keys are nobody's business.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprints[0])
    }
}

impl Identity {
    /// Two certificates and their keys (ECDSA), all in DER; `origin` is when [`Time::ZERO`] was.
    pub fn new(pairs: [(Vec<u8>, Vec<u8>); 2], origin: Instant) -> Identity {
        let certificates = pairs.map(|(certificate, private_key)| DtlsCertificate { certificate, private_key });
        Identity {
            fingerprints: [0, 1].map(|nth: usize| written(&sha256(&certificates[nth].certificate))),
            certificates,
            config: Arc::new(Config::default()),
            origin,
        }
    }

    /// As descriptions have them (RFC 8122 §5), without the name of the hash, which is SHA-256.
    pub fn fingerprints(&self) -> &[String; 2] {
        &self.fingerprints
    }

    fn instant(&self, now: Time) -> Instant {
        self.origin + Duration::from_nanos(now.as_nanos())
    }

    fn time(&self, instant: Instant) -> Time {
        Time::ZERO + instant.saturating_duration_since(self.origin)
    }
}

/// One handshake, and what remains of it for lost last words.
pub(super) struct Handshake {
    dtls: Option<Dtls>,
    due: Time,
    /// The other side's certificate is the one its description named.
    is_known: bool,
    buffer: Box<[u8; BUFFER]>,
}

impl Handshake {
    /// `active`: we speak first.
    pub fn new(identity: &Identity, certificate: usize, active: bool, now: Time) -> Handshake {
        let (config, certificate) = (identity.config.clone(), identity.certificates[certificate % 2].clone());
        let mut dtls = Dtls::new_auto(config, certificate, identity.instant(now));
        dtls.set_active(active);
        // Whoever speaks first has something to say at once.
        Handshake { dtls: Some(dtls), due: now, is_known: false, buffer: Box::new([0; BUFFER]) }
    }

    /// When [`look`](Self::look) is wanted.
    pub fn due(&self) -> Time {
        self.due
    }

    /// A datagram came. Keys follow once: ours and theirs.
    pub fn receive(
        &mut self,
        datagram: &[u8],
        identity: &Identity,
        fingerprint: &[u8],
        now: Time,
        send: impl FnMut(&[u8]),
    ) -> Option<(MasterKey, MasterKey)> {
        let dtls = self.dtls.as_mut()?;
        if dtls.handle_timeout(identity.instant(now)).and_then(|()| dtls.handle_packet(datagram)).is_err() {
            self.give_up();
            return None;
        }
        self.drain(identity, fingerprint, send)
    }

    /// Time has passed.
    pub fn look(
        &mut self,
        identity: &Identity,
        fingerprint: &[u8],
        now: Time,
        send: impl FnMut(&[u8]),
    ) -> Option<(MasterKey, MasterKey)> {
        if self.dtls.as_mut()?.handle_timeout(identity.instant(now)).is_err() {
            self.give_up();
            return None;
        }
        self.drain(identity, fingerprint, send)
    }

    /// Says all there is to say.
    fn drain(
        &mut self,
        identity: &Identity,
        fingerprint: &[u8],
        mut send: impl FnMut(&[u8]),
    ) -> Option<(MasterKey, MasterKey)> {
        let mut keys = None;
        for _ in 0..OUTPUTS_MAX {
            let dtls = self.dtls.as_mut()?;
            match dtls.poll_output(&mut self.buffer[..]) {
                Output::Packet(packet) => send(packet),
                Output::PeerCert(certificate) => {
                    self.is_known = sha256(certificate) == fingerprint;
                    if !self.is_known {
                        self.give_up(); // RFC 5763 §5: somebody stands in between
                        return None;
                    }
                }
                Output::KeyingMaterial(material, profile) if self.is_known => {
                    keys = keys_of(&material, profile, dtls.is_active());
                }
                Output::Timeout(instant) => {
                    self.due = identity.time(instant);
                    break;
                }
                Output::BufferTooSmall { .. } => {
                    self.give_up(); // no datagram of ours is so long
                    return None;
                }
                _ => {} // no data is spoken here, and a call ends by its signalling
            }
        }
        keys
    }

    /// It went wrong: there is nothing more to come of it.
    pub fn has_failed(&self) -> bool {
        self.dtls.is_none()
    }

    fn give_up(&mut self) {
        (self.dtls, self.due) = (None, Time::NEVER);
    }
}

/// RFC 5764 §4.2: the client's key, the server's, the client's salt, the server's. Ours first.
fn keys_of(material: &[u8], profile: SrtpProfile, we_are_client: bool) -> Option<(MasterKey, MasterKey)> {
    let suite = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Suite::AesCm128HmacSha1_80,
        SrtpProfile::AEAD_AES_128_GCM => Suite::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Suite::AeadAes256Gcm,
        _ => return None, // not among those we offer
    };
    let (key, salt) = (suite.key_bytes(), suite.salt_bytes());
    let (keys, salts) = material.split_at_checked(2 * key)?;
    let of = |nth: usize| {
        let (key, salt) = (keys.get(nth * key..(nth + 1) * key)?, salts.get(nth * salt..(nth + 1) * salt)?);
        MasterKey::new(suite, &[key, salt].concat())
    };
    let (client, server) = (of(0)?, of(1)?);
    Some(if we_are_client { (client, server) } else { (server, client) })
}

fn sha256(certificate: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, certificate).as_ref().to_vec()
}

fn written(hash: &[u8]) -> String {
    let octets: Vec<String> = hash.iter().map(|octet| format!("{octet:02X}")).collect();
    octets.join(":")
}

/// Longer than any datagram of a handshake.
const BUFFER: usize = 2048;
/// More than one datagram can lead to; what is left waits for the next.
const OUTPUTS_MAX: usize = 64;
