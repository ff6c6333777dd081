//! Bodies of recording sessions: parts told apart, metadata read, summed up and printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sip::multipart;
use siprec::Metadata;

fuzz_target!(|data: &[u8]| {
    let body = bytes::Bytes::copy_from_slice(data);
    let kind = multipart::kind_of(data).into_owned();
    let parts = multipart::parts(&kind, &body);
    let mut known = Metadata::default();
    for document in parts.iter().map(|part| &part.body).chain([&body]) {
        let _ = sdp::apart(document);
        if let Ok(message) = Metadata::read(document) {
            let printed = message.to_string();
            assert!(Metadata::read(printed.as_bytes()).is_ok(), "{printed}");
            known.take(message, "now");
        }
    }
    assert!(known.participants.len() <= 64 && known.sends.len() <= 64);
});
