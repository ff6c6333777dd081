//! Names, checked once where they enter.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<$name, String> {
                check(text, $what).map($name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<$name, String> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A queue's name as written in `conf/queues.toml`: lower-case letters, digits, dashes, dots.
    QueueName, "queue"
}
name! {
    /// An agent's name: the account of a person.
    AgentName, "agent"
}
name! {
    /// Something an agent can do: `english`, `billing`.
    Skill, "skill"
}

fn check(text: &str, what: &str) -> Result<Arc<str>, String> {
    let right = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
    if text.is_empty() || text.len() > 40 || text.starts_with('.') || !text.chars().all(right) {
        let what = format!("{text:?} is no {what}'s name; write up to 40 lower-case letters, digits, dashes and dots");
        return Err(what);
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_checked_where_it_enters() {
        for good in ["sales", "2nd-level", "a.b"] {
            assert_eq!(good.parse::<QueueName>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "Sales", "a b", ".a", "../x", &"x".repeat(41)] {
            assert!(bad.parse::<AgentName>().is_err(), "{bad}");
        }
    }
}
