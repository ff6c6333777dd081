//! What steps ask web servers, and the addresses they ask at.
//!
//! Where it stands: a program says [`Word::Ask`](crate::Word), the shell asks and brings the answer. What was keyed in under a mask is in
//! no question: only what may be told is put into one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use call::{Call, What};
use serde_json::{Value, json};

/// A question to a web server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whose.
    pub call: base::CallId,
    /// Which of this call's.
    pub number: u32,
    /// Where.
    pub url: String,
    /// What is posted, in JSON; nothing: it is a GET.
    pub body: Option<String>,
    /// What lets us in.
    pub token: Option<Token>,
    /// An answer that comes later is none.
    pub limit: Duration,
}

/// What a web server said, or why it said nothing.
pub type Answer = Result<Value, String>;

/// What lets us in at a web server (RFC 6750). It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    /// This one.
    pub fn new(text: &str) -> Token {
        Token(text.into())
    }

    /// As it goes out.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Where a web server is asked, and how long that may take.
#[derive(Clone, Debug)]
pub struct ServerConf {
    /// Its address.
    pub url: Address,
    /// What lets us in.
    pub token: Option<Token>,
    /// How long an answer may take.
    pub limit: Duration,
}

impl ServerConf {
    /// The question of this call; the journey numbers it.
    pub(crate) fn ask(&self, call: &Call, body: Option<Value>) -> Ask {
        Ask {
            call: call.id(),
            number: 0,
            url: self.url.of(call),
            body: body.map(|body| body.to_string()),
            token: self.token.clone(),
            limit: self.limit,
        }
    }
}

/// A web address with what is known of the caller in it: `https://crm.example/customers/{account}?from={caller}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What stands before each field, and the field.
    parts: Vec<(String, String)>,
    /// What stands behind the last.
    rest: String,
}

impl Address {
    /// With these fields of the call, as they stand in an address (RFC 3986 §2.1).
    fn of(&self, call: &Call) -> String {
        let mut url = String::new();
        for (before, field) in &self.parts {
            url.push_str(before);
            known(call, field).bytes().for_each(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => url.push(byte.into()),
                byte => url.push_str(&format!("%{byte:02X}")),
            });
        }
        url + &self.rest
    }

    /// The fields in it.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|(_, field)| field.as_str())
    }

    /// With nothing known of the caller: is it an address at all?
    pub fn bare(&self) -> String {
        self.parts.iter().map(|(before, _)| before.as_str()).chain([self.rest.as_str()]).collect()
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let wrong =
            |what: &str| Err(format!("{text:?} {what}; write one such as https://crm.example/of?number={{caller}}"));
        let Some((_, beyond)) = text.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
            return wrong("is no web address");
        };
        let host = &beyond[..beyond.find(['/', '?']).unwrap_or(beyond.len())];
        if host.is_empty() || host.contains(['{', '}', '@']) {
            return wrong("names no host");
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let Some((field, after)) = after.split_once('}').filter(|(field, _)| !field.is_empty()) else {
                return wrong("has a field that does not end");
            };
            parts.push((before.to_owned(), field.to_owned()));
            rest = after;
        }
        Ok(Address { parts, rest: rest.to_owned() })
    }
}

/// A field's value; `call`, `caller` and `called` are what everybody knows. What is not to be told is not known here.
pub(crate) fn known(call: &Call, name: &str) -> String {
    match name {
        "call" => call.id().to_string(),
        "caller" => call.caller().party.label().to_owned(),
        "called" => called(call).to_owned(),
        name => call.fields().find(|(field, _)| *field == name).map_or_else(String::new, |(_, value)| value.to_owned()),
    }
}

/// All that may be told of a call.
pub(crate) fn all(call: &Call) -> Value {
    let fields: serde_json::Map<_, _> = call.fields().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({ "call": call.id().to_string(), "caller": call.caller().party.label(), "called": called(call), "fields": fields })
}

fn called(call: &Call) -> &str {
    match call.facts().first().map(|fact| &fact.what) {
        Some(What::Started { called, .. }) => called,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_or_said_to_be_wrong() {
        let right = "https://crm.example:8443/{account}/of?number={caller}&x=1";
        let address: Address = right.parse().expect("an address");
        assert_eq!(address.fields().collect::<Vec<_>>(), ["account", "caller"]);
        assert_eq!(address.bare(), "https://crm.example:8443//of?number=&x=1");
        for wrong in [
            "",
            "crm.example",
            "ftp://crm.example/",
            "http:///x",
            "http://{host}/",
            "http://a/{",
            "http://a/{}",
            "http://u@a/",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        assert_eq!(format!("{:?}", Token::new("secret")), "Token");
    }
}
