//! What a message that waits is worth, told from its first look: who is served first when there is more than can be.
//!
//! Where it stands: the shell sorts its inbox by it before anybody has read a message. It trusts nothing and decides
//! nothing but an order; what a message is, `wire` finds out.

/// The order in which what waits is served, the first first.
///
/// ```
/// use sip::Class;
/// let emergency = ["112".to_owned()];
/// assert_eq!(Class::of(b"SIP/2.0 200 OK\r\n\r\n", &emergency), Class::Standing);
/// assert_eq!(Class::of(b"INVITE sip:112@centre SIP/2.0\r\nTo: <sip:112@centre>\r\n\r\n", &emergency), Class::Emergency);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// It belongs to what stands: a response, or a request in a dialog or for a transaction.
    Standing,
    /// A new call to an emergency number.
    Emergency,
    /// A new call, or the CANCEL of one: it must not overtake what it is to cancel.
    Call,
    /// What can be said again later: REGISTER, SUBSCRIBE, OPTIONS, MESSAGE …
    Chore,
}

impl Class {
    /// Of one message as it came. `emergency`: numbers a caller's life may depend on.
    pub fn of(bytes: &[u8], emergency: &[String]) -> Class {
        let (method, rest) = bytes.split_at(bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len()));
        match method {
            b"SIP/2.0" | b"ACK" | b"BYE" | b"PRACK" | b"UPDATE" | b"INFO" => Class::Standing,
            _ if has_to_tag(rest) => Class::Standing,
            b"INVITE" if emergency.iter().any(|number| is_to(rest, number)) => Class::Emergency,
            b"INVITE" | b"CANCEL" => Class::Call,
            _ => Class::Chore,
        }
    }
}

/// Has its To header a tag? Header by header, as far as the blank line.
fn has_to_tag(rest: &[u8]) -> bool {
    let lines = rest.split(|byte| *byte == b'\n').skip(1).take_while(|line| !line.trim_ascii().is_empty());
    let is_to = |line: &&[u8]| {
        let (name, _) = line.split_at(line.iter().position(|byte| *byte == b':').unwrap_or(0));
        name.trim_ascii_end().eq_ignore_ascii_case(b"to") || name.trim_ascii_end().eq_ignore_ascii_case(b"t")
    };
    let tagged = |line: &[u8]| line.windows(5).any(|window| window.eq_ignore_ascii_case(b";tag="));
    lines.into_iter().find(is_to).is_some_and(tagged)
}

/// Does the request line, from the blank behind the method, lead to that number?
fn is_to(rest: &[u8], number: &str) -> bool {
    let uri = rest.strip_prefix(b" ").unwrap_or(rest);
    let user = [&b"sips:"[..], b"sip:", b"tel:"].iter().find_map(|scheme| {
        let (start, user) = uri.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(user)
    });
    let end = |user: &[u8]| user.first().is_none_or(|byte| b"@; ".contains(byte));
    user.and_then(|user| user.strip_prefix(number.as_bytes())).is_some_and(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_stands_comes_before_what_begins_and_that_before_chores() {
        let emergency = ["112".to_owned(), "911".to_owned()];
        for (message, want) in [
            ("SIP/2.0 180 Ringing\r\n\r\n", Class::Standing),
            ("ACK sip:a SIP/2.0\r\n\r\n", Class::Standing),
            ("CANCEL sip:a SIP/2.0\r\nTo: <sip:a>\r\n\r\n", Class::Call),
            ("INVITE sip:a SIP/2.0\r\nFrom: x;tag=1\r\nTo: <sip:a>;tag=2\r\n\r\n", Class::Standing),
            ("INVITE sip:a SIP/2.0\r\nt : <sip:a> ;TAG=2\r\n\r\n", Class::Standing),
            ("NOTIFY sip:a SIP/2.0\r\nTO: <sip:a>;tag=2\r\n\r\n", Class::Standing),
            ("INVITE sip:112@x SIP/2.0\r\nTo: <sip:112@x>\r\n\r\n", Class::Emergency),
            ("INVITE tel:911 SIP/2.0\r\nTo: <tel:911>\r\n\r\n", Class::Emergency),
            ("INVITE SIP:911;phone-context=x@y SIP/2.0\r\n\r\n", Class::Emergency),
            ("INVITE sip:1120@x SIP/2.0\r\n\r\n", Class::Call),
            ("INVITE sip:202@x SIP/2.0\r\nFrom: x;tag=1\r\nTo: <sip:a>\r\n\r\nTo: x;tag=body", Class::Call),
            ("REGISTER sip:x SIP/2.0\r\nTo: <sip:a>\r\n\r\n", Class::Chore),
            ("OPTIONS sip:112@x SIP/2.0\r\nTo: <sip:a>\r\n\r\n", Class::Chore),
            ("no sip at all", Class::Chore),
            ("", Class::Chore),
        ] {
            assert_eq!(Class::of(message.as_bytes(), &emergency), want, "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_class(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Class::of(&bytes, &["112".to_owned()]);
            Class::of(&[b"INVITE ", &bytes[..]].concat(), &["112".to_owned()]);
        }
    }
}
