//! Keys for a leg's media: made here, written by `sdp`, used by `media`.
//!
//! Where it stands: `leg` asks for them when it is made, and again when its phone takes new ones. It knows how neither of
//! the two rooms does its work: only what a key is to each.

use base::Random;
use media::{DtlsConf, MasterKey, Suite};
use sdp::{Crypto, Dtls, Protection, Security};

/// A fresh key for each suite we speak, in the order we offer them: the strongest first, short tags last.
pub(crate) fn keys(random: &mut Random) -> Vec<Crypto> {
    let suites = [
        Suite::AeadAes256Gcm,
        Suite::AeadAes128Gcm,
        Suite::AesCm256HmacSha1_80,
        Suite::AesCm128HmacSha1_80,
        Suite::AesCm256HmacSha1_32,
        Suite::AesCm128HmacSha1_32,
    ];
    let key = |(tag, suite): (u32, Suite)| {
        let length = suite.key_bytes() + suite.salt_bytes();
        let bits = std::iter::repeat_with(|| random.bits().to_be_bytes()).flatten();
        Crypto { tag, suite: suite.name().to_owned(), key: bits.take(length).collect(), mki_bytes: 0 }
    };
    (1..).zip(suites).map(key).collect()
}

/// What we say of ourselves to a browser (RFC 8445 §5.3: so that nobody guesses it).
pub(crate) fn dtls(fingerprint: &str, random: &mut Random) -> Dtls {
    let (ufrag, password) = (random.token(8), random.token(26));
    Dtls { fingerprint: fingerprint.to_owned(), ufrag, password, active: false, mid: "0".to_owned() }
}

/// The same with other passwords.
pub(crate) fn restart(dtls: &mut Dtls, random: &mut Random) {
    (dtls.ufrag, dtls.password) = (random.token(8), random.token(26));
}

/// What a description of the other side changes of what was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing that asks for something new of ours.
    None,
    /// It seals what it sends with another key.
    Key,
    /// It begins its checks anew.
    Ice,
}

pub(crate) fn news(before: &Protection, now: &Protection) -> News {
    match (before, now) {
        (Protection::Keys { theirs: before, .. }, Protection::Keys { theirs: now, .. })
            if before.key != now.key || !before.is_of(&now.suite) =>
        {
            News::Key
        }
        (Protection::Dtls(before), Protection::Dtls(now)) if before.ufrag != now.ufrag => News::Ice,
        _ => News::None,
    }
}

/// What `media` must know of what was agreed. `None`: of no use, which negotiation does not let happen; then there is no
/// media, rather than media that anybody can hear.
pub(crate) fn of(agreed: &Protection, said: &Security, certificate: usize) -> Option<media::Security> {
    let key = |crypto: &Crypto| {
        let key = MasterKey::new(Suite::from_name(&crypto.suite)?, &crypto.key)?;
        Some(key.with_mki(crypto.mki_bytes))
    };
    match agreed {
        Protection::Plain => Some(media::Security::Open),
        Protection::Keys { ours, theirs } => Some(media::Security::Keys { ours: key(ours)?, theirs: key(theirs)? }),
        Protection::Dtls(browser) => {
            let ours = said.dtls.as_ref()?;
            Some(media::Security::Dtls(Box::new(DtlsConf {
                fingerprint: browser.fingerprint.clone(),
                certificate,
                active: browser.active,
                ufrag: ours.ufrag.clone(),
                password: ours.password.clone(),
                remote_ufrag: browser.ufrag.clone(),
            })))
        }
    }
}
