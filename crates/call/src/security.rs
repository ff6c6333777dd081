//! Keys for a leg's media: made here, written by `sdp`, used by `media`.
//!
//! Where it stands: `leg` asks for them when it is made, and again when its phone takes new ones. It knows how neither of
//! the two rooms does its work: only what a key is to each.

use base::Random;
use media::{MasterKey, Suite};
use sdp::{Crypto, Protection};

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

/// Does the phone seal what it sends with another key than before?
pub(crate) fn is_new_key(before: &Protection, now: &Protection) -> bool {
    match (before, now) {
        (Protection::Keys { theirs: before, .. }, Protection::Keys { theirs: now, .. }) => {
            before.key != now.key || !before.is_of(&now.suite)
        }
        _ => false,
    }
}

/// What `media` must know of what was agreed. `None`: of no use, which negotiation does not let happen; then there is no
/// media, rather than media that anybody can hear.
pub(crate) fn of(agreed: &Protection) -> Option<media::Security> {
    let key = |crypto: &Crypto| {
        let key = MasterKey::new(Suite::from_name(&crypto.suite)?, &crypto.key)?;
        Some(key.with_mki(crypto.mki_bytes))
    };
    match agreed {
        Protection::Plain => Some(media::Security::Open),
        Protection::Keys { ours, theirs } => Some(media::Security::Keys { ours: key(ours)?, theirs: key(theirs)? }),
    }
}
