//! What a phone watches (RFC 6665 as a subscriber), and the messages it sends outside of calls (RFC 3428).

use sip::{Method, Name, NameAddr, Request, Response};

use super::asked::Why;
use super::{Phone, Subscribe, Text};

/// A subscription, or one in the making.
#[derive(Debug)]
pub(super) struct Watch {
    to: String,
    event: String,
    call_id: String,
    /// With our tag.
    local: NameAddr,
    /// With theirs, once it is known.
    remote: NameAddr,
    target: String,
    cseq: u32,
}

impl Phone {
    /// Begins to watch, or goes on, or ends it: what is watched already is asked for in its dialog.
    pub(super) fn subscribe(&mut self, subscribe: Subscribe) {
        let Subscribe { to, event, expires_secs, header } = subscribe;
        let known = self.watches.iter().position(|watch| watch.to == to && watch.event == event);
        let at = known.unwrap_or_else(|| {
            let target = format!("sip:{to}@{}", self.conf.server);
            let own = NameAddr::new(format!("sip:{}@{}", self.conf.user, self.conf.server));
            self.watches.push(Watch {
                to,
                event: event.clone(),
                call_id: self.random.token(20),
                local: own.tagged(self.random.token(8)),
                remote: NameAddr::new(&target),
                target,
                cseq: 0,
            });
            self.watches.len() - 1
        });
        let contact = self.contact();
        let watch = &mut self.watches[at];
        watch.cseq += 1;
        let mut request = Request::new(Method::Subscribe, &watch.target)
            .with(Name::MaxForwards, "70")
            .with(Name::From, watch.local.to_string())
            .with(Name::To, watch.remote.to_string())
            .with(Name::CallId, &watch.call_id)
            .with(Name::CSeq, format!("{} SUBSCRIBE", watch.cseq))
            .with(Name::Contact, contact)
            .with(Name::Event, event)
            .with(Name::Expires, expires_secs.to_string());
        header.into_iter().for_each(|(name, value)| request.headers.set(name, value));
        self.ask(request, Why::Watch, 0);
    }

    /// Sends a text, in the call there is or outside of any.
    pub(super) fn write(&mut self, message: Text) {
        let contact = self.contact();
        let mut request = match (message.to, &mut self.call) {
            (Some(to), _) => {
                let target = format!("sip:{to}@{}", self.conf.server);
                let user = message.from.as_deref().unwrap_or(&self.conf.user);
                let own = NameAddr::new(format!("sip:{user}@{}", self.conf.server)).tagged(self.random.token(8));
                Request::new(Method::Message, &target)
                    .with(Name::MaxForwards, "70")
                    .with(Name::From, own.to_string())
                    .with(Name::To, NameAddr::new(&target).to_string())
                    .with(Name::CallId, self.random.token(20))
                    .with(Name::CSeq, "1 MESSAGE")
            }
            (None, Some(call)) => call.request(Method::Message, &contact),
            (None, None) => return,
        };
        request.headers.push(Name::ContentType, "text/plain");
        message.header.into_iter().for_each(|(name, value)| request.headers.set(name, value));
        request.body = message.body.into();
        self.ask(request, Why::Formality, 0);
    }

    /// Says of itself what it is about (RFC 3903): each time anew, the last word counts.
    pub(super) fn publish(&mut self, says: &str) {
        let own = format!("sip:{}@{}", self.conf.user, self.conf.server);
        let basic = if says == "closed" { "closed" } else { "open" };
        let activity = match says {
            "open" | "closed" => String::new(),
            activity => format!("<person><activities><{activity}/></activities></person>"),
        };
        let mut request = Request::new(Method::Publish, &own)
            .with(Name::MaxForwards, "70")
            .with(Name::From, NameAddr::new(&own).tagged(self.random.token(8)).to_string())
            .with(Name::To, NameAddr::new(&own).to_string())
            .with(Name::CallId, self.random.token(20))
            .with(Name::CSeq, "1 PUBLISH")
            .with(Name::Event, "presence")
            .with(Name::Expires, "600")
            .with(Name::ContentType, "application/pidf+xml");
        request.body = format!(
            "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"{own}\"><tuple id=\"t\"><status><basic>{basic}\
             </basic></status></tuple>{activity}</presence>"
        )
        .into();
        self.ask(request, Why::Formality, 0);
    }

    /// The number of a request that is said again with a password.
    pub(super) fn watches_again(&mut self, request: &Request, cseq: u32) {
        let call_id = request.headers.call_id();
        if let Some(watch) = self.watches.iter_mut().find(|watch| Some(&*watch.call_id) == call_id) {
            watch.cseq = cseq;
        }
    }

    /// The answer to a SUBSCRIBE: now the other end is known, or there is nothing to be watched.
    pub(super) fn watch_answered(&mut self, response: &Response) {
        let call_id = response.headers.call_id();
        let Some(at) = self.watches.iter().position(|watch| Some(&*watch.call_id) == call_id) else { return };
        if !response.is_success() {
            self.watches.remove(at);
            return;
        }
        let watch = &mut self.watches[at];
        watch.remote = response.headers.to().unwrap_or_else(|| watch.remote.clone());
        watch.target = response.headers.contact().map_or_else(|| watch.target.clone(), |contact| contact.uri);
    }

    /// Is this NOTIFY about something it watches? The last one ends that.
    pub(super) fn is_watched(&mut self, notify: &Request) -> bool {
        let ours = |watch: &Watch| {
            let to = notify.headers.to();
            notify.headers.call_id() == Some(&*watch.call_id)
                && to.as_ref().and_then(NameAddr::tag) == watch.local.tag()
                && notify.headers.first(&Name::Event).is_some_and(|event| event == watch.event)
        };
        let at = self.watches.iter().position(ours).filter(|_| notify.method == Method::Notify);
        let state = notify.headers.first(&Name::SubscriptionState).unwrap_or_default();
        if at.is_some() && notify.headers.first(&Name::Event) == Some("dialog") {
            self.lamp = picked_up(&String::from_utf8_lossy(&notify.body));
        }
        if let Some(at) = at.filter(|_| state.starts_with("terminated")) {
            self.watches.remove(at);
        }
        at.is_some()
    }
}

/// The Replaces by which the first dialog of a document is picked up: the tags as the document has them, for it is written
/// as if to the one who is watched (RFC 4235 §4.1.1, RFC 3891 §3).
fn picked_up(document: &str) -> Option<String> {
    let dialog = document.split_once("<dialog ")?.1.split_once('>')?.0;
    let said = |name: &str| dialog.split_once(&format!("{name}=\""))?.1.split_once('"').map(|(value, _)| value);
    Some(format!("{};to-tag={};from-tag={}", said("call-id")?, said("local-tag")?, said("remote-tag")?))
}
