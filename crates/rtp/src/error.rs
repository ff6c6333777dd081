//! Why bytes are not what a packet should be.

/// What is wrong with a datagram; it is dropped and counted, never answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtpError {
    /// Fewer bytes than its own header promises.
    #[error("{bytes} bytes are too few for the packet they begin")]
    Short {
        /// How many there are.
        bytes: usize,
    },
    /// Neither RTP nor RTCP (STUN and DTLS begin otherwise: RFC 7983).
    #[error("version {0} is not 2, so this is no RTP")]
    Version(u8),
    /// Padding longer than the packet, or of no length.
    #[error("the padding says it has {0} bytes, which cannot be")]
    Padding(u8),
    /// An RTCP datagram that breaks the rules of RFC 3550 §6.1.
    #[error("not a compound RTCP packet: {0}")]
    Compound(&'static str),
}
