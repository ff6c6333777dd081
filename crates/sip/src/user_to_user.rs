//! User-to-User (RFC 7433): what the applications at both ends of a call tell each other beside it.
//!
//! Where it stands: the endpoint tells what came, just before what the message means for its leg
//! ([`Event::UserToUser`](crate::Event::UserToUser)), and says what it was given with the next message it may stand in
//! ([`Command::UserToUser`](crate::Command::UserToUser)). Who may tell whom is decided above.

use rsip::Method;

use crate::invite::Input;
use crate::{Headers, Name};

/// None with more letters is passed on,
const VALUE_MAX: usize = 1024;
/// nor more of one message.
const VALUES_MAX: usize = 4;

/// What a message tells, as far as it may be passed on.
pub fn user_to_user(headers: &Headers) -> Vec<String> {
    let short = headers.all(&Name::UserToUser).filter(|value| value.len() <= VALUE_MAX);
    let clean = |value: &str| value.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    short.take(VALUES_MAX).map(clean).collect()
}

/// Writes it into a message, in place of what stands there.
pub(crate) fn write(said: &[String], headers: &mut Headers) {
    headers.remove(&Name::UserToUser);
    said.iter().for_each(|value| headers.push(Name::UserToUser, &**value));
}

/// What was told to a leg with this: in an answer to our INVITE, be it a refusal, in a re-INVITE or UPDATE, in a BYE.
pub(crate) fn said_in(input: &Input<'_>) -> Option<Vec<String>> {
    let headers = match input {
        Input::Response { method: Method::Invite, response, .. } if response.status > 100 => &response.headers,
        Input::Request { request, .. } if matches!(request.method, Method::Invite | Method::Update | Method::Bye) => {
            &request.headers
        }
        _ => return None,
    };
    headers.has(&Name::UserToUser).then(|| user_to_user(headers)).filter(|said| !said.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_or_many_is_not_passed_on() {
        let mut headers = Headers::default();
        let long = "a".repeat(VALUE_MAX + 1);
        for value in ["56a390f3;encoding=hex", &long, "1", "2", "3", "4"] {
            headers.push(Name::UserToUser, value);
        }
        let said = user_to_user(&headers);
        assert_eq!(said, ["56a390f3;encoding=hex", "1", "2", "3"]);
        write(&said[..1], &mut headers);
        assert_eq!(headers.all(&Name::UserToUser).collect::<Vec<_>>(), ["56a390f3;encoding=hex"]);
    }
}
