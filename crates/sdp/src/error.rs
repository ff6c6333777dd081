//! Why there is no agreement, or not even a description.

/// What was wrong, in words for the log; [`SdpError::status`] is for the wire.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SdpError {
    /// More than anyone needs to say.
    #[error("the description has {bytes} bytes; at most {max} are read")]
    TooLarge {
        /// How many.
        bytes: usize,
        /// How many would do.
        max: usize,
    },
    /// More of something than anyone needs.
    #[error("the description has more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many would do.
        max: usize,
    },
    /// A line that is none.
    #[error("line {line} of the description is {why}: {text:?}")]
    Malformed {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
        /// Its beginning.
        text: String,
    },
    /// Nothing to be heard.
    #[error("there is no audio in the description, or all of it is switched off")]
    NoAudio,
    /// Encrypted media where it is not wanted or without a key we can use, or a profile of the future.
    #[error("the profile {profile} is not spoken here, or none of its keys can be used")]
    Profile {
        /// As written.
        profile: String,
    },
    /// Media anybody could hear.
    #[error("media must be encrypted here, and the other side offers no key")]
    Unprotected,
    /// Nothing in common.
    #[error("of {theirs} none is among ours: {ours}")]
    NoCommonCodec {
        /// What the other side speaks.
        theirs: String,
        /// What we speak.
        ours: String,
    },
    /// An address media cannot be sent to.
    #[error("{address:?} is no address to send media to; write one phone's IP address in c=")]
    Address {
        /// As written; empty if there is none.
        address: String,
    },
    /// The other side switched our stream off (RFC 3264 §6).
    #[error("the other side refused our audio: its port is 0")]
    Refused,
}

impl SdpError {
    /// The status an offer with this fault is answered with (RFC 3261 §21.4).
    pub fn status(&self) -> u16 {
        match self {
            SdpError::Malformed { .. } => 400,
            SdpError::TooLarge { .. } | SdpError::TooMany { .. } => 413,
            SdpError::NoAudio
            | SdpError::Profile { .. }
            | SdpError::Unprotected
            | SdpError::NoCommonCodec { .. }
            | SdpError::Address { .. }
            | SdpError::Refused => 488,
        }
    }
}
