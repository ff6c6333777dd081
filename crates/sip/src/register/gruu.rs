//! GRUUs (RFC 5627): addresses that lead to one phone, and to no other of the same person.
//!
//! Where it stands: the registrar gives them with its 200 to phones that ask, and is asked what one names. The public one
//! says whose it is and which phone; a temporary one says neither to anybody but us, is another in each answer, and holds
//! as long as the phone goes on with its Call-ID (§3.1.2). Nothing is kept for one but a number beside its binding.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Binding;
use crate::{Params, Uri};

/// One phone of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gruu {
    /// Whose.
    pub account: String,
    /// Its `+sip.instance`.
    pub instance: String,
}

/// Whom a URI is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// It is no GRUU.
    Anybody,
    /// This phone, which may not be there.
    Phone(Gruu),
    /// A phone that went, or that never was.
    Nobody,
}

/// The numbers behind temporary GRUUs.
#[derive(Debug)]
pub(super) struct Gruus {
    secret: [u8; 32],
    last: u64,
    known: HashMap<NonZeroU64, (Arc<str>, Box<str>)>,
}

/// How the user part of a temporary one begins.
const TEMPORARY: &str = "tgruu.";

impl Gruus {
    /// `secret` keeps others from making or reading temporary ones.
    pub(super) fn new(secret: [u8; 32]) -> Gruus {
        Gruus { secret, last: 0, known: HashMap::new() }
    }

    /// A number for a binding that wants one; what it had before for the same Call-ID stays (§5.1).
    pub(super) fn number(&mut self, account: &Arc<str>, binding: &mut Binding, before: &[Binding]) {
        let Some(instance) = &binding.instance else { return };
        let same =
            |old: &&Binding| old.instance == binding.instance && old.call_id == binding.call_id && old.gruu.is_some();
        binding.gruu = before.iter().find(same).and_then(|old| old.gruu).or_else(|| {
            self.last += 1;
            let number = NonZeroU64::new(self.last)?;
            self.known.insert(number, (account.clone(), instance.clone()));
            Some(number)
        });
    }

    /// Those bindings are gone.
    pub(super) fn forget(&mut self, before: &[Binding], after: &[Binding]) {
        let stays = |number: &NonZeroU64| after.iter().any(|binding| binding.gruu == Some(*number));
        for gone in before.iter().filter_map(|binding| binding.gruu).filter(|number| !stays(number)) {
            self.known.remove(&gone);
        }
    }

    /// The parameters of a Contact that tell its phone its GRUUs; `aor` is what it registers.
    pub(super) fn params(&self, aor: &Uri, binding: &Binding) -> String {
        let Some(gr) = binding.instance.as_deref().and_then(gr) else { return String::new() };
        let mut public = Uri { params: Params::NONE, headers: None, password: None, ..aor.clone() };
        public.params.set("gr", Some(gr.to_owned()));
        let mut said = format!(";pub-gruu=\"{public}\"");
        if let Some(number) = binding.gruu {
            let mut temporary = Uri { user: Some(self.token(number, binding)), ..public };
            temporary.params.set("gr", None);
            said += &format!(";temp-gruu=\"{temporary}\"");
        }
        said
    }

    /// Whom a URI is for.
    pub(super) fn meant(&self, uri: &Uri) -> Meant {
        let user = uri.user.as_deref().unwrap_or_default();
        if !uri.params.has("gr") {
            return Meant::Anybody;
        }
        match uri.params.get("gr").filter(|gr| !gr.is_empty()) {
            None => match user.strip_prefix(TEMPORARY).and_then(|token| self.known.get(&self.read(token)?)) {
                Some((account, instance)) => {
                    Meant::Phone(Gruu { account: account.to_string(), instance: instance.to_string() })
                }
                None => Meant::Nobody,
            },
            Some(gr) => Meant::Phone(Gruu { account: user.to_owned(), instance: format!("<{gr}>") }),
        }
    }

    fn token(&self, number: NonZeroU64, binding: &Binding) -> String {
        let nonce = self.hash(&[b"nonce", binding.call_id.as_bytes(), &binding.cseq.to_be_bytes()]);
        let hidden = number.get() ^ self.hash(&[b"number", &nonce.to_be_bytes()]);
        let seal = self.hash(&[b"seal", &nonce.to_be_bytes(), &hidden.to_be_bytes()]);
        format!("{TEMPORARY}{nonce:016x}{hidden:016x}{seal:016x}")
    }

    fn read(&self, token: &str) -> Option<NonZeroU64> {
        let word = |at: usize| u64::from_str_radix(token.get(at..at + 16)?, 16).ok();
        let (nonce, hidden, seal) = (word(0)?, word(16)?, word(32)?);
        let ours = self.hash(&[b"seal", &nonce.to_be_bytes(), &hidden.to_be_bytes()]) == seal;
        let number = hidden ^ self.hash(&[b"number", &nonce.to_be_bytes()]);
        NonZeroU64::new(number).filter(|_| ours && token.len() == 48)
    }

    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hash = Sha256::new().chain_update(self.secret);
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let hash = hash.finalize();
        u64::from_be_bytes(std::array::from_fn(|at| hash[at]))
    }
}

/// What stands after `gr=` for an instance (§5.1): what cannot stand there as it is, is given none.
fn gr(instance: &str) -> Option<&str> {
    let id = instance.strip_prefix('<')?.strip_suffix('>')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/:&+$".contains(&byte);
    (!id.is_empty() && id.bytes().all(plain)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_gruu_of_ours_names_nobody() {
        let gruus = Gruus::new([7; 32]);
        let forged = format!("sip:tgruu.{}@x;gr", "0".repeat(48));
        for (uri, meant) in [
            ("sip:101@x", Meant::Anybody),
            ("sip:101@x;transport=tcp", Meant::Anybody),
            ("sip:tgruu.x@x;gr", Meant::Nobody),
            ("sip:101@x;gr", Meant::Nobody),
            (&*forged, Meant::Nobody),
            ("sip:x;gr=1", Meant::Phone(Gruu { account: String::new(), instance: "<1>".into() })),
        ] {
            assert_eq!(gruus.meant(&uri.parse().unwrap()), meant, "{uri}");
        }
        for (instance, gr) in
            [("<urn:uuid:1>", Some("urn:uuid:1")), ("<a b>", None), ("<a;b>", None), ("<>", None), ("1", None)]
        {
            assert_eq!(super::gr(instance), gr, "{instance}");
        }
    }
}
