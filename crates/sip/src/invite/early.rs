//! The early dialogs of an INVITE of ours: one for each who rings behind it (RFC 3261 §12.1, §13.2.2.4).
//!
//! Where it stands: [`super::Uac`] keeps one for each tag it hears. What is said reliably is acknowledged here (RFC 3262 §4),
//! and whether a new offer may be made in it is known here (RFC 3311 §5.2). Which of them is heard is decided above.

use base::LegId;
use bytes::Bytes;
use rsip::Method;

use super::{Asked, Output, PRACKS_MAX, SDP, TooShort, TransactionId, answer, answer_small, contact, refer, sdp_of};
use crate::dialog::{Dialog, tag};
use crate::endpoint::Event;
use crate::{Flow, Headers, Name, Request, Response};

/// One of those who rang.
#[derive(Debug)]
pub struct Early {
    /// Its tag.
    pub tag: Box<str>,
    /// Nothing without a Contact: then nothing can be asked there.
    pub dialog: Option<Box<Dialog>>,
    /// The number of the last reliable response.
    rseq: Option<u32>,
    pracks: u32,
    /// The description last heard from it.
    heard: Option<Bytes>,
    agreed: Agreed,
    /// An offer of theirs that waits for those above.
    asked: Option<Box<Asked>>,
}

/// What became of our offer in this dialog.
#[derive(Debug)]
enum Agreed {
    /// It waits for its answer; one not said reliably is none.
    No,
    /// It is answered.
    Answered,
    /// They have made another since, which we answered so.
    Anew { said: Bytes },
}

/// What a provisional response is.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// Something to be told, with the description that is new in it.
    News(Option<Bytes>),
    /// One heard already, or out of turn: whoever said it says it again.
    Repeat,
}

/// What a session keeps of its early days.
#[derive(Debug, Default)]
pub struct Past {
    /// The number of our last request in it.
    pub local_cseq: u32,
    /// The number of theirs.
    pub remote_cseq: Option<u32>,
    /// The description they gave there: the 2xx need not repeat it.
    pub heard: Option<Bytes>,
    /// They offered another one, and we said this: whatever the 2xx says is no answer any more.
    pub said: Option<Bytes>,
}

impl Early {
    /// The dialog of a response.
    pub fn new(response: &Response, tag: &str, flow: Flow) -> Early {
        Early {
            tag: tag.into(),
            dialog: Dialog::uac(response, flow).map(Box::new),
            rseq: None,
            pracks: 0,
            heard: None,
            agreed: Agreed::No,
            asked: None,
        }
    }

    /// Hears a provisional response, and acknowledges it if it is reliable (RFC 3262 §4).
    pub fn hear(&mut self, response: &Response, flow: Flow, out: &mut Vec<Output>) -> News {
        if self.dialog.is_none() {
            self.dialog = Dialog::uac(response, flow).map(Box::new);
        }
        let sdp = sdp_of(&response.headers, &response.body);
        let rseq = response.headers.first(&Name::RSeq).and_then(|text| text.trim().parse::<u32>().ok());
        let rseq = rseq.filter(|_| response.headers.lists(&Name::Require, "100rel"));
        if let (Some(rseq), Some(dialog)) = (rseq, &mut self.dialog) {
            if self.rseq.is_some_and(|last| rseq != last.wrapping_add(1)) || self.pracks >= PRACKS_MAX {
                return News::Repeat;
            }
            self.rseq = Some(rseq);
            self.pracks += 1;
            let (cseq, _) = response.cseq().unwrap_or_default();
            let mut prack = dialog.request(Method::PRack);
            prack.headers.push(Name::RAck, format!("{rseq} {cseq} INVITE"));
            out.push(Output::Request { request: prack, to: dialog.flow });
            if sdp.is_some() && matches!(self.agreed, Agreed::No) {
                self.agreed = Agreed::Answered;
            }
        }
        // Said again is no news: who has been heard since is still heard.
        let is_new = !matches!(self.agreed, Agreed::Anew { .. }) && sdp != self.heard;
        let news = sdp.filter(|_| is_new);
        self.heard = news.clone().or(self.heard.take());
        News::News(news)
    }

    /// A request of theirs in it. An offer is told as one of the `fork`'s.
    pub fn asked(
        &mut self,
        (leg, fork, flow): (LegId, u32, Flow),
        transaction: TransactionId,
        request: &Request,
        out: &mut Vec<Output>,
    ) {
        let sdp = sdp_of(&request.headers, &request.body);
        match request.method {
            Method::Update if request.body.is_empty() => {
                self.dialog.iter_mut().for_each(|dialog| dialog.refresh(&request.headers));
                answer(transaction, request, 200).with(Name::Contact, &contact(flow)).push(out);
            }
            Method::Update if sdp.is_none() => {
                answer(transaction, request, 415).with(Name::Accept, SDP).push(out);
            }
            // RFC 3311 §5.2: one at a time.
            Method::Update if self.asked.is_some() => {
                answer(transaction, request, 500).with(Name::RetryAfter, "1").push(out);
            }
            // RFC 3311 §5.2, RFC 3261 §14.2: our offer waits for its answer.
            Method::Update if matches!(self.agreed, Agreed::No) => answer(transaction, request, 491).push(out),
            Method::Update => {
                let Some(dialog) = &mut self.dialog else { return answer(transaction, request, 481).push(out) };
                match Asked::new(transaction, request, &dialog.local_tag) {
                    Ok(asked) => {
                        dialog.refresh(&request.headers);
                        self.asked = Some(Box::new(asked));
                        out.push(Output::Event(Event::Offered { leg, fork, sdp }));
                    }
                    Err(TooShort) => super::too_short(transaction, request, out),
                }
            }
            Method::Invite => answer(transaction, request, 491).push(out),
            Method::Bye => answer(transaction, request, 481).push(out), // RFC 3261 §15: the callee has nothing to end yet
            Method::Refer => refer::too_early(transaction, request, out),
            _ => answer_small(leg, transaction, request, out),
        }
    }

    /// Their offer is answered, or refused where there is nothing to say. False: there was none.
    pub fn answer(&mut self, status: u16, sdp: Option<Bytes>, flow: Flow, out: &mut Vec<Output>) -> bool {
        let Some(asked) = self.asked.take() else { return false };
        let flow = self.dialog.as_ref().map_or(flow, |dialog| dialog.flow);
        asked.respond(status, flow, sdp.clone(), out);
        if let Some(said) = sdp {
            self.agreed = Agreed::Anew { said };
        }
        true
    }

    /// It is answered.
    pub fn past(self) -> Past {
        let said = match self.agreed {
            Agreed::Anew { said } => Some(said),
            Agreed::No | Agreed::Answered => None,
        };
        let numbers = self.dialog.map(|dialog| (dialog.local_cseq(), dialog.remote_cseq()));
        let (local_cseq, remote_cseq) = numbers.unwrap_or_default();
        Past { local_cseq, remote_cseq, heard: self.heard, said }
    }
}

/// The tag of who responds.
pub fn tag_of(headers: &Headers) -> Option<&str> {
    headers.first(&Name::To).map(tag).filter(|tag| !tag.is_empty())
}
