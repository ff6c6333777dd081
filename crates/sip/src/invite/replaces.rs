//! Replaces (RFC 3891): an INVITE, or what a REFER leads to, that takes the place of a call there is. Join (RFC 3911): one
//! that comes into it beside who is there.
//!
//! Where it stands: the door reads them from an INVITE, [`super::Referral`] a Replaces from a Refer-To. Whose dialog it is and
//! who may take it, or hear it, is said above.

use crate::{Headers, Name};

/// A dialog as a Replaces header names it: `to_tag` is the tag of the one who reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogId {
    /// The Call-ID.
    pub call_id: String,
    /// The reader's tag.
    pub to_tag: String,
    /// The other end's.
    pub from_tag: String,
}

/// The dialog an INVITE wants to take the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Which.
    pub dialog: DialogId,
    /// Only as long as nobody has answered it (RFC 3891 §3): a call is picked up, not taken away.
    pub early_only: bool,
}

impl DialogId {
    /// Reads a Replaces value: `call-id;to-tag=…;from-tag=…`.
    pub fn read(text: &str) -> Option<DialogId> {
        let mut parts = text.split(';').map(str::trim);
        let call_id = parts.next().filter(|call_id| !call_id.is_empty())?.to_owned();
        let (mut to_tag, mut from_tag) = (None, None);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "to-tag" => to_tag = Some(value.trim().to_owned()),
                "from-tag" => from_tag = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        Some(DialogId { call_id, to_tag: to_tag?, from_tag: from_tag? })
    }

    /// The dialog whose call an INVITE wants to come into, if it has a Join. The error is the status of what is none, or of
    /// more than one (RFC 3911 §4).
    pub fn joined(headers: &Headers) -> Result<Option<DialogId>, u16> {
        let mut values = headers.all(&Name::Join);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(text), None) if !headers.has(&Name::Replaces) => DialogId::read(text).map(Some).ok_or(400),
            _ => Err(400),
        }
    }
}

impl Replaces {
    /// Reads an INVITE's, if it has one. The error is the status of what is none, or of more than one (RFC 3891 §3).
    pub fn read(headers: &Headers) -> Result<Option<Replaces>, u16> {
        let mut values = headers.all(&Name::Replaces);
        let Some(text) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(400);
        }
        let dialog = DialogId::read(text).ok_or(400_u16)?;
        let early_only = text.split(';').skip(1).any(|part| part.trim().eq_ignore_ascii_case("early-only"));
        Ok(Some(Replaces { dialog, early_only }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_takes_the_place_of_one_dialog() {
        for (values, want) in [
            (&[][..], Ok(None)),
            (&["a@b;to-tag=1;from-tag=2"], Ok(Some(("a@b", "1", "2", false)))),
            (&["a ; From-Tag = 2 ; to-tag=1;Early-Only;x=y"], Ok(Some(("a", "1", "2", true)))),
            (&["a;to-tag=1"], Err(400)),
            (&[";to-tag=1;from-tag=2"], Err(400)),
            (&["a;to-tag=1;from-tag=2", "b;to-tag=1;from-tag=2"], Err(400)),
        ] {
            let mut headers = Headers::default();
            values.iter().for_each(|value| headers.push(Name::Replaces, *value));
            let read = Replaces::read(&headers);
            let dialog = |id: DialogId| (id.call_id, id.to_tag, id.from_tag);
            let read = read.map(|found| found.map(|found| (dialog(found.dialog), found.early_only)));
            let want = want.map(|found| {
                found.map(|(call, to, from, early): (&str, &str, &str, bool)| {
                    ((call.to_owned(), to.to_owned(), from.to_owned()), early)
                })
            });
            assert_eq!(read, want, "{values:?}");
        }
    }

    #[test]
    fn an_invite_joins_one_dialog_and_replaces_none_then() {
        let join = |value: &'static str| (Name::Join, value);
        for (fields, want) in [
            (vec![], Ok(None)),
            (vec![join("a@b;to-tag=1;from-tag=2")], Ok(Some(("a@b", "1", "2")))),
            (vec![join("a@b;to-tag=1")], Err(400)),
            (vec![join("a;to-tag=1;from-tag=2"), join("b;to-tag=1;from-tag=2")], Err(400)),
            (vec![join("a;to-tag=1;from-tag=2"), (Name::Replaces, "a;to-tag=1;from-tag=2")], Err(400)),
        ] {
            let mut headers = Headers::default();
            fields.iter().for_each(|(name, value)| headers.push(name.clone(), *value));
            let read = DialogId::joined(&headers);
            let read = read.as_ref().map(|found| found.as_ref().map(|id| (&*id.call_id, &*id.to_tag, &*id.from_tag)));
            assert_eq!(read, want.as_ref().map(|found| *found), "{fields:?}");
        }
    }
}
