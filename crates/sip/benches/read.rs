//! What one message costs: an INVITE of a usual phone read into the model, and printed.

#![allow(missing_docs)] // criterion's macro makes a public function

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use sip::wire::{Limits, read};
use sip::{Message, Response};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const INVITE: &[u8] = b"INVITE sip:1002@centrala.example.com;transport=udp SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.168.1.23:5060;branch=z9hG4bK-524287-1---c1e2d3f4a5b6c7d8;rport\r\n\
Max-Forwards: 70\r\n\
Contact: <sip:1001@192.168.1.23:5060;transport=UDP>\r\n\
To: <sip:1002@centrala.example.com;transport=UDP>\r\n\
From: \"Alice Example\" <sip:1001@centrala.example.com;transport=UDP>;tag=4d5f7a31\r\n\
Call-ID: ZmE5YjFjNDA2YTRmNGIyZTg1ZTc2MjQzM2UwZTk1ZDA.\r\n\
CSeq: 2 INVITE\r\n\
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r\n\
Content-Type: application/sdp\r\n\
Authorization: Digest username=\"1001\",realm=\"centrala\",nonce=\"00f3a2b4c5d6e7f8091a2b3c4d5e6f70\",\
uri=\"sip:1002@centrala.example.com;transport=udp\",response=\"0123456789abcdef0123456789abcdef\",cnonce=\"9f8e7d6c\",\
nc=00000001,qop=auth,algorithm=MD5\r\n\
User-Agent: Softphone v5.6.1 Debian\r\n\
Supported: replaces, outbound, gruu\r\n\
Content-Length: 193\r\n\
\r\n\
v=0\r\n\
o=- 20518 0 IN IP4 192.168.1.23\r\n\
s=call\r\n\
c=IN IP4 192.168.1.23\r\n\
t=0 0\r\n\
m=audio 54609 RTP/AVP 0 8 101\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-15\r\n\
a=sendrecv\r\n";

fn invite(criterion: &mut Criterion) {
    let (bytes, limits) = (Bytes::from_static(INVITE), Limits::default());
    let Ok(Message::Request(request)) = read(&bytes, false, &limits) else { panic!("the bench's INVITE is good") };
    criterion.bench_function("read an INVITE", |bench| bench.iter(|| read(black_box(&bytes), false, &limits)));
    criterion.bench_function("print an INVITE", |bench| bench.iter(|| black_box(&request).to_bytes()));
    criterion
        .bench_function("answer an INVITE", |bench| bench.iter(|| Response::to(black_box(&request), 180).to_bytes()));
    criterion.bench_function("read top Via, From, To", |bench| {
        let headers = &request.headers;
        bench.iter(|| black_box((headers.via(), headers.from(), headers.to())));
    });
}

criterion_group!(benches, invite);
criterion_main!(benches);
