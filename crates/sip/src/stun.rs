//! STUN binding requests on the SIP port: a phone behind NAT keeps its way open and learns whether it is still the same
//! (RFC 5626 §3.5.2, §4.4.2; RFC 8489).
//!
//! Where it stands: the endpoint answers them before anything is read as SIP. It knows the one request, and no more of STUN:
//! neither credentials nor attributes.

use std::net::{IpAddr, SocketAddr};

/// The answer to a binding request that came from there. `None`: it is none.
///
/// No SIP message begins with a byte below a blank (RFC 5626 §8), so nothing is taken away from SIP.
pub fn answer(datagram: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let (header, attributes) = datagram.split_first_chunk::<20>()?;
    let (kind, transaction) = header.split_first_chunk::<4>()?;
    let [kind @ .., first, second] = kind;
    let length = usize::from(u16::from_be_bytes([*first, *second]));
    let is_ours = *kind == BINDING_REQUEST && transaction.starts_with(&MAGIC_COOKIE) && length == attributes.len();
    if !is_ours || length % 4 != 0 {
        return None;
    }
    let mut answer = Vec::with_capacity(44);
    answer.extend(BINDING_SUCCESS);
    answer.extend([0, if source.is_ipv4() { 12 } else { 24 }]);
    answer.extend(transaction);
    // RFC 8489 §14.2: XOR-MAPPED-ADDRESS, out of sight of routers that rewrite addresses they find.
    answer.extend([0x00, 0x20, 0, if source.is_ipv4() { 8 } else { 20 }]);
    answer.extend([0, if source.is_ipv4() { 1 } else { 2 }]);
    answer.extend((source.port() ^ u16::from_be_bytes([MAGIC_COOKIE[0], MAGIC_COOKIE[1]])).to_be_bytes());
    let mut xor = |octets: &[u8]| answer.extend(octets.iter().zip(transaction).map(|(octet, key)| octet ^ key));
    match source.ip() {
        IpAddr::V4(ip) => xor(&ip.octets()),
        IpAddr::V6(ip) => xor(&ip.octets()),
    }
    Some(answer)
}

const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The transaction id of RFC 5769 §2.2 and §2.3.
    const ID: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn request(attributes: &[u8]) -> Vec<u8> {
        let length = [0, attributes.len() as u8];
        [&BINDING_REQUEST[..], &length, &MAGIC_COOKIE, &ID, attributes].concat()
    }

    #[test]
    fn a_phone_learns_where_we_see_it() {
        // The mapped addresses of RFC 5769 §2.2 and §2.3, to the byte.
        let v4 = [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let v6 = [
            0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
            0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        for (source, mapped) in
            [("192.0.2.1:32853", &v4[..]), ("[2001:db8:1234:5678:11:2233:4455:6677]:32853", &v6[..])]
        {
            let length = [0, mapped.len() as u8];
            let want = [&BINDING_SUCCESS[..], &length, &MAGIC_COOKIE, &ID, mapped].concat();
            for attributes in [&[][..], b"\x80\x22\x00\x04test"] {
                assert_eq!(answer(&request(attributes), source.parse().unwrap()), Some(want.clone()), "{source}");
            }
        }
    }

    #[test]
    fn what_is_no_binding_request_is_left_to_sip() {
        let source = "192.0.2.1:5060".parse().unwrap();
        let right = request(&[]);
        let with = |at: usize, byte| {
            let mut bytes = right.clone();
            bytes[at] = byte;
            bytes
        };
        let half = request(b"\0\0");
        for bytes in
            [&right[..19], b"", b"OPTIONS sip:a SIP/2.0", &with(0, 1), &with(1, 2), &with(3, 4), &with(4, 0), &half]
        {
            assert_eq!(answer(bytes, source), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = answer(&bytes, "192.0.2.1:5060".parse().unwrap());
        }
    }
}
