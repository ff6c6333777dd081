//! Who we are, for the other end of a dialog that asks: requests of ours within it, said again with the answer to their
//! challenge (RFC 3261 §22.2, §22.3). Any of them may be challenged: re-INVITE, UPDATE, PRACK, NOTIFY, BYE.
//!
//! Where it stands: a leg's seat has one if there are credentials for whom it talks with, and shows it what the leg says
//! and hears. A challenge it can answer reaches nobody else. The first INVITE is [`super::Uac`]'s own business.

use super::{Input, Output, Usage};
use crate::dialog::{Dialog, tag};
use crate::digest::{Credentials, Login, Signed};
use crate::{Flow, Name, Request, method_name};

/// The requests of ours in one dialog that may still be challenged.
#[derive(Debug)]
pub struct Proofs {
    credentials: Credentials,
    cnonce: String,
    asked: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    request: Request,
    to: Flow,
    login: Login,
}

/// So many requests of one leg may be under way and be challenged.
const ASKED_MAX: usize = 8;

impl Proofs {
    /// For who talks with somebody that knows us so. `cnonce` is 64 random bits or more.
    pub fn new(credentials: Credentials, cnonce: String) -> Proofs {
        Proofs { credentials, cnonce, asked: Vec::new() }
    }

    /// These were said: what may be challenged is kept until it is answered.
    pub fn keep(&mut self, said: &[Output]) {
        for output in said {
            let (Output::Request { request, to } | Output::Reinvite { request, to }) = output else { continue };
            let login = Login::new(self.credentials.clone(), to.remote, self.cnonce.clone());
            self.insert(Asked { request: request.clone(), to: *to, login });
        }
    }

    /// Hears an answer. True: it was a challenge, and the request has been said again.
    pub fn answer(&mut self, input: &Input<'_>, usage: &mut Usage, out: &mut Vec<Output>) -> bool {
        let Input::Response { response, flow, .. } = input else { return false };
        let is_of = |asked: &Asked| asked.request.cseq() == response.cseq();
        let Some(at) = self.asked.iter().position(is_of).filter(|_| response.is_final()) else { return false };
        let Asked { mut request, to, mut login } = self.asked.swap_remove(at);
        let signed = Signed { method: request.method, uri: &request.uri };
        let Some((name, value)) = login.answer(response, flow.remote, signed) else { return false };
        let remote_tag = request.headers.first(&Name::To).map_or("", tag);
        let Some(cseq) = usage.dialog_with(remote_tag).map(Dialog::next_cseq) else { return false };
        request.headers.set(name, value);
        request.headers.set(Name::CSeq, format!("{cseq} {}", method_name(request.method)));
        self.insert(Asked { request: request.clone(), to, login });
        out.push(match request.method {
            crate::Method::Invite => Output::Reinvite { request, to },
            _ => Output::Request { request, to },
        });
        true
    }

    fn insert(&mut self, asked: Asked) {
        if self.asked.len() >= ASKED_MAX {
            self.asked.remove(0);
        }
        self.asked.push(asked);
    }
}
