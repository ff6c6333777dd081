//! Every header with a grammar of its own, and URIs: what is read prints and reads again as the same.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use sip::{DialogId, Method, Name, NameAddr, Referral, Request, Uri, Via, unescape};

fuzz_target!(|text: &str| {
    again::<Uri>(text);
    again::<NameAddr>(text);
    again::<Via>(text);
    drop(unescape(text));
    if let Ok(uri) = text.parse::<Uri>() {
        assert!(uri.is(text), "a URI is itself: {text:?}");
    }
    DialogId::read(text);
    let mut refer = Request::new(Method::Refer, "sip:us");
    refer.headers.push(Name::ReferTo, text);
    let _ = Referral::read(&refer);
    for name in [Name::Contact, Name::From, Name::Via, Name::CSeq, Name::Supported] {
        let mut request = Request::new(Method::Invite, "sip:us");
        request.headers.push(name, text);
        let headers = &request.headers;
        let _ = (headers.from(), headers.to(), headers.via(), headers.call_id(), request.cseq());
        headers.lists(&Name::Supported, "timer");
    }
});

fn again<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let printed = read.to_string();
        assert!(printed.parse::<T>().is_ok_and(|again| again == read), "{text:?} printed as {printed:?}");
    }
}
