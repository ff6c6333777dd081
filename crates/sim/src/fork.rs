//! A proxy that rings several phones at once, as a carrier's does (RFC 3261 §16.6, §16.7).
//!
//! Where it stands: scripts and storms put one at a trunk's address. It has no timer: who is not answered says it again, and it
//! passes that on. What is said within a dialog goes to the Contact that the message is for.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use sip::{MAGIC_COOKIE, Message, Method, Name, Request, Response, Transport, Uri, Via, wire};

/// The proxy.
#[derive(Debug)]
pub struct Fork {
    address: SocketAddr,
    phones: Vec<SocketAddr>,
    forked: VecDeque<Forked>,
}

/// An INVITE it has passed on.
#[derive(Debug)]
struct Forked {
    branch: String,
    from: SocketAddr,
    invite: Request,
    /// What became of each branch.
    branches: Vec<Branch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Branch {
    Rings,
    /// It has said no, and was told that we know.
    Over,
    /// It has said no as the last of all: the caller hears that, and says that it knows.
    Speaks,
    PickedUp,
}

/// Older ones are forgotten.
const FORKED_MAX: usize = 200;

/// What goes where.
type Out = Vec<(SocketAddr, Bytes)>;

impl Fork {
    /// A proxy at this address, in front of these phones.
    pub fn new(address: SocketAddr, phones: Vec<SocketAddr>) -> Fork {
        Fork { address, phones, forked: VecDeque::new() }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many of the last calls were picked up by more than one.
    pub fn answered_twice(&self) -> usize {
        let picked_up = |forked: &&Forked| forked.branches.iter().filter(|branch| **branch == Branch::PickedUp).count();
        self.forked.iter().filter(|forked| picked_up(forked) > 1).count()
    }

    /// A datagram came: what it passes on.
    pub fn handle(&mut self, from: SocketAddr, bytes: &Bytes, out: &mut Out) {
        match wire::read(bytes, false, &wire::Limits::default()) {
            Ok(Message::Request(request)) => self.request(from, request, out),
            Ok(Message::Response(response)) => self.response(from, response, out),
            Err(_) => {}
        }
    }

    fn request(&mut self, from: SocketAddr, mut request: Request, out: &mut Out) {
        let Some(branch) = branch_of(&request.headers) else { return };
        let known = self.forked.iter().position(|forked| forked.branch == branch);
        match (request.method, known) {
            (Method::Invite, _) if tag(&request).is_none() => {
                let at = known.unwrap_or_else(|| {
                    let branches = vec![Branch::Rings; self.phones.len()];
                    self.forked.push_front(Forked { branch, from, invite: request, branches });
                    self.forked.truncate(FORKED_MAX);
                    0
                });
                for phone in 0..self.phones.len() {
                    if self.forked[at].branches[phone] == Branch::Rings {
                        self.say(Method::Invite, at, phone, None, out);
                    }
                }
            }
            (Method::Cancel, known) => {
                out.push((from, Response::to(&request, 200).to_bytes()));
                let Some(at) = known else { return };
                self.cancel(at, out);
            }
            // The caller has heard the refusal; so has who said it, then.
            (Method::Ack, Some(at)) => {
                let Some(phone) = self.forked[at].branches.iter().position(|branch| *branch == Branch::Speaks) else {
                    return;
                };
                self.say(Method::Ack, at, phone, request.headers.first(&Name::To), out);
            }
            _ => {
                let Some(to) = request
                    .uri
                    .parse()
                    .ok()
                    .and_then(|uri: Uri| Some(SocketAddr::new(uri.host.address()?, uri.port.unwrap_or(5060))))
                else {
                    return;
                };
                request.headers.remove_first(&Name::Route);
                let via = Via::new(Transport::Udp, self.address, format!("{branch}-0"));
                request.headers.push_front(Name::Via, via.to_string());
                out.push((to, request.to_bytes()));
            }
        }
    }

    fn response(&mut self, from: SocketAddr, mut response: Response, out: &mut Out) {
        let Some(branch) = branch_of(&response.headers) else { return };
        let Some((branch, phone)) = branch.rsplit_once('-') else { return };
        let phone: usize = phone.parse().unwrap_or_default();
        response.headers.remove_first(&Name::Via);
        let Some(caller) = response.headers.via().and_then(|via| via.sent_by().parse().ok()) else { return };
        let method = response.cseq().map_or("", |(_, method)| method);
        let known = self.forked.iter().position(|forked| forked.branch == branch);
        let (Some(at), "INVITE") = (known, method) else {
            if method != "CANCEL" {
                out.push((caller, response.to_bytes()));
            }
            return;
        };
        if from != self.phones[phone] {
            return;
        }
        let to = self.forked[at].from;
        if response.is_final() && !response.is_success() {
            let branches = &mut self.forked[at].branches;
            let last = (0..branches.len()).all(|other| other == phone || branches[other] == Branch::Over);
            branches[phone] = if last { Branch::Speaks } else { Branch::Over };
            let said_by = response.headers.first(&Name::To).map(str::to_owned);
            return if last {
                out.push((to, response.to_bytes()));
            } else {
                self.say(Method::Ack, at, phone, said_by.as_deref(), out);
            };
        }
        if response.is_success() {
            self.forked[at].branches[phone] = Branch::PickedUp;
            self.cancel(at, out);
        }
        out.push((to, response.to_bytes()));
    }

    /// Who still rings is to stop (RFC 3261 §16.7, step 10).
    fn cancel(&self, at: usize, out: &mut Out) {
        for phone in (0..self.phones.len()).filter(|phone| self.forked[at].branches[*phone] == Branch::Rings) {
            self.say(Method::Cancel, at, phone, None, out);
        }
    }

    /// The INVITE to one phone, or the CANCEL or ACK that belongs to it.
    fn say(&self, method: Method, at: usize, phone: usize, to: Option<&str>, out: &mut Out) {
        let forked = &self.forked[at];
        let mut request = forked.invite.clone();
        let (number, _) = request.cseq().unwrap_or_default();
        if method != Method::Invite {
            request.body = Bytes::new();
            request.method = method;
            [Name::Via, Name::ContentType].iter().for_each(|name| request.headers.remove(name));
            request.headers.set(Name::CSeq, format!("{number} {}", sip::method_name(method)));
        } else {
            request.headers.push_front(Name::RecordRoute, format!("<sip:{};lr>", self.address));
        }
        to.into_iter().for_each(|to| request.headers.set(Name::To, to));
        let via = Via::new(Transport::Udp, self.address, format!("{}-{phone}", forked.branch));
        request.headers.push_front(Name::Via, via.to_string());
        out.push((self.phones[phone], request.to_bytes()));
    }
}

fn branch_of(headers: &sip::Headers) -> Option<String> {
    let branch = headers.via()?.branch()?.to_owned();
    branch.starts_with(MAGIC_COOKIE).then_some(branch)
}

fn tag(request: &Request) -> Option<String> {
    request.headers.to()?.tag().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5060);

    fn at(port: u16) -> SocketAddr {
        SocketAddr::new(CALLER.ip(), port)
    }

    fn hears(fork: &mut Fork, from: SocketAddr, bytes: impl Into<Bytes>) -> Vec<(u16, Message)> {
        let mut out = Vec::new();
        fork.handle(from, &bytes.into(), &mut out);
        let read = |bytes| wire::read(bytes, false, &wire::Limits::default()).expect("what it says can be read");
        out.iter().map(|(to, bytes)| (to.port(), read(bytes))).collect()
    }

    fn words(said: &[(u16, Message)]) -> Vec<String> {
        let word = |message: &Message| match message {
            Message::Request(request) => sip::method_name(request.method).to_owned(),
            Message::Response(response) => response.status.to_string(),
        };
        said.iter().map(|(port, message)| format!("{port}:{}", word(message))).collect()
    }

    fn answer(to: &Message, status: u16) -> Bytes {
        let Message::Request(request) = to else { panic!("{to:?} is no request") };
        let tagged = format!("<sip:out@x>;tag={status}");
        let mut response = Response::to(request, status);
        response.headers.set(Name::To, tagged);
        response.to_bytes()
    }

    fn invite() -> Request {
        Request::new(Method::Invite, "sip:out@127.0.0.1:5070")
            .with(Name::Via, Via::new(Transport::Udp, CALLER, "z9hG4bKcaller").to_string())
            .with(Name::From, "<sip:ann@x>;tag=a")
            .with(Name::To, "<sip:out@x>")
            .with(Name::CallId, "c")
            .with(Name::CSeq, "1 INVITE")
    }

    #[test]
    fn all_ring_the_first_to_answer_ends_the_others_and_the_last_to_refuse_speaks_for_all() {
        for picked_up in [true, false] {
            let mut fork = Fork::new(at(5070), vec![at(5071), at(5072)]);
            let rung = hears(&mut fork, CALLER, invite().to_bytes());
            assert_eq!(words(&rung), ["5071:INVITE", "5072:INVITE"]);
            assert_eq!(words(&hears(&mut fork, at(5071), answer(&rung[0].1, 183))), ["5060:183"]);
            if picked_up {
                let said = hears(&mut fork, at(5072), answer(&rung[1].1, 200));
                assert_eq!(words(&said), ["5071:CANCEL", "5060:200"]);
                assert_eq!(words(&hears(&mut fork, at(5071), answer(&said[0].1, 200))), [""; 0]);
                assert_eq!(words(&hears(&mut fork, at(5071), answer(&rung[0].1, 200))), ["5060:200"]); // it did as well
            } else {
                assert_eq!(words(&hears(&mut fork, at(5071), answer(&rung[0].1, 603))), ["5071:ACK"]);
                assert_eq!(words(&hears(&mut fork, at(5072), answer(&rung[1].1, 486))), ["5060:486"]);
                assert_eq!(words(&hears(&mut fork, at(5072), answer(&rung[1].1, 486))), ["5060:486"]); // said again
                let mut ack = invite();
                (ack.method, ack.body) = (Method::Ack, Bytes::new());
                ack.headers.set(Name::CSeq, "1 ACK");
                assert_eq!(words(&hears(&mut fork, CALLER, ack.to_bytes())), ["5072:ACK"]);
            }
        }
    }
}
