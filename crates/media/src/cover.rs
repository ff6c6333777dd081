//! What lies between a leg's packets and the network: nothing, or SRTP.
//!
//! Where it stands: a port has one. What comes is opened before anything else is asked of it; what goes is sealed last. It
//! knows keys and no addresses. A secured leg never falls back: what is not sealed with its key is not heard.

use rtp::srtp::{Opener, Refusal, Sealer};

use crate::Security;

/// How one leg is secured.
pub(crate) enum Cover {
    /// Anybody on the way can listen.
    Open,
    /// Nothing passes yet: the keys are still to come.
    Shut,
    /// Not without the keys.
    Srtp(Box<Srtp>),
}

/// Both directions of a secured leg.
pub(crate) struct Srtp {
    security: Security,
    sealer: Sealer,
    opener: Opener,
    /// The key that was theirs before: its last packets may still be on the way (RFC 4568 §6.4).
    former: Option<Opener>,
}

impl Cover {
    pub fn new(security: &Security) -> Cover {
        match security {
            Security::Open => Cover::Open,
            Security::Dtls(_) => Cover::Shut,
            Security::Keys { ours, theirs } => Cover::Srtp(Box::new(Srtp {
                security: security.clone(),
                sealer: Sealer::new(ours),
                opener: Opener::new(theirs),
                former: None,
            })),
        }
    }

    /// Negotiated anew. A key that stays keeps its counters; one that changes begins with new ones.
    pub fn renew(&mut self, security: &Security) {
        let (Cover::Srtp(srtp), Security::Keys { ours, theirs }) = (&mut *self, security) else {
            *self = Cover::new(security);
            return;
        };
        let Security::Keys { ours: our_last, theirs: their_last } = &srtp.security else { return };
        if our_last != ours {
            srtp.sealer = Sealer::new(ours);
        }
        if their_last != theirs {
            srtp.former = Some(std::mem::replace(&mut srtp.opener, Opener::new(theirs)));
        }
        srtp.security = security.clone();
    }

    pub fn is_secure(&self) -> bool {
        !matches!(self, Cover::Open)
    }

    /// Opens an RTP packet where it lies; its plain length.
    #[inline]
    pub fn open(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        match self {
            Cover::Open => Ok(packet.len()),
            Cover::Shut => Err(Refusal::NotAuthentic),
            Cover::Srtp(srtp) => match srtp.former {
                None => srtp.opener.open(packet),
                Some(_) => srtp.open_either(packet, Opener::open),
            },
        }
    }

    /// Opens a report where it lies; its plain length.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        match self {
            Cover::Open => Ok(packet.len()),
            Cover::Shut => Err(Refusal::NotAuthentic),
            Cover::Srtp(srtp) => srtp.open_either(packet, Opener::open_rtcp),
        }
    }

    /// What is to be sent in place of this RTP packet.
    #[inline]
    pub fn seal<'a>(&'a mut self, packet: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Cover::Open => Some(packet),
            Cover::Shut => None,
            Cover::Srtp(srtp) => srtp.sealer.seal(packet),
        }
    }

    /// What is to be sent in place of this report.
    pub fn seal_rtcp<'a>(&'a mut self, packet: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Cover::Open => Some(packet),
            Cover::Shut => None,
            Cover::Srtp(srtp) => srtp.sealer.seal_rtcp(packet),
        }
    }
}

impl Srtp {
    /// With the key before, as long as the new one has opened nothing. Trying spoils a packet, so it is done on a copy.
    fn open_either(
        &mut self,
        packet: &mut [u8],
        open: impl Fn(&mut Opener, &mut [u8]) -> Result<usize, Refusal>,
    ) -> Result<usize, Refusal> {
        if let Some(former) = &mut self.former {
            let mut copy = [0; COPY_MAX];
            let copy = copy.get_mut(..packet.len()).ok_or(Refusal::Malformed)?;
            copy.copy_from_slice(packet);
            if let Ok(length) = open(former, copy) {
                packet.copy_from_slice(copy);
                return Ok(length);
            }
        }
        let opened = open(&mut self.opener, packet);
        if opened.is_ok() {
            self.former = None;
        }
        opened
    }
}

/// As much as a thread receives at once.
const COPY_MAX: usize = 2048;
