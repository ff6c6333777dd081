//! Bytes become a message or a refusal, and a message that was read prints and reads again as the same. As a datagram, as
//! a stream however it is cut, and as the inbox sorts it before anybody reads.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip::wire::{self, Framed, Framer, Limits};
use sip::{Class, Message};

fuzz_target!(|data: &[u8]| {
    Class::of(data, &["112".to_owned()]);
    let bytes = Bytes::copy_from_slice(data);
    for stream in [false, true] {
        match wire::read(&bytes, stream, &Limits::default()) {
            Ok(message) => reads_again(&message),
            Err(refusal) => drop(refusal.response.map(|response| response.to_bytes())),
        }
    }
    let mut framer = Framer::new(Limits::default());
    let cut = data.first().map_or(1, |byte| usize::from(*byte).max(1));
    for piece in data.chunks(cut) {
        framer.push(piece);
        while let Some(framed) = framer.next() {
            if let Framed::Broken(refusal) = framed {
                return drop(refusal.response.map(|response| response.to_bytes()));
            }
        }
    }
});

fn reads_again(message: &Message) {
    let printed = message.to_bytes();
    let again = wire::read(&printed, true, &Limits { message_bytes_max: 1 << 20, ..Limits::default() });
    let Ok(again) = again else { panic!("what we print we cannot read: {:?}", String::from_utf8_lossy(&printed)) };
    assert_eq!(again.to_bytes(), printed);
}
