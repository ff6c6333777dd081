//! Bodies of several parts (RFC 2046 §5.1, RFC 5621): a description, and what is said beside it.
//!
//! Where it stands: the INVITE usage looks for the description in what came, and says what its body is. Bodies are bounded
//! by `wire`'s limits; the parts of one are by `PARTS_MAX`.

use std::borrow::Cow;

use bytes::Bytes;

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its media type in small letters, without parameters.
    pub kind: String,
    /// What it says.
    pub body: Bytes,
}

/// A body is not read further than this.
const PARTS_MAX: usize = 8;
/// What separates parts of ours, unless it stands in one of them.
const BOUNDARY: &str = "part-of-this-body";

/// The parts of a body of this type; none where it has no parts, or none that can be told apart.
pub fn parts(content_type: &str, body: &Bytes) -> Vec<Part> {
    let Some(boundary) = boundary(content_type) else { return Vec::new() };
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut begun: Option<usize> = None;
    let mut at = 0;
    while at < body.len() && parts.len() < PARTS_MAX {
        let end = body[at..].iter().position(|byte| *byte == b'\n').map_or(body.len(), |found| at + found + 1);
        let line = body[at..end].trim_ascii_end();
        if let Some(rest) = line.strip_prefix(delimiter.as_bytes()) {
            let is_last = rest == b"--";
            if is_last || rest.is_empty() {
                // The line end before a delimiter is the delimiter's.
                parts.extend(begun.and_then(|from| part(body, from, line_end_before(body, at))));
                if is_last {
                    return parts;
                }
                begun = Some(end);
            }
        }
        at = end;
    }
    parts
}

/// The first part of a type.
pub fn part_of(content_type: &str, body: &Bytes, kind: &str) -> Option<Bytes> {
    parts(content_type, body).into_iter().find(|part| part.kind == kind).map(|part| part.body)
}

/// A body of several parts: each with its headers, without the blank line.
///
/// ```
/// let body = sip::multipart::join(&[("Content-Type: application/sdp", b"v=0\r\n"), ("Content-Type: text/plain", b"-")]);
/// let parts = sip::multipart::parts(&sip::multipart::kind_of(&body), &body);
/// assert_eq!(parts[0].body, "v=0\r\n");
/// assert_eq!(parts[1].kind, "text/plain");
/// ```
pub fn join(parts: &[(&str, &[u8])]) -> Bytes {
    let stands_in = |text: &str| {
        let within = |part: &[u8]| part.windows(text.len()).any(|window| window == text.as_bytes());
        parts.iter().any(|(_, part)| within(part))
    };
    let others = (1..).map(|number: u32| Cow::Owned(format!("{BOUNDARY}-{number}")));
    let mut names = std::iter::once(Cow::Borrowed(BOUNDARY)).chain(others);
    let boundary = names.find(|name| !stands_in(name)).unwrap_or(Cow::Borrowed(BOUNDARY));
    let mut body = Vec::new();
    for (headers, part) in parts {
        body.extend_from_slice(format!("--{boundary}\r\n{headers}\r\n\r\n").as_bytes());
        body.extend_from_slice(part);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body.into()
}

/// What a body of ours is: one of several parts begins with its boundary, a description never does.
pub fn kind_of(body: &[u8]) -> Cow<'static, str> {
    let line = body.split(|byte| *byte == b'\r').next().unwrap_or_default();
    match line.strip_prefix(b"--").and_then(|boundary| std::str::from_utf8(boundary).ok()) {
        Some(boundary) => Cow::Owned(format!("multipart/mixed;boundary=\"{boundary}\"")),
        None => Cow::Borrowed("application/sdp"),
    }
}

fn boundary(content_type: &str) -> Option<&str> {
    let (kind, params) = content_type.split_once(';')?;
    if !kind.trim().get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/")) {
        return None;
    }
    let named = |param: &'_ str| -> bool {
        param.split_once('=').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
    };
    let (_, value) = params.split(';').find(|param| named(param))?.split_once('=')?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty() && value.len() <= 70).then_some(value) // RFC 2046 §5.1.1
}

fn line_end_before(body: &[u8], at: usize) -> usize {
    let before = body[..at].strip_suffix(b"\n").unwrap_or(&body[..at]);
    before.strip_suffix(b"\r").unwrap_or(before).len()
}

/// The part between two delimiters; `None` if it is coded in a way we do not read.
fn part(body: &Bytes, from: usize, to: usize) -> Option<Part> {
    let mut kind = "text/plain".to_owned();
    let mut at = from;
    while at < to {
        let end = body[at..to].iter().position(|byte| *byte == b'\n').map_or(to, |found| at + found + 1);
        let line = std::str::from_utf8(body[at..end].trim_ascii()).ok()?;
        at = end;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match (name.trim().to_ascii_lowercase().as_str(), value.trim()) {
            ("content-type", value) => {
                kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            }
            ("content-transfer-encoding", value) if !is_plain(value) => return None,
            _ => {}
        }
    }
    Some(Part { kind, body: body.slice(at.min(to)..to) })
}

fn is_plain(encoding: &str) -> bool {
    ["7bit", "8bit", "binary"].iter().any(|plain| plain.eq_ignore_ascii_case(encoding))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(content_type: &str, body: &str) -> Vec<(String, String)> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let text = |part: Part| (part.kind, String::from_utf8_lossy(&part.body).into_owned());
        parts(content_type, &body).into_iter().map(text).collect()
    }

    #[test]
    fn parts_are_told_apart_by_their_boundary() {
        let owned = |kind: &str, body: &str| (kind.to_owned(), body.to_owned());
        let two =
            "preamble\r\n--b\r\nContent-Type: Application/SDP\r\n\r\nv=0\r\n\r\n--b\r\n\r\nhello\r\n--b--\r\nepilogue";
        for (name, content_type, body, expected) in [
            (
                "two",
                "multipart/mixed;boundary=b",
                two,
                vec![owned("application/sdp", "v=0\r\n"), owned("text/plain", "hello")],
            ),
            (
                "quoted, other case",
                "Multipart/Mixed; x=1; BOUNDARY=\"b\"",
                "--b\n\nx\n--b--",
                vec![owned("text/plain", "x")],
            ),
            (
                "a boundary that begins like it",
                "multipart/mixed;boundary=b",
                "--b\r\n\r\n--bc\r\n--b--",
                vec![owned("text/plain", "--bc")],
            ),
            (
                "coded",
                "multipart/mixed;boundary=b",
                "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--",
                vec![],
            ),
            ("never ended", "multipart/mixed;boundary=b", "--b\r\n\r\nx\r\n", vec![]),
            (
                "headers alone",
                "multipart/mixed;boundary=b",
                "--b\r\nContent-Type: a/b\r\n--b--",
                vec![owned("a/b", "")],
            ),
            ("no boundary", "multipart/mixed", two, vec![]),
            ("one part", "application/sdp;boundary=b", two, vec![]),
            ("nothing", "multipart/mixed;boundary=b", "", vec![]),
        ] {
            assert_eq!(read(content_type, body), expected, "{name}");
        }
        let many = "--b\r\n\r\nx\r\n".repeat(100) + "--b--";
        assert_eq!(read("multipart/mixed;boundary=b", &many).len(), PARTS_MAX);
    }

    proptest! {
        #[test]
        fn what_we_join_comes_apart(bodies in prop::collection::vec("[ -~\r\n]{0,60}|x--part-of-this-body\r\n", 1..5)) {
            let headers = "Content-Type: text/x";
            let joined: Vec<_> = bodies.iter().map(|body| (headers, body.as_bytes())).collect();
            let body = join(&joined);
            let read: Vec<_> = parts(&kind_of(&body), &body).into_iter().map(|part| part.body).collect();
            prop_assert_eq!(read, bodies.iter().map(|body| Bytes::copy_from_slice(body.as_bytes())).collect::<Vec<_>>());
        }

        #[test]
        fn no_body_is_too_strange(body: Vec<u8>, text in "(--b|\r\n|[a-z:;-]{1,4}){0,40}") {
            for body in [Bytes::from(body), Bytes::from(text)] {
                prop_assert!(parts("multipart/mixed;boundary=b", &body).len() <= PARTS_MAX);
            }
        }
    }
}
