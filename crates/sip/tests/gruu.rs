//! GRUUs by RFC 5627: who gets one, where it leads, and for how long.

mod desk;

use desk::*;
use sip::{Command, Event, Flow, Gruu, Meant};

/// A phone that has a name of its own.
struct Device {
    phone: Phone,
    contact: String,
    call_id: String,
    cseq: u32,
}

impl Device {
    fn new(flow: Flow) -> Device {
        let contact = format!("<sip:101@10.0.0.9:{};ob>;+sip.instance=\"<urn:uuid:1>\"", flow.remote.port());
        Device { phone: Phone::new("101", flow), contact, call_id: "c1".into(), cseq: 0 }
    }

    /// Registers, and is told its Contact in the 200.
    fn register(&mut self, desk: &mut Desk, more: &[(&str, &str)]) -> String {
        self.cseq += 2;
        let flow = self.phone.flow;
        let mut register = self.phone.request("REGISTER", "sip:centrala", self.cseq);
        register = register.set("To", "<sip:101@centrala.example;user=phone>").set("Call-ID", &self.call_id);
        let via =
            format!("SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bK{}{}x{};rport", self.call_id, self.cseq, flow.remote);
        register = register.set(
            "Via",
            &via.replace([':', '.'], "-").replacen("SIP/2-0/UDP 10-0-0-9-5062", "SIP/2.0/UDP 10.0.0.9:5062", 1),
        );
        register = register.set("Contact", &self.contact);
        for (name, value) in more {
            register = register.set(name, value);
        }
        let challenged = desk.say(flow, &register.print()).text();
        let register = register.again(self.cseq + 1, &challenged, "101", "secret");
        desk.say(flow, &register.print());
        let ok = desk.text();
        assert_eq!(status(&ok), if more.contains(&("Contact", OWN_GRUU)) { 403 } else { 200 }, "{ok}");
        ok.lines().find(|line| line.starts_with("Contact: ")).unwrap_or_default().to_owned()
    }
}

const SUPPORTED: (&str, &str) = ("Supported", "path, gruu");
const OWN_GRUU: &str = "<sip:101@centrala.example;gr=urn:uuid:1>;+sip.instance=\"<urn:uuid:1>\"";
const PUBLIC: &str = "sip:101@centrala.example;gr=urn:uuid:1";

/// The temporary one in a Contact.
fn temporary(contact: &str) -> String {
    let text = contact.split("temp-gruu=\"").nth(1).unwrap_or_else(|| panic!("{contact}"));
    text.split('"').next().unwrap().to_owned()
}

fn the_phone() -> Meant {
    Meant::Phone(Gruu { account: "101".into(), instance: "<urn:uuid:1>".into() })
}

#[test]
fn a_phone_that_asks_is_told_its_gruus() {
    let mut desk = Desk::new();
    let mut device = Device::new(udp(at(5062)));
    for (what, more, told) in [
        ("one that does not ask", vec![], false),
        ("one that does", vec![SUPPORTED], true),
        ("one that may not do without", vec![("Supported", "gruu"), ("Require", "gruu")], true),
        ("one without a name", vec![SUPPORTED, ("Contact", "<sip:101@10.0.0.9>")], false),
    ] {
        let contact = device.register(&mut desk, &more);
        assert_eq!(contact.contains(&format!("pub-gruu=\"{PUBLIC}\"")), told, "{what}: {contact}");
        assert_eq!(contact.contains("temp-gruu=\"sip:tgruu."), told, "{what}: {contact}");
        assert!(!contact.contains("user=phone"), "{what}: {contact}");
        device = Device::new(device.phone.flow);
        desk = Desk::new();
    }
    device.register(&mut desk, &[SUPPORTED, ("Contact", OWN_GRUU)]);
}

#[test]
fn a_temporary_one_is_new_each_time_and_leads_there_until_the_phone_begins_anew() {
    let mut desk = Desk::new();
    let mut device = Device::new(udp(at(5062)));
    let first = temporary(&device.register(&mut desk, &[SUPPORTED]));
    let second = temporary(&device.register(&mut desk, &[SUPPORTED]));
    assert_ne!(first, second);
    assert!(![&first, &second].iter().any(|gruu| gruu.contains("101") && gruu.contains("uuid")), "{first} {second}");
    for gruu in [&first, &second] {
        assert_eq!(desk.endpoint.meant(gruu), the_phone());
    }
    let forged = first.replacen("tgruu.", "tgruu.0", 1);
    assert_eq!(desk.endpoint.meant(&forged), Meant::Nobody);
    device.call_id = "c2".into();
    let third = temporary(&device.register(&mut desk, &[SUPPORTED]));
    assert_eq!(desk.endpoint.meant(&first), Meant::Nobody); // RFC 5627 §5.1
    assert_eq!(desk.endpoint.meant(&third), the_phone());
    desk.pass(3_700_000);
    assert_eq!(desk.endpoint.meant(&third), Meant::Nobody);
    assert_eq!(desk.endpoint.meant(PUBLIC), the_phone()); // which is not there
}

#[test]
fn what_is_for_a_gruu_in_a_dialog_goes_where_its_phone_is_now() {
    let mut desk = Desk::new();
    let mut device = Device::new(tcp(at(5062), 1));
    let temporary =
        temporary(&device.register(&mut desk, &[SUPPORTED, ("Via", "SIP/2.0/TCP 10.0.0.9;branch=z9hG4bKa;rport")]));
    for gruu in [PUBLIC, &temporary] {
        let phone = Phone::new("101", udp(at(5080)));
        // The one called answers with its GRUU as Contact.
        let (leg, invite) = desk.outgoing(phone.flow, None);
        let ok = Text::answer(&invite, 200, "t").set("Contact", &format!("<{gruu}>")).body(OFFER);
        desk.say(phone.flow, &ok.print());
        let ack = desk.texts().remove(0);
        assert!(ack.starts_with("ACK sip:101@10.0.0.9:5062;ob SIP/2.0\r\n"), "{ack}");
        assert_eq!(desk.flows[0], device.phone.flow, "{gruu}");
        let bye = desk.command(Command::HangUp { leg, status: None }).text();
        assert!(bye.starts_with("BYE sip:101@10.0.0.9:5062;ob SIP/2.0\r\n"), "{bye}");
        desk.say(device.phone.flow, &Text::answer(&bye, 200, "").print()).heard();
    }
    // One that leads nowhere is the phone's own business: it is reached as it was.
    let elsewhere = udp(at(5090));
    let (leg, invite) = desk.outgoing(elsewhere, None);
    let ok = Text::answer(&invite, 200, "t").set("Contact", "<sip:9@carrier.example;gr=x>").body(OFFER);
    desk.say(elsewhere, &ok.print()).heard();
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    assert!(bye.starts_with("BYE sip:9@carrier.example;gr=x SIP/2.0\r\n") && desk.flows[0] == elsewhere, "{bye}");
}

#[test]
fn a_path_is_the_way_to_a_gruu() {
    let mut desk = Desk::new();
    let mut device = Device::new(udp(at(5062)));
    device.register(&mut desk, &[SUPPORTED, ("Path", "<sip:edge2.example;lr>, <sip:token@edge1.example;lr;ob>")]);
    let phone = udp(at(5080));
    let (leg, invite) = desk.outgoing(phone, None);
    desk.say(phone, &Text::answer(&invite, 200, "t").set("Contact", &format!("<{PUBLIC}>")).body(OFFER).print())
        .heard();
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    let routes: Vec<_> = bye.lines().filter_map(|line| line.strip_prefix("Route: ")).collect();
    assert_eq!(routes, ["<sip:edge2.example;lr>", "<sip:token@edge1.example;lr;ob>"]);
}

#[test]
fn a_text_to_a_gruu_says_so() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let message = phone.request("MESSAGE", PUBLIC, 1).set("To", &format!("<{PUBLIC}>")).typed("hello", "text/plain");
    let challenged = desk.say(phone.flow, &message.print()).text();
    let events = desk.say(phone.flow, &message.again(2, &challenged, "102", "secret").print()).events();
    assert!(matches!(&events[..], [Event::Text { uri, .. }] if uri == PUBLIC), "{events:?}");
}
