//! Traced messages on paper: rungs of a ladder for people, a pcap file for Wireshark.

use std::fs::File;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use centrala::trace::Said;
use jiff::Timestamp;

/// One message in a line: when, between whom, what.
pub fn rung(said: &Said) -> String {
    let at = Timestamp::from_microsecond(said.unix_us).map(|at| at.strftime("%H:%M:%S%.3f").to_string());
    let arrow = if said.sent { "────>" } else { "<────" };
    let mut fields = said.text.lines();
    let first = printable(fields.next().unwrap_or_default());
    let first = first.strip_prefix("SIP/2.0 ").unwrap_or(first.trim_end_matches(" SIP/2.0"));
    let cseq = fields.find_map(|line| line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("CSeq")));
    let method = match (said.text.starts_with("SIP/2.0"), cseq) {
        (true, Some((_, cseq))) => format!("  ({})", printable(cseq.trim())),
        _ => String::new(),
    };
    format!("{}  centrala {arrow} {:<21} {:<4} {first}{method}", at.unwrap_or_default(), said.remote, said.transport)
}

/// A message as it was, set in.
pub fn whole(said: &Said) -> String {
    let lines: Vec<String> = said.text.lines().map(|line| format!("    {}", printable(line))).collect();
    lines.join("\n")
}

/// Strangers' letters move no cursor.
fn printable(line: &str) -> String {
    line.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

/// A pcap file. Whatever they came by, messages are written as UDP datagrams: that is what everything reads.
pub struct Pcap(File);

/// LINKTYPE_RAW: an IP packet and nothing before it.
const RAW_IP: u32 = 101;
const UDP: u8 = 17;
/// What an IPv6 header and a UDP one leave of 64 KiB.
const PAYLOAD_BYTES_MAX: usize = 65_535 - 48;

impl Pcap {
    pub fn create(path: &Path) -> io::Result<Pcap> {
        let mut header = Vec::with_capacity(24);
        header.extend(0xa1b2_c3d4_u32.to_le_bytes());
        [2_u16, 4].iter().for_each(|version| header.extend(version.to_le_bytes()));
        [0, 0, 65_535, RAW_IP].iter().for_each(|word: &u32| header.extend(word.to_le_bytes()));
        let mut file = File::create(path)?;
        file.write_all(&header)?;
        Ok(Pcap(file))
    }

    /// Appends a message. One whose addresses cannot be read is left out.
    pub fn write(&mut self, said: &Said) -> io::Result<()> {
        let (Ok(local), Ok(remote)) = (said.local.parse(), said.remote.parse()) else { return Ok(()) };
        let (from, to) = if said.sent { (local, remote) } else { (remote, local) };
        let payload = &said.text.as_bytes()[..said.text.len().min(PAYLOAD_BYTES_MAX)];
        let packet = datagram(from, to, payload);
        let (secs, micros) = (said.unix_us.div_euclid(1_000_000), said.unix_us.rem_euclid(1_000_000));
        let length = packet.len() as u32;
        let mut record = Vec::with_capacity(16 + packet.len());
        [secs as u32, micros as u32, length, length].iter().for_each(|word| record.extend(word.to_le_bytes()));
        record.extend(packet);
        self.0.write_all(&record)
    }
}

/// An IP packet with a UDP datagram. Its checksums are left out, as they may be in IPv4 and nobody minds in a file.
fn datagram(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() + 8) as u16;
    let mut packet = match (from.ip().to_canonical(), to.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let total = (length.saturating_add(20)).to_be_bytes();
            let mut header = vec![0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, UDP, 0, 0];
            header.extend(from.octets());
            header.extend(to.octets());
            header
        }
        (from, to) => {
            let six = |address: IpAddr| match address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                IpAddr::V6(v6) => v6.octets(),
            };
            let length = length.to_be_bytes();
            let mut header = vec![0x60, 0, 0, 0, length[0], length[1], UDP, 64];
            header.extend(six(from));
            header.extend(six(to));
            header
        }
    };
    for word in [from.port(), to.port(), length, 0] {
        packet.extend(word.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_tells_when_between_whom_and_what() {
        for (sent, text, rung_wanted) in [
            (
                false,
                "INVITE sip:600@x SIP/2.0\r\nCSeq: 1 INVITE\r\n",
                "23:33:20.123  centrala <──── 192.0.2.7:5062        UDP  INVITE sip:600@x",
            ),
            (
                true,
                "SIP/2.0 200 OK\r\nVia: x\r\nCSeq: 1 INVITE\r\n",
                "23:33:20.123  centrala ────> 192.0.2.7:5062        UDP  200 OK  (1 INVITE)",
            ),
        ] {
            let said = Said {
                unix_us: 1_000_078_400_123_456 + 331_200_000_000,
                sent,
                transport: "UDP".to_owned(),
                local: "192.0.2.1:5060".to_owned(),
                remote: "192.0.2.7:5062".to_owned(),
                text: text.to_owned(),
            };
            assert_eq!(rung(&said)[8..], rung_wanted[8..]);
        }
    }
}
