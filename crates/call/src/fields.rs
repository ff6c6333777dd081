//! What is known of a caller and goes along with the call: the language, what was typed in or looked up.
//!
//! Where it stands: routes and programs write fields, programs and agents read them. Each change is a fact, so the call's
//! record has them too.

use crate::{Call, Silence, What};

/// The field that says which language the caller is spoken to in.
pub const LANGUAGE: &str = "language";
/// The field that says whether the caller lets the call be recorded: `yes`, `told` (and stayed), or anything else for no.
pub const CONSENT: &str = "consent";
/// So many fields a call may have.
const FIELDS_MAX: usize = 64;
/// Longer values are cut.
const VALUE_BYTES_MAX: usize = 1024;

impl Call {
    /// What is known under this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Does the caller let the call be recorded?
    pub fn is_consented(&self) -> bool {
        matches!(self.field(CONSENT), Some("yes" | "told"))
    }

    /// Everything that is known and may be told, by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .filter(|(name, _)| !self.untold.contains(*name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// This is known from now. A call with too many fields takes no new ones. What becomes known under a mask is for the
    /// call's own steps, as long as it lasts: no fact tells it.
    pub fn set_field(&mut self, name: &str, value: &str) {
        let value = &value[..value.floor_char_boundary(VALUE_BYTES_MAX)];
        let has_room = self.fields.contains_key(name) || self.fields.len() < FIELDS_MAX;
        if has_room && self.field(name) != Some(value) {
            self.fields.insert(name.to_owned(), value.to_owned());
            if self.is_silent(Silence::Mask) {
                self.untold.insert(name.to_owned());
                return;
            }
            self.untold.remove(name);
            self.note(What::Field { name: name.to_owned(), value: value.to_owned() });
        }
    }
}
