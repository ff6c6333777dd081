//! A dialog: what both ends remember of each other between requests (RFC 3261 §12).
//!
//! Where it stands: the INVITE usage keeps one for each leg; the endpoint finds it by our tag. It makes requests
//! without Via, which the endpoint adds with the branch. It knows no state of the call.

use rsip::Method;

use crate::name_addr::{ParamScan, Parts};
use crate::recording::Feature;
use crate::{Flow, Headers, Name, Request, Response, method_name, user_to_user};

/// One dialog, seen from our end.
#[derive(Debug)]
pub struct Dialog {
    /// Its Call-ID.
    pub call_id: Box<str>,
    /// The tag we gave it.
    pub local_tag: Box<str>,
    /// The tag the other side gave it; empty for phones of RFC 2543.
    pub remote_tag: Box<str>,
    /// Where it last came from, and so where requests go if nothing else is known: a phone behind NAT is reached so.
    pub flow: Flow,
    local: Box<str>,
    remote: Box<str>,
    target: Box<str>,
    routes: Box<[Box<str>]>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    /// What our Contact says of us.
    pub(crate) feature: Feature,
    /// What the next re-INVITE or BYE tells the other end's application.
    beside: Option<Box<[String]>>,
}

/// A request older than one we have seen; to be answered 500 (RFC 3261 §12.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleCSeq {
    /// Its number.
    pub cseq: u32,
}

impl Dialog {
    /// The UAS' end (RFC 3261 §12.1.1): `invite` came by `flow`, and we answer with `local_tag`. A phone of
    /// RFC 2543 may have sent no Contact; it is reached as it calls itself.
    pub fn uas(invite: &Request, local_tag: &str, flow: Flow) -> Option<Dialog> {
        let headers = &invite.headers;
        Some(Dialog {
            call_id: headers.call_id()?.into(),
            local_tag: local_tag.into(),
            remote_tag: tag(headers.first(&Name::From)?).into(),
            flow,
            local: tagged(headers.first(&Name::To)?, local_tag).into(),
            remote: headers.first(&Name::From)?.into(),
            target: contact_uri(headers).or_else(|| address_uri(headers.first(&Name::From)?))?.into(),
            routes: headers.all(&Name::RecordRoute).map(Box::from).collect(),
            local_cseq: 0,
            remote_cseq: headers.cseq().map(|(cseq, _)| cseq),
            feature: Feature::answering(headers),
            beside: None,
        })
    }

    /// The UAC's end (RFC 3261 §12.1.2), wholly told by the 2xx to our INVITE. `None` if it lacks what it must have.
    pub fn uac(response: &Response, flow: Flow) -> Option<Dialog> {
        let headers = &response.headers;
        let routes: Vec<_> = headers.all(&Name::RecordRoute).map(Box::from).collect();
        Some(Dialog {
            call_id: headers.call_id()?.into(),
            local_tag: tag(headers.first(&Name::From)?).into(),
            remote_tag: tag(headers.first(&Name::To)?).into(),
            flow,
            local: headers.first(&Name::From)?.into(),
            remote: headers.first(&Name::To)?.into(),
            target: contact_uri(headers)?.into(),
            routes: routes.into_iter().rev().collect(),
            local_cseq: headers.cseq()?.0,
            remote_cseq: None,
            feature: Feature::None,
            beside: None,
        })
    }

    /// Is it the dialog of these two? Our tag found it already.
    pub fn is(&self, call_id: &str, remote_tag: &str) -> bool {
        *self.call_id == *call_id && *self.remote_tag == *remote_tag
    }

    /// CSeq may jump but not fall (RFC 3261 §12.2.2); the answer to one that falls is 500. ACK and CANCEL repeat theirs.
    pub fn accept(&mut self, cseq: u32) -> Result<(), StaleCSeq> {
        if self.remote_cseq.is_some_and(|seen| cseq <= seen) {
            return Err(StaleCSeq { cseq });
        }
        self.remote_cseq = Some(cseq);
        Ok(())
    }

    /// A target refresh: requests go to the Contact of this one from now on (RFC 3261 §12.2.2).
    pub fn refresh(&mut self, headers: &Headers) {
        if let Some(uri) = contact_uri(headers) {
            self.target = uri.into();
        }
    }

    /// Where its requests are for: the other side's Contact.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The next request in it, without Via.
    pub fn request(&mut self, method: Method) -> Request {
        let cseq = self.next_cseq();
        let mut request = self.numbered(method, cseq);
        if matches!(method, Method::Invite | Method::Update | Method::Bye)
            && let Some(said) = self.beside.take()
        {
            user_to_user::write(&said, &mut request.headers);
        }
        request
    }

    /// What the next re-INVITE, UPDATE or BYE says beside (RFC 7433).
    pub fn says_beside(&mut self, said: &[String]) {
        self.beside = (!said.is_empty()).then(|| said.into());
    }

    /// The number of one more request of ours.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }

    /// The ACK of a 2xx; it has the INVITE's number (RFC 3261 §13.2.2.4).
    pub fn ack(&self, cseq: u32) -> Request {
        self.numbered(Method::Ack, cseq)
    }

    /// We have asked things in its early days, up to this number.
    pub fn asked_already(&mut self, cseq: u32) {
        self.local_cseq = self.local_cseq.max(cseq);
    }

    /// So have they.
    pub fn was_asked_already(&mut self, cseq: Option<u32>) {
        self.remote_cseq = self.remote_cseq.max(cseq);
    }

    /// The number of their last request.
    pub fn remote_cseq(&self) -> Option<u32> {
        self.remote_cseq
    }

    /// The number of our last request.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// The first proxy on the way to the other end.
    pub fn route(&self) -> Option<&str> {
        self.routes.first().map(|route| &**route)
    }

    fn numbered(&self, method: Method, cseq: u32) -> Request {
        let mut request = Request::new(method, &*self.target);
        let headers = &mut request.headers;
        headers.push(Name::MaxForwards, "70");
        // Loose routing (RFC 3261 §12.2.1.1); strict routers are of another age.
        for route in &self.routes {
            headers.push(Name::Route, &**route);
        }
        headers.push(Name::From, &*self.local);
        headers.push(Name::To, &*self.remote);
        headers.push(Name::CallId, &*self.call_id);
        headers.push(Name::CSeq, format!("{cseq} {}", method_name(method)));
        request
    }
}

/// The tag of a From or To header; empty if there is none.
pub(crate) fn tag(header: &str) -> &str {
    let Ok(parts) = Parts::read(header) else { return "" };
    let tag = ParamScan(parts.params).flatten().find(|(name, _)| name.eq_ignore_ascii_case("tag"));
    tag.and_then(|(_, tag)| tag).unwrap_or("")
}

/// A To header with our tag, unless it has one.
pub(crate) fn tagged(to: &str, local_tag: &str) -> String {
    if tag(to).is_empty() { format!("{to};tag={local_tag}") } else { to.to_owned() }
}

/// The URI of the first Contact.
pub(crate) fn contact_uri(headers: &Headers) -> Option<&str> {
    address_uri(headers.first(&Name::Contact)?)
}

fn address_uri(header: &str) -> Option<&str> {
    Parts::read(header).ok().map(|parts| parts.uri)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::Transport;

    const FLOW: Flow = Flow {
        transport: Transport::Udp,
        local: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5060),
        remote: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 40000),
        connection: 0,
    };

    fn invite() -> Request {
        Request::new(Method::Invite, "sip:102@x")
            .with(Name::From, "\"Ann; tag=no\" <sip:101@x;tag=no>;tag=f")
            .with(Name::To, "<sip:102@x>")
            .with(Name::CallId, "c1")
            .with(Name::CSeq, "7 INVITE")
            .with(Name::Contact, "<sip:101@10.0.0.9:5062;ob>")
            .with(Name::RecordRoute, "<sip:192.0.2.1;lr>")
            .with(Name::RecordRoute, "<sip:edge.example;lr>")
    }

    #[test]
    fn both_ends_agree_on_tags_target_and_route() {
        let mut uas = Dialog::uas(&invite(), "t", FLOW).unwrap();
        let bye = uas.request(Method::Bye);
        assert_eq!(bye.uri, "sip:101@10.0.0.9:5062;ob");
        let print = String::from_utf8(bye.to_bytes().to_vec()).unwrap();
        assert!(print.contains("Route: <sip:192.0.2.1;lr>\r\nRoute: <sip:edge.example;lr>\r\n"), "{print}");
        assert!(
            print.contains("From: <sip:102@x>;tag=t\r\nTo: \"Ann; tag=no\" <sip:101@x;tag=no>;tag=f\r\n"),
            "{print}"
        );
        assert!(print.contains("CSeq: 1 BYE\r\n"), "{print}");
        assert_eq!(uas.route(), Some("<sip:192.0.2.1;lr>"));

        let mut ok = Response::to(&invite(), 200).with(Name::Contact, "sip:102@10.0.0.8");
        ok.headers.set(Name::To, "<sip:102@x>;tag=t");
        ok.headers.push(Name::RecordRoute, "<sip:192.0.2.1;lr>");
        ok.headers.push(Name::RecordRoute, "<sip:edge.example;lr>");
        let mut uac = Dialog::uac(&ok, FLOW).unwrap();
        assert_eq!((&*uac.local_tag, &*uac.remote_tag), ("f", "t"));
        assert_eq!((&*uas.local_tag, &*uas.remote_tag), ("t", "f"));
        let ack = String::from_utf8(uac.ack(7).to_bytes().to_vec()).unwrap();
        assert!(ack.starts_with("ACK sip:102@10.0.0.8 SIP/2.0\r\n") && ack.contains("CSeq: 7 ACK"), "{ack}");
        assert!(ack.contains("Route: <sip:edge.example;lr>\r\nRoute: <sip:192.0.2.1;lr>\r\n"), "{ack}");
        assert_eq!(uac.route(), Some("<sip:edge.example;lr>"));
        assert_eq!(uac.request(Method::Bye).cseq(), Some((8, "BYE")));
    }

    #[test]
    fn cseq_may_jump_but_not_fall() {
        let mut dialog = Dialog::uas(&invite(), "t", FLOW).unwrap();
        for (cseq, fine) in [(7, false), (8, true), (8, false), (100, true), (99, false)] {
            assert_eq!(dialog.accept(cseq).is_ok(), fine, "{cseq}");
        }
    }

    #[test]
    fn a_refreshed_target_is_used_and_a_missing_one_keeps_the_old() {
        let mut dialog = Dialog::uas(&invite(), "t", FLOW).unwrap();
        dialog.refresh(&Headers::default());
        assert_eq!(dialog.request(Method::Bye).uri, "sip:101@10.0.0.9:5062;ob");
        dialog.refresh(&Request::new(Method::Invite, "x").with(Name::Contact, "<sip:new@192.0.2.9>").headers);
        assert_eq!(dialog.request(Method::Bye).uri, "sip:new@192.0.2.9");
        let mut old = invite();
        old.headers.remove(&Name::Contact);
        assert_eq!(Dialog::uas(&old, "t", FLOW).unwrap().request(Method::Bye).uri, "sip:101@x;tag=no");
    }
}
