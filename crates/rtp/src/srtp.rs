//! Encrypted RTP and RTCP (RFC 3711), with AES in counter mode and HMAC-SHA1, or with AES-GCM (RFC 7714).
//!
//! Where it stands: `media` opens what a secured leg sends and seals what it hears; which keys, SDP or DTLS says. One
//! [`Sealer`] is one direction of one leg, one [`Opener`] the other. Packets are changed where they lie and nothing is
//! allocated for one. The ciphers are aws-lc's, known to `cipher.rs` alone; here are indices, windows and places.

use std::fmt;

mod cipher;
mod key;
mod window;

#[cfg(test)]
mod tests;

use cipher::Cipher;
pub use key::{MasterKey, Suite};
use window::{Seen, Window};

/// Why a packet was not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// It is no RTP or RTCP packet, or has no room for what every secured one ends with.
    #[error("no secured packet")]
    Malformed,
    /// It was not made with our key, or was changed on the way.
    #[error("not authentic")]
    NotAuthentic,
    /// It was heard before, or is older than what is remembered (RFC 3711 §3.3.2).
    #[error("heard before")]
    Replayed,
}

/// Secures what one leg is sent: one stream, one SSRC.
pub struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    sent: Window,
    rtcp_index: u32,
    packet: Box<[u8; PACKET_MAX]>,
}

/// Keys are nobody's business.
impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

impl Sealer {
    /// With the key that the other side was told to be ours.
    pub fn new(key: &MasterKey) -> Sealer {
        Sealer {
            rtp: Cipher::rtp(key),
            rtcp: Cipher::rtcp(key),
            sent: Window::default(),
            rtcp_index: 0,
            packet: Box::new([0; PACKET_MAX]),
        }
    }

    /// A secured copy of this packet; the packet itself may go to others as it is. `None`: it is too long, or bears a
    /// number already used, which would let two packets be read from their difference (RFC 3711 §9.1).
    #[inline]
    pub fn seal(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let header = header_bytes(packet)?;
        let length = packet.len();
        let sealed = self.packet.get_mut(..length + self.rtp.tag_bytes())?;
        let index = self.sent.index_of(sequence(packet))?;
        if self.sent.look(index) != Seen::New {
            return None;
        }
        self.sent.note(index);
        sealed[..length].copy_from_slice(packet);
        self.rtp.seal(sealed, header, ssrc(packet, 8), index);
        Some(sealed)
    }

    /// A secured copy of this compound report.
    pub fn seal_rtcp(&mut self, packet: &[u8]) -> Option<&[u8]> {
        if packet.len() < RTCP_HEADER {
            return None;
        }
        let sealed = self.packet.get_mut(..packet.len() + self.rtcp.tag_bytes() + INDEX_BYTES)?;
        // RFC 3711 §3.4: each index once. At one report in 5 s, 2^31 of them take three centuries.
        self.rtcp_index = self.rtcp_index.checked_add(1).filter(|index| *index < ENCRYPTED)?;
        sealed[..packet.len()].copy_from_slice(packet);
        self.rtcp.seal_rtcp(sealed, packet.len(), ssrc(packet, 4), self.rtcp_index);
        Some(sealed)
    }
}

/// Opens what one leg says, whichever SSRC it says it with (RFC 4568 §6.4.1: contexts begin with a stream's first packet).
pub struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    mki_bytes: usize,
    streams: Vec<Stream>,
}

/// What was heard of one SSRC.
struct Stream {
    ssrc: u32,
    rtp: Window,
    rtcp: Window,
}

impl Opener {
    /// With the key the other side said to be its own.
    pub fn new(key: &MasterKey) -> Opener {
        Opener {
            rtp: Cipher::rtp(key),
            rtcp: Cipher::rtcp(key),
            mki_bytes: usize::from(key.mki_bytes()),
            streams: Vec::with_capacity(STREAMS_MAX),
        }
    }

    /// Opens a packet where it lies; what is left of it is a plain one of this length.
    #[inline]
    pub fn open(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        let header = header_bytes(packet).ok_or(Refusal::Malformed)?;
        let (tag, mki) = (self.rtp.tag_bytes(), self.mki_bytes);
        let plain = packet.len().checked_sub(tag + mki).filter(|plain| *plain >= header).ok_or(Refusal::Malformed)?;
        let (ssrc, sequence) = (ssrc(packet, 8), sequence(packet));
        let known = self.streams.iter().position(|stream| stream.ssrc == ssrc);
        let fresh = Window::default();
        let window = known.map_or(&fresh, |at| &self.streams[at].rtp);
        let index = window.index_of(sequence).ok_or(Refusal::Replayed)?;
        if window.look(index) != Seen::New {
            return Err(Refusal::Replayed);
        }
        let packet = without_mki(packet, plain, tag, mki, self.rtp.tag_follows_mki());
        let index = match known {
            Some(_) => self.rtp.open(packet, header, ssrc, index).then_some(index),
            None => self.open_first(packet, header, ssrc, index),
        };
        let index = index.ok_or(Refusal::NotAuthentic)?;
        self.stream(known, ssrc).rtp.note(index);
        Ok(plain)
    }

    /// The first packet of a stream. Its counter may have rolled over before it came to be heard here, as it does three times
    /// an hour: a call that has moved must go on.
    #[cold]
    fn open_first(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) -> Option<u64> {
        let mut copy = [0; PACKET_MAX];
        let copy = copy.get_mut(..packet.len())?;
        (0..ROLLOVERS_MAX).map(|rollovers| index + (rollovers << 16)).find(|index| {
            copy.copy_from_slice(packet); // a failure spoils it
            let opened = self.rtp.open(copy, header, ssrc, *index);
            if opened {
                packet.copy_from_slice(copy);
            }
            opened
        })
    }

    /// Opens a compound report where it lies.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refusal> {
        let (tag, mki) = (self.rtcp.tag_bytes(), self.mki_bytes);
        let plain = packet.len().checked_sub(tag + INDEX_BYTES + mki).filter(|plain| *plain >= RTCP_HEADER);
        let plain = plain.ok_or(Refusal::Malformed)?;
        let ssrc = ssrc(packet, 4);
        let packet = match self.rtcp.tag_follows_mki() {
            // … | index | MKI | tag
            true => without_mki(packet, plain + INDEX_BYTES, tag, mki, true),
            // … | tag | index | MKI
            false => &mut packet[..plain + tag + INDEX_BYTES],
        };
        let word = self.rtcp.rtcp_index(packet, plain);
        let index = u64::from(word & !ENCRYPTED);
        let known = self.streams.iter().position(|stream| stream.ssrc == ssrc);
        if known.is_some_and(|at| self.streams[at].rtcp.look(index) != Seen::New) {
            return Err(Refusal::Replayed);
        }
        if !self.rtcp.open_rtcp(packet, plain, ssrc, word) {
            return Err(Refusal::NotAuthentic);
        }
        self.stream(known, ssrc).rtcp.note(index);
        Ok(plain)
    }

    /// What is known of this SSRC; the one heard first makes room where a phone has had too many.
    fn stream(&mut self, known: Option<usize>, ssrc: u32) -> &mut Stream {
        let at = known.unwrap_or_else(|| {
            if self.streams.len() == STREAMS_MAX {
                self.streams.remove(0);
            }
            self.streams.push(Stream { ssrc, rtp: Window::default(), rtcp: Window::default() });
            self.streams.len() - 1
        });
        &mut self.streams[at]
    }
}

/// The packet with its tag moved to where the master key identifier stood (RFC 3711 §3.1), which takes no part in anything.
#[inline]
fn without_mki(packet: &mut [u8], before: usize, tag: usize, mki: usize, tag_follows: bool) -> &mut [u8] {
    if mki > 0 && tag_follows {
        packet.copy_within(before + mki..before + mki + tag, before);
    }
    &mut packet[..before + tag]
}

/// How long the header is, with its sources and its extension: that much is not encrypted (RFC 3711 §3.1).
#[inline]
fn header_bytes(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let sources = crate::HEADER_BYTES + usize::from(first & 0x0f) * 4;
    let header = match first & 0x10 {
        0 => sources,
        _ => {
            let words = packet.get(sources + 2..sources + 4)?;
            sources + 4 + usize::from(u16::from_be_bytes([words[0], words[1]])) * 4
        }
    };
    (first >> 6 == 2 && packet.len() >= header).then_some(header)
}

/// `header_bytes` has seen that there are so many octets.
#[inline]
fn sequence(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[2], packet[3]])
}

#[inline]
fn ssrc(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
}

/// More than one network packet: an RTP packet of ours, its tag behind it.
const PACKET_MAX: usize = 1500;
/// What stays readable of a report: its first header and its sender.
const RTCP_HEADER: usize = 8;
const INDEX_BYTES: usize = 4;
/// The bit before an RTCP index that says that the report is encrypted.
const ENCRYPTED: u32 = 1 << 31;
/// So often a stream's counter may have rolled over before its first packet here: 3 h of 20 ms packets.
const ROLLOVERS_MAX: u64 = 8;
/// How many SSRCs of one key are remembered.
const STREAMS_MAX: usize = 16;
