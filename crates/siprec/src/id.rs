//! Ids of metadata: a random UUID (RFC 9562 §5.4) in base64 (RFC 7865 §6.1.3).

use data_encoding::BASE64;

/// A fresh one, of these random bits.
pub fn id(bits: &mut dyn FnMut() -> u64) -> String {
    let mut uuid = [0; 16];
    uuid[..8].copy_from_slice(&bits().to_be_bytes());
    uuid[8..].copy_from_slice(&bits().to_be_bytes());
    uuid[6] = uuid[6] & 0x0f | 0x40; // version 4,
    uuid[8] = uuid[8] & 0x3f | 0x80; // of the variant that has versions
    BASE64.encode(&uuid)
}

#[test]
fn an_id_is_a_random_uuid() {
    let id = id(&mut || u64::MAX);
    let uuid = BASE64.decode(id.as_bytes()).expect("base64");
    assert_eq!((uuid.len(), uuid[6] >> 4, uuid[8] >> 6), (16, 4, 2));
}
