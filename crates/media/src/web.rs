//! A browser's leg: ICE and DTLS on its RTP port, until there are keys for SRTP (RFC 8827 §6.5, RFC 5764).
//!
//! Where it stands: `port` has one beside its line where a browser is at the other end, and gives it every datagram that is
//! no RTP (RFC 7983). Who proves by a check that it knows the call's password becomes the leg's source; with nobody else is
//! DTLS spoken; and the keys that come of it are the line's, as if the descriptions had brought them.
//!
//! What it does not: it makes no checks of its own (RFC 8445 §2.5, lite: we stand where everybody can reach us), and
//! keeps no list of candidates.

mod dtls;
mod stun;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base::Time;
use rtp::srtp::MasterKey;

use dtls::Handshake;
pub use dtls::Identity;

use crate::{DtlsConf, Security};

/// The way to a browser.
pub(crate) struct Web {
    conf: DtlsConf,
    /// The user name of its checks, and what they are authenticated with.
    username: String,
    password: hmac::Key,
    handshake: Option<Handshake>,
    /// How many handshakes went wrong. Somebody may have spoilt one; nobody gets to spoil many.
    failures: u8,
    /// The last check that was answered. That is consent to send, too (RFC 7675 §5.1), for so long.
    checked_at: Option<Time>,
}

/// What a datagram meant.
#[derive(Debug, Default)]
pub(crate) struct Meant {
    /// Answer this to where it came from.
    pub answer: Option<Vec<u8>>,
    /// Where it came from is where the browser is.
    pub nominates: bool,
    /// Ours and theirs: from now on there is SRTP.
    pub keys: Option<(MasterKey, MasterKey)>,
    /// It meant nothing, or came from a stranger.
    pub is_stranger: bool,
}

impl Web {
    /// Where there is a browser.
    pub fn of(security: &Security) -> Option<Box<Web>> {
        match security {
            Security::Dtls(conf) => Some(Box::new(Web::new(conf))),
            _ => None,
        }
    }

    fn new(conf: &DtlsConf) -> Web {
        Web {
            username: format!("{}:{}", conf.ufrag, conf.remote_ufrag),
            password: stun::key(&conf.password),
            conf: conf.clone(),
            handshake: None,
            failures: 0,
            checked_at: None,
        }
    }

    /// Negotiated anew: perhaps with new passwords (an ICE restart), which changes nothing but them; perhaps with another
    /// certificate, which begins anew. True: the keys there were are void.
    pub fn renew(&mut self, conf: &DtlsConf) -> bool {
        let parties = |conf: &DtlsConf| (conf.fingerprint.clone(), conf.certificate, conf.active);
        let is_other = parties(&self.conf) != parties(conf);
        let handshake = if is_other { None } else { self.handshake.take() };
        *self = Web { handshake, checked_at: self.checked_at, ..Web::new(conf) };
        is_other
    }

    /// Takes a datagram that is no RTP. `is_ours`: it came from where the browser is known to be.
    pub fn receive(
        &mut self,
        from: SocketAddr,
        is_ours: bool,
        datagram: &[u8],
        identity: &Arc<Identity>,
        now: Time,
        send: impl FnMut(&[u8]),
    ) -> Meant {
        let stranger = Meant { is_stranger: true, ..Meant::default() };
        match datagram.first() {
            Some(0..=3) => {
                let Some(check) = stun::read(datagram, &self.username, &self.password) else { return stranger };
                if check.thinks_we_control {
                    return Meant { answer: Some(check.role_conflict(&self.password)), ..Meant::default() };
                }
                let first = self.checked_at.is_none();
                self.checked_at = Some(now);
                if self.conf.active && self.handshake.is_none() {
                    self.handshake = Some(Handshake::new(identity, self.conf.certificate, true, now)); // its first word goes with the next tick
                }
                let answer = Some(check.success(from, &self.password));
                Meant { answer, nominates: check.nominates || first, ..Meant::default() }
            }
            Some(20..=63) if is_ours => {
                if self.handshake.as_ref().is_some_and(Handshake::has_failed) && self.failures < FAILURES_MAX {
                    self.failures += 1;
                    self.handshake = None;
                }
                let (certificate, active) = (self.conf.certificate, self.conf.active);
                let begin = || Handshake::new(identity, certificate, active, now);
                let handshake = self.handshake.get_or_insert_with(begin);
                let keys = handshake.receive(datagram, identity, &self.conf.fingerprint, now, send);
                Meant { keys, ..Meant::default() }
            }
            _ => stranger,
        }
    }

    /// Time has passed: what was lost is said again.
    pub fn look(
        &mut self,
        identity: &Arc<Identity>,
        now: Time,
        send: impl FnMut(&[u8]),
    ) -> Option<(MasterKey, MasterKey)> {
        let handshake = self.handshake.as_mut().filter(|handshake| handshake.due() <= now)?;
        handshake.look(identity, &self.conf.fingerprint, now, send)
    }

    /// When it wants to look.
    pub fn due(&self) -> Time {
        self.handshake.as_ref().map_or(Time::NEVER, Handshake::due)
    }

    /// Does the browser still want what we send?
    pub fn consents(&self, now: Time) -> bool {
        self.checked_at.is_some_and(|at| now.since(at) < CONSENT)
    }
}

const FAILURES_MAX: u8 = 4;
/// RFC 7675 §5.1: without a check for so long, nothing more is sent.
const CONSENT: Duration = Duration::from_secs(30);
