//! Where somebody is registered: `application/reginfo+xml` (RFC 3680 §5), always the full state.

use std::fmt::Write;

use base::Time;
use sha2::{Digest, Sha256};

use super::xml::Escaped;
use crate::Binding;

pub(super) fn print(bindings: &[Binding], entity: &str, version: u32, now: Time) -> String {
    let entity = Escaped(entity);
    let state = if bindings.is_empty() { "terminated" } else { "active" };
    let mut out = String::with_capacity(256 + 512 * bindings.len());
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<?xml version=\"1.0\"?>\r\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"{version}\" \
         state=\"full\">\r\n<registration aor=\"{entity}\" id=\"aor\" state=\"{state}\">\r\n"
    );
    for binding in bindings {
        let _ = write!(
            out,
            "<contact id=\"{}\" state=\"active\" event=\"registered\" expires=\"{}\" q=\"{}.{:03}\" callid=\"{}\" \
             cseq=\"{}\">\r\n<uri>{}</uri>\r\n",
            contact_id(&binding.contact),
            binding.expires.since(now).as_secs(),
            binding.q / 1000,
            binding.q % 1000,
            Escaped(&binding.call_id),
            binding.cseq,
            Escaped(&binding.contact)
        );
        if !binding.user_agent.is_empty() {
            let _ = write!(
                out,
                "<unknown-param name=\"+sip.user-agent\">{}</unknown-param>\r\n",
                Escaped(&binding.user_agent)
            );
        }
        out.push_str("</contact>\r\n");
    }
    out.push_str("</registration>\r\n</reginfo>\r\n");
    out
}

/// The same in every document for the same contact (RFC 3680 §5.3).
fn contact_id(contact: &str) -> String {
    let hash = Sha256::digest(contact.as_bytes());
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flow, Method, Name, NameAddr, Request, Transport};

    #[test]
    fn contacts_are_listed_with_the_seconds_they_have_left() {
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "192.0.2.7:5062".parse().unwrap(),
            connection: 0,
        };
        let register = Request::new(Method::Register, "sip:centrala")
            .with(Name::CallId, "c\"1")
            .with(Name::CSeq, "4 REGISTER")
            .with(Name::UserAgent, "Phone <1>");
        let contact: NameAddr = "<sip:ann@10.0.0.9:5062;x=a&b>;q=0.5".parse().unwrap();
        let binding = Binding::new(contact, &register, (flow, flow.remote), Time::ZERO, 60);
        let head = "<?xml version=\"1.0\"?>\r\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"2\" \
                    state=\"full\">\r\n";
        let id = contact_id("sip:ann@10.0.0.9:5062;x=a&b");
        assert_eq!(id.len(), 12);
        let one = format!(
            "{head}<registration aor=\"sip:ann@centrala\" id=\"aor\" state=\"active\">\r\n<contact id=\"{id}\" \
             state=\"active\" event=\"registered\" expires=\"45\" q=\"0.500\" callid=\"c&quot;1\" cseq=\"4\">\r\n\
             <uri>sip:ann@10.0.0.9:5062;x=a&amp;b</uri>\r\n<unknown-param name=\"+sip.user-agent\">Phone &lt;1&gt;\
             </unknown-param>\r\n</contact>\r\n</registration>\r\n</reginfo>\r\n"
        );
        let none = format!(
            "{head}<registration aor=\"sip:ann@centrala\" id=\"aor\" state=\"terminated\">\r\n</registration>\r\n\
             </reginfo>\r\n"
        );
        for (bindings, want) in [(&[binding][..], one), (&[], none)] {
            assert_eq!(print(bindings, "sip:ann@centrala", 2, Time::from_millis(15_000)), want);
        }
    }
}
