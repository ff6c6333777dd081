//! REFER (RFC 3515): a phone asks us to bring its partner elsewhere, and hears by NOTIFY how that goes.
//!
//! Where it stands: [`super::Session`] keeps its [`Transfers`] and gives them what belongs to them; what becomes of them is
//! decided above. It makes the messages of RFC 3515 §2.4 and reads those of RFC 3891 §3; it moves nobody.

use rsip::Method;

use super::{Asked, DialogId, Input, Output, TransactionId, answer, contact};
use crate::dialog::Dialog;
use crate::name_addr::Parts;
use crate::uri::unescape;
use crate::{Flow, Headers, Name, Request, Uri, reason_phrase, user_to_user};

/// Whom a party wants its partner to talk with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    /// The URI as written.
    pub uri: String,
    /// Its user part, unescaped; the number of a `tel:`.
    pub called: String,
    /// The call to be taken over (RFC 3891): an attended transfer.
    pub replaces: Option<DialogId>,
    /// What who refers tells the application there (RFC 7433 §4), as headers of the URI.
    pub user_to_user: Vec<String>,
}

impl Referral {
    /// Reads a REFER; the error is the status that says what is wrong with it.
    pub fn read(refer: &Request) -> Result<Referral, u16> {
        let mut targets = refer.headers.all(&Name::ReferTo);
        let (Some(target), None) = (targets.next(), targets.next()) else { return Err(400) }; // RFC 3515 §2.4.2
        let text = Parts::read(target).map_err(|_| 400_u16)?.uri;
        let uri: Uri = text.parse().map_err(|_| 400_u16)?;
        let method = uri.params.get("method").unwrap_or("INVITE");
        if !method.eq_ignore_ascii_case("INVITE") {
            return Err(501);
        }
        let headers = uri.headers.as_deref().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let mut said = Headers::default();
        headers.for_each(|(name, value)| said.push(Name::from(name), unescape(value)));
        let replaces = match said.first(&Name::Replaces) {
            None => None,
            Some(value) => Some(DialogId::read(value).ok_or(400_u16)?),
        };
        let called = uri.user.clone().unwrap_or_default();
        if called.is_empty() && replaces.is_none() {
            return Err(404);
        }
        Ok(Referral { uri: text.to_owned(), called, replaces, user_to_user: user_to_user::user_to_user(&said) })
    }
}

/// A REFER before the INVITE is answered. Who rings has nobody yet who could be brought elsewhere, and who calls may call
/// another (RFC 5589 §7.6 refers in the call that stands, about the one that rings): told at once, while it goes on ringing.
pub fn too_early(transaction: TransactionId, refer: &Request, out: &mut Vec<Output>) {
    let status = Referral::read(refer).err().unwrap_or(403);
    let why = "399 centrala \"nobody can be transferred before the call is answered\"";
    answer(transaction, refer, status).with(Name::Warning, why).push(out);
}

/// What a party asked for in one dialog: one transfer at a time.
#[derive(Debug, Default)]
pub struct Transfers {
    last: Option<Box<Transfer>>,
    /// How many REFERs there were.
    asked: u32,
}

impl Transfers {
    /// A REFER came. The error is the status that refuses it.
    pub fn begin(&mut self, refer: &Request, asked: Asked) -> Result<Referral, u16> {
        if self.last.as_ref().is_some_and(|transfer| !transfer.is_over()) {
            return Err(491);
        }
        let referral = Referral::read(refer)?;
        self.asked += 1;
        self.last = Some(Box::new(Transfer::new(refer, asked, self.asked == 1)));
        Ok(referral)
    }

    /// Takes what is about one: how it goes, and the answers to our NOTIFYs.
    pub fn hear(&mut self, input: &Input<'_>, dialog: &mut Dialog, out: &mut Vec<Output>) {
        let Some(transfer) = &mut self.last else { return };
        match input {
            Input::Transferred { status } => transfer.comes_to(*status, dialog, out),
            Input::Response { method: Method::Notify, response, .. } if response.is_final() => {
                transfer.heard(response.status, dialog, out);
            }
            Input::TimedOut { method: Method::Notify } | Input::Lost { method: Method::Notify, .. } => {
                transfer.heard(408, dialog, out);
            }
            _ => {}
        }
    }

    /// Has something been told that the party has not answered? Browsers wait for the last word.
    pub fn is_unheard(&self) -> bool {
        self.last.as_ref().is_some_and(|transfer| transfer.telling)
    }
}

/// A transfer a party asked for, and what it was told of it.
#[derive(Debug)]
struct Transfer {
    /// What tells its NOTIFYs from those of an earlier one (RFC 3515 §2.4.6).
    id: Option<u32>,
    /// `Refer-Sub: false` (RFC 4488): the party does not want to know.
    silent: bool,
    asked: Option<Asked>,
    /// A NOTIFY is under way; what is to be told after it.
    telling: bool,
    next: Option<u16>,
    over: bool,
}

impl Transfer {
    /// A REFER that awaits its answer. `first`: of its dialog.
    fn new(refer: &Request, asked: Asked, first: bool) -> Transfer {
        let silent = refer
            .headers
            .first(&Name::other("Refer-Sub"))
            .is_some_and(|sub| sub.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("false"));
        let id = (!first).then_some(asked.cseq);
        Transfer { id, silent, asked: Some(asked), telling: false, next: None, over: false }
    }

    /// Is there more to come?
    fn is_over(&self) -> bool {
        self.over && !self.telling
    }

    /// The transfer has come so far: a status below 200 first accepts it; a final one ends it.
    fn comes_to(&mut self, status: u16, dialog: &mut Dialog, out: &mut Vec<Output>) {
        if self.over {
            return;
        }
        if let Some(asked) = self.asked.take() {
            self.over = status >= 300;
            self.accept(&asked, if status < 300 { 202 } else { status }, dialog.flow, out);
            if self.over {
                return;
            }
        }
        self.over = status >= 200 || self.silent;
        if self.silent {
            return;
        }
        if self.telling {
            self.next = Some(status);
        } else {
            self.tell(status, dialog, out);
        }
    }

    /// A NOTIFY of ours has its answer, or none.
    fn heard(&mut self, status: u16, dialog: &mut Dialog, out: &mut Vec<Output>) {
        self.telling = false;
        match self.next.take() {
            Some(next) if status < 300 => self.tell(next, dialog, out),
            _ if status >= 300 => self.over = true, // it does not want to know (RFC 6665 §4.2.2)
            _ => {}
        }
    }

    fn accept(&self, asked: &Asked, status: u16, flow: Flow, out: &mut Vec<Output>) {
        let mut response = asked.response(status, flow, None);
        if self.silent && status < 300 {
            response.headers.push(Name::other("Refer-Sub"), "false");
        }
        let bytes = response.to_bytes();
        out.push(Output::Respond { transaction: asked.transaction, status, bytes });
    }

    fn tell(&mut self, status: u16, dialog: &mut Dialog, out: &mut Vec<Output>) {
        self.telling = true;
        let mut notify = dialog.request(Method::Notify);
        let headers: &mut Headers = &mut notify.headers;
        headers.push(Name::Contact, contact(dialog.flow));
        headers.push(Name::Event, self.id.map_or("refer".to_owned(), |id| format!("refer;id={id}")));
        let state = if status < 200 { "active;expires=180" } else { "terminated;reason=noresource" };
        headers.push(Name::SubscriptionState, state);
        headers.push(Name::ContentType, "message/sipfrag;version=2.0");
        notify.body = format!("SIP/2.0 {status} {}\r\n", reason_phrase(status)).into();
        out.push(Output::Request { request: notify, to: dialog.flow });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refer_names_one_party_and_perhaps_the_call_it_has() {
        let read = |values: &[&str]| {
            let mut refer = Request::new(Method::Refer, "sip:us");
            values.iter().for_each(|value| refer.headers.push(Name::ReferTo, *value));
            Referral::read(&refer)
                .map(|referral| (referral.called, referral.replaces.map(|id| (id.call_id, id.to_tag, id.from_tag))))
        };
        let replaced = |call_id: &str, to: &str, from: &str| Some((call_id.to_owned(), to.to_owned(), from.to_owned()));
        for (values, want) in [
            (&["<sip:202@centre>"][..], Ok(("202".to_owned(), None))),
            (&["sip:202@centre"], Ok(("202".to_owned(), None))),
            (&["\"Bob\" <sip:%2b49@centre;user=phone>"], Ok(("+49".to_owned(), None))),
            (&["<tel:+49-30>"], Ok(("+49-30".to_owned(), None))),
            (
                &["<sip:202@centre?Replaces=a%40b%3Bto-tag%3Dt%3Bfrom-tag%3Df>"],
                Ok(("202".to_owned(), replaced("a@b", "t", "f"))),
            ),
            (
                &["<sip:centre?X=y&replaces=a%3bfrom-tag%3df%3bto-tag%3dt%3bearly-only>"],
                Ok((String::new(), replaced("a", "t", "f"))),
            ),
            (&["<sip:202@centre?Replaces=a>"], Err(400)),
            (&["<sip:202@centre;method=BYE>"], Err(501)),
            (&["<sip:centre>"], Err(404)),
            (&["<"], Err(400)),
            (&[], Err(400)),
            (&["<sip:1@x>", "<sip:2@x>"], Err(400)),
        ] {
            assert_eq!(read(values), want, "{values:?}");
        }
    }
}
