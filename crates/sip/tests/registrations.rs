//! REGISTER by the tables of RFC 3261 §10.

mod desk;

use base::WallClock;
use desk::*;
use sip::{Command, Event, Flow, Input, SipConf};

/// A phone that keeps its nonce and counts.
struct Registering {
    desk: Desk,
    flow: Flow,
    cseq: u32,
    /// A proxy stands between.
    proxied: bool,
}

impl Registering {
    fn new() -> Registering {
        Registering { desk: Desk::new(), flow: udp(at(5062)), cseq: 0, proxied: false }
    }

    /// What is said to the REGISTER with these headers; the Contacts of a 200, without their addresses' common part.
    fn register(&mut self, headers: &[(&str, &str)]) -> String {
        self.cseq += 2;
        let cseq = self.cseq;
        self.register_as(headers, "call-1", cseq)
    }

    /// The same, to the last word.
    fn register_whole(&mut self, headers: &[(&str, &str)]) -> String {
        self.cseq += 2;
        let cseq = self.cseq;
        self.answer_to(headers, "call-1", cseq).0
    }

    fn register_as(&mut self, headers: &[(&str, &str)], call_id: &str, cseq: u32) -> String {
        let (text, events) = self.answer_to(headers, call_id, cseq);
        let contacts: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("Contact: ")).collect();
        let mut said = format!("{} {}", status(&text), contacts.join(" ")).trim_end().to_owned();
        for event in events {
            match event {
                Event::Registered { contact, expires_secs, .. } => said += &format!(" +{contact} {expires_secs}"),
                Event::Unregistered { contact, .. } => said += &format!(" -{contact}"),
                other => panic!("{other:?}"),
            }
        }
        said
    }

    fn answer_to(&mut self, headers: &[(&str, &str)], call_id: &str, cseq: u32) -> (String, Vec<Event>) {
        let phone = Phone::new("101", self.flow);
        let mut request =
            phone.request("REGISTER", "sip:centrala", 1).set("To", "<sip:101@centrala>").without("Contact");
        request = request.set("Call-ID", call_id).set("User-Agent", "phone");
        for (name, value) in headers {
            request = request.add(name, value);
        }
        if self.proxied {
            request = request.add("Via", "SIP/2.0/UDP 10.0.0.10;branch=z9hG4bKphone"); // below the proxy's own
        }
        let branch = |n: u32| format!("SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{call_id}{cseq}x{n};rport");
        let first = request.set("Via", &branch(self.desk.now.as_millis() as u32));
        let challenged = self.desk.say(self.flow, &first.print()).text();
        let second = first.again(cseq, &challenged, "101", "secret");
        self.desk.say(self.flow, &second.print());
        let mut out = Vec::new();
        let text = {
            let mut texts = self.texts_and_events(&mut out);
            assert_eq!(texts.len(), 1);
            texts.remove(0)
        };
        (text, out)
    }

    fn texts_and_events(&mut self, events: &mut Vec<Event>) -> Vec<String> {
        let (texts, heard) = self.desk.both();
        events.extend(heard);
        texts
    }

    fn contacts(&self) -> Vec<String> {
        self.desk.endpoint.bindings("101", self.desk.now).into_iter().map(|binding| binding.contact).collect()
    }
}

const A: &str = "<sip:101@10.0.0.9:5062;ob>";

#[test]
fn a_binding_is_made_asked_for_refreshed_and_taken_back() {
    let mut phone = Registering::new();
    assert_eq!(phone.register(&[]), "200");
    let sent = "\"Ann\" <sip:101@10.0.0.9:5062;ob>;q=0.7;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=300";
    let echo = "<sip:101@10.0.0.9:5062;ob>;q=0.7;+sip.instance=\"<urn:uuid:1>\";reg-id=1";
    assert_eq!(phone.register(&[("Contact", sent)]), format!("200 {echo};expires=300 +sip:101@10.0.0.9:5062;ob 300"));
    phone.desk.pass(100_000);
    assert_eq!(phone.register(&[]), format!("200 {echo};expires=200"));
    let binding = &phone.desk.endpoint.bindings("101", phone.desk.now)[0];
    assert_eq!((binding.q, binding.flow, &*binding.user_agent), (700, phone.flow, "phone"));
    assert_eq!(binding.instance.as_deref(), Some("<urn:uuid:1>"));
    assert_eq!(phone.register(&[("Contact", A), ("Expires", "0")]), "200 -sip:101@10.0.0.9:5062;ob");
    assert_eq!(phone.desk.endpoint.registered().count(), 0);
}

#[test]
fn expiry_is_granted_by_rule() {
    for (contact, expires, want) in [
        (";expires=300", None, "200 300"),
        ("", Some("300"), "200 300"),
        (";expires=120", Some("300"), "200 120"),
        ("", None, "200 3600"),
        ("", Some("99999999999"), "200 3600"),
        ("", Some("nonsense"), "200 3600"),
        ("", Some("59"), "423 60"),
        (";expires=1", None, "423 60"),
        ("", Some("60"), "200 60"),
    ] {
        let mut phone = Registering::new();
        let contact = format!("{A}{contact}");
        let mut headers = vec![("Contact", contact.as_str())];
        headers.extend(expires.map(|secs| ("Expires", secs)));
        let said = phone.register(&headers);
        let status = said.split(' ').next().unwrap();
        let secs = said.split("expires=").nth(1).map_or("60", |rest| rest.split(' ').next().unwrap());
        assert_eq!(format!("{status} {secs}"), want, "{contact} {expires:?}");
    }
}

#[test]
fn star_takes_all_back_and_only_alone() {
    let mut phone = Registering::new();
    phone.register(&[("Contact", A), ("Contact", "<sip:101@10.0.0.8>")]);
    assert_eq!(phone.contacts().len(), 2);
    assert_eq!(phone.register(&[("Contact", "*")]), "400");
    assert_eq!(phone.register(&[("Contact", "*"), ("Expires", "60")]), "400");
    assert_eq!(phone.register(&[("Contact", "*"), ("Contact", A), ("Expires", "0")]), "400");
    assert_eq!(phone.contacts().len(), 2);
    let said = phone.register(&[("Contact", "*"), ("Expires", "0")]);
    assert_eq!(said, "200 -sip:101@10.0.0.9:5062;ob -sip:101@10.0.0.8");
}

#[test]
fn bad_contacts_are_refused_whole() {
    let mut phone = Registering::new();
    for (contact, want) in [
        ("<tel:+491234>", "400"),
        ("<mailto:ann@example.com>", "400"),
        ("<sip:101@203.0.113.5:5060>", "482"),
        ("<sip:101@203.0.113.5>", "482"),
    ] {
        assert_eq!(phone.register(&[("Contact", A), ("Contact", contact)]), want, "{contact}");
        assert!(phone.contacts().is_empty(), "{contact}");
    }
}

#[test]
fn a_register_that_was_overtaken_changes_nothing() {
    let mut phone = Registering::new();
    assert!(phone.register_as(&[("Contact", A)], "call-1", 10).starts_with("200"));
    phone.desk.pass(1);
    assert_eq!(phone.register_as(&[("Contact", A), ("Expires", "0")], "call-1", 9), "500"); // RFC 3261 §10.3, step 7
    assert_eq!(phone.register_as(&[("Contact", "*"), ("Expires", "0")], "call-1", 10), "500");
    assert_eq!(phone.register_as(&[("Contact", "<sip:new@10.0.0.9>"), ("Contact", A)], "call-1", 8), "500");
    assert_eq!(phone.contacts(), ["sip:101@10.0.0.9:5062;ob"]);
    // Another Call-ID counts for itself.
    assert!(phone.register_as(&[("Contact", A), ("Expires", "0")], "call-2", 2).starts_with("200"));
    assert!(phone.contacts().is_empty());
}

#[test]
fn a_restarted_phone_leaves_no_ghost() {
    let mut phone = Registering::new();
    let with = |address: &str, instance: &str, id: &str| {
        format!("<sip:101@{address}>;+sip.instance=\"<urn:uuid:{instance}>\"{id}")
    };
    phone.register(&[("Contact", &with("10.0.0.9:1", "1", ";reg-id=1"))]);
    phone.flow = udp(at(5064));
    let said = phone.register_as(&[("Contact", &with("10.0.0.9:2", "1", ";reg-id=1"))], "call-2", 2);
    assert!(said.contains("-sip:101@10.0.0.9:1") && said.contains("+sip:101@10.0.0.9:2"), "{said}");
    // Another flow of the same phone, and another phone, stand beside it.
    phone.desk.pass(1000);
    phone.register_as(&[("Contact", &with("10.0.0.9:3", "1", ";reg-id=2"))], "call-3", 2);
    phone.desk.pass(1000);
    phone.register_as(&[("Contact", &with("10.0.0.9:4", "2", ";reg-id=1"))], "call-4", 2);
    let known = phone.desk.endpoint.registered().map(|(_, bindings)| bindings.len()).sum::<usize>();
    assert_eq!(known, 3);
    assert_eq!(phone.contacts(), ["sip:101@10.0.0.9:4", "sip:101@10.0.0.9:3"], "a phone rings once (RFC 5626 §5.3)");

    // Without instance: the same source and make, under a new Call-ID.
    let mut phone = Registering::new();
    phone.register_as(&[("Contact", "<sip:a@10.0.0.9>"), ("Contact", "<sip:b@10.0.0.9>")], "call-1", 2);
    assert_eq!(phone.contacts().len(), 2); // one phone may have two
    phone.register_as(&[("Contact", "<sip:c@10.0.0.9>")], "call-2", 2);
    assert_eq!(phone.contacts(), ["sip:c@10.0.0.9"]);
    phone.flow = udp(at(5064));
    phone.register_as(&[("Contact", "<sip:d@10.0.0.9>")], "call-3", 2);
    assert_eq!(phone.contacts().len(), 2);
}

/// A phone's one flow, as RFC 5626 writes it.
const FLOW: &str = "<sip:101@10.0.0.9:5062>;+sip.instance=\"<urn:uuid:1>\";reg-id=1";

#[test]
fn a_phone_that_keeps_a_flow_is_told_that_we_use_it() {
    let second = FLOW.replace("reg-id=1", "reg-id=2");
    for (supported, contacts, want) in [
        ("outbound, path", vec![FLOW], "200 outbound 120"),
        ("path", vec![FLOW], "200"), // it does not know what we would say
        ("outbound", vec!["<sip:101@10.0.0.9:5062>;reg-id=1"], "200"),
        ("outbound", vec!["<sip:101@10.0.0.9:5062>"], "200"),
        ("outbound", vec![FLOW, &second], "400"), // RFC 5626 §6: one at a time
    ] {
        let mut phone = Registering::new();
        let mut headers: Vec<_> = contacts.iter().map(|contact| ("Contact", *contact)).collect();
        headers.push(("Supported", supported));
        let said = phone.register_whole(&headers);
        let required = said.lines().find_map(|line| line.strip_prefix("Require: ")).unwrap_or_default();
        let timer = said.lines().find_map(|line| line.strip_prefix("Flow-Timer: ")).unwrap_or_default();
        assert_eq!(format!("{} {required} {timer}", status(&said)).trim_end(), want, "{supported} {contacts:?}");
    }
}

#[test]
fn the_proxies_between_are_remembered_and_told() {
    let edge = "<sip:flow7@198.51.100.9;lr;ob>";
    for (first_hop, require, want) in [
        (edge, "path", "200"),
        (edge, "outbound", "200"),
        ("<sip:198.51.100.9;lr>", "path", "439"), // it keeps no flow
    ] {
        let mut phone = Registering::new();
        phone.proxied = true;
        let headers = [
            ("Path", "<sip:198.51.100.8;lr>"),
            ("Path", first_hop),
            ("Contact", FLOW),
            ("Supported", "path, outbound"),
            ("Require", require),
        ];
        let said = phone.register_whole(&headers);
        assert_eq!(status(&said).to_string(), want, "{first_hop} {require}");
        let path: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("Path: ")).collect();
        let known = phone.desk.endpoint.bindings("101", phone.desk.now);
        if want == "200" {
            assert_eq!(path, ["<sip:198.51.100.8;lr>", edge]);
            assert_eq!(*known[0].path, *path);
            assert!(!said.contains("Flow-Timer"), "the flow is the proxy's to watch: {said}");
        } else {
            assert!(known.is_empty());
        }
    }
}

#[test]
fn a_call_follows_its_phone_to_another_connection() {
    for (is_closed_first, instance) in [(true, true), (false, true), (true, false)] {
        let mut phone = Registering::new();
        phone.flow = tcp(at(9000), 5);
        let contact = if instance { FLOW } else { "<sip:101@10.0.0.9:5062>" };
        phone.register(&[("Contact", contact), ("Supported", "outbound")]);
        let (leg, _) = phone.desk.standing(&Phone::new("101", phone.flow));
        if is_closed_first {
            phone.desk.tell(Input::Closed { connection: 5 });
            assert!(phone.contacts().is_empty());
        }
        phone.desk.heard();
        phone.flow = tcp(at(9001), 6);
        phone.register(&[("Contact", contact), ("Supported", "outbound")]);
        if !is_closed_first {
            phone.desk.tell(Input::Closed { connection: 5 });
            assert_eq!(phone.contacts().len(), 1, "it is no longer bound to the old one");
        }
        phone.desk.command(Command::HangUp { leg, status: None });
        let port = if instance { 9001 } else { 9000 };
        assert_eq!(phone.desk.heard(), format!("{port}:BYE Ended(HungUp)"));
    }
}

#[test]
fn bindings_are_ordered_by_q_then_by_age() {
    let mut phone = Registering::new();
    phone.register(&[("Contact", "<sip:low@h1>;q=0.1"), ("Contact", "<sip:old@h2>;q=0.9")]);
    phone.desk.pass(1000);
    phone.register(&[("Contact", "<sip:new@h3>;q=0.9"), ("Contact", "<sip:best@h4>")]);
    assert_eq!(phone.contacts(), ["sip:best@h4", "sip:new@h3", "sip:old@h2", "sip:low@h1"]);
}

#[test]
fn an_account_has_so_many_contacts() {
    let mut phone = Registering::new();
    phone.desk = Desk::with(SipConf { bindings_max: 2, ..conf() });
    phone.register(&[("Contact", "<sip:a@h>"), ("Contact", "<sip:b@h>")]);
    assert_eq!(phone.register(&[("Contact", "<sip:c@h>")]), "403");
    assert_eq!(phone.contacts().len(), 2);
    let swapped = phone.register(&[("Contact", "<sip:c@h>"), ("Contact", "<sip:a@h>;expires=0")]);
    assert!(swapped.starts_with("200") && swapped.contains("-sip:a@h"), "{swapped}");
}

#[test]
fn equal_uris_are_one_binding() {
    let mut phone = Registering::new();
    phone.register(&[("Contact", "<sip:%61nn@Example.COM;transport=TCP>")]);
    phone.register(&[("Contact", "<sip:ann@example.com;transport=tcp>")]);
    assert_eq!(phone.contacts(), ["sip:ann@example.com;transport=tcp"]); // as it was sent last
}

#[test]
fn a_binding_expires_by_itself_and_dies_with_its_stream() {
    let mut phone = Registering::new();
    phone.register(&[("Contact", "<sip:a@h>;expires=60"), ("Contact", "<sip:b@h>;expires=120")]);
    assert_eq!(phone.desk.pass(59_999).heard(), "");
    assert_eq!(phone.desk.pass(1).heard(), "Unregistered(sip:a@h)");
    assert_eq!(phone.desk.pass(60_000).heard(), "Unregistered(sip:b@h)");
    assert_eq!(phone.desk.endpoint.registered().count(), 0);

    phone.register(&[("Contact", "<sip:udp@h>")]);
    phone.flow = tcp(at(9000), 5);
    phone.register_as(&[("Contact", "<sip:tcp@h>")], "call-2", 2);
    assert_eq!(phone.desk.tell(Input::Closed { connection: 6 }).heard(), "");
    assert_eq!(phone.desk.tell(Input::Closed { connection: 5 }).heard(), "Unregistered(sip:tcp@h)");
    assert_eq!(phone.contacts(), ["sip:udp@h"]);
}

#[test]
fn who_did_not_notice_a_restart_is_found_after_it() {
    const CLOCK: WallClock = WallClock { unix_ms_at_zero: 1_790_000_000_000 };
    let mut phone = Registering::new();
    let now = phone.desk.now;
    let kept = |phone: &mut Registering| phone.desk.endpoint.news_to_keep("101", CLOCK);
    phone.register(&[("Contact", "<sip:a@h>;expires=600;x=y"), ("Contact", "<sip:b@h>;expires=120")]);
    let both = kept(&mut phone).expect("news");
    assert_eq!(both.len(), 2);
    phone.register(&[("Contact", "<sip:a@h>;expires=600;x=y")]);
    assert_eq!(kept(&mut phone), None, "not each time");
    // A connection ends with us.
    phone.flow = tcp(at(9000), 5);
    phone.register_as(&[("Contact", "<sip:tcp@h>")], "call-2", 2);
    assert_eq!(kept(&mut phone), None);

    // Three minutes later another switch stands there: one of the two has ended meanwhile.
    let later = now + std::time::Duration::from_secs(180);
    let mut after = Registering::new();
    after.desk.now = later;
    after.desk.endpoint.restore("101", both.clone(), CLOCK, later);
    after.desk.endpoint.restore("who", both, CLOCK, later);
    assert_eq!(after.contacts(), ["sip:a@h"]);
    assert_eq!(after.desk.endpoint.registered().count(), 1);
    assert_eq!(kept(&mut after), None, "it stands there already");
    assert_eq!(after.desk.pass(419_000).heard(), "");
    assert_eq!(after.desk.pass(1_000).heard(), "Unregistered(sip:a@h)");
    assert_eq!(kept(&mut after), Some(Vec::new()));
}

#[test]
fn a_reload_takes_the_bindings_of_who_is_gone_and_of_nobody_else() {
    let mut desk = Desk::new();
    desk.register("101", udp(at(5062)));
    desk.register("102", udp(at(5064)));
    let mut after = conf();
    after.accounts.remove("102");
    after.realm = "elsewhere".to_owned();
    let (now, mut out) = (desk.now, Vec::new());
    desk.endpoint.reload(after, now, &mut out);
    let gone = |output: &sip::Output| matches!(output, sip::Output::Event(Event::Unregistered { account, .. }) if account == "102");
    assert!(matches!(&out[..], [output] if gone(output)), "{out:?}");
    assert_eq!(desk.endpoint.registered().map(|(account, _)| account).collect::<Vec<_>>(), ["101"]);
    assert_eq!(desk.endpoint.conf().realm, "centrala", "passwords were made for it");
}

/// A REGISTER of one flow of a phone (RFC 5626 §4.2).
fn flow_of(phone: &Phone, reg_id: u32, cseq: u32) -> Text {
    let contact = format!(
        "<sip:101@10.0.0.9:{};ob>;reg-id={reg_id};+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"",
        phone.flow.remote.port()
    );
    let register = phone.request("REGISTER", "sip:centrala", cseq).set("To", "<sip:101@centrala>");
    register.set("Contact", &contact).set("Supported", "path, outbound").set("Call-ID", &format!("flow-{reg_id}"))
}

fn registers_flow(desk: &mut Desk, phone: &Phone, reg_id: u32) -> String {
    let register = flow_of(phone, reg_id, 1);
    let challenged = desk.say(phone.flow, &register.print()).text();
    desk.say(phone.flow, &register.again(2, &challenged, "101", "secret").print()).text()
}

#[test]
fn a_phone_of_two_flows_rings_once_by_the_latest_and_by_the_other_when_that_fails() {
    for fails in ["silence", "430", "closed"] {
        let mut desk = Desk::new();
        let (first, second) = (Phone::new("101", tcp(at(5071), 1)), Phone::new("101", tcp(at(5072), 2)));
        registers_flow(&mut desk, &first, 1);
        desk.pass(10);
        let granted = registers_flow(&mut desk, &second, 2);
        assert_eq!(header(&granted, "Require"), "outbound");
        assert_eq!(granted.matches("Contact:").count(), 2, "one binding a flow: {granted}");
        let bindings = desk.endpoint.bindings("101", desk.now);
        assert_eq!(bindings.len(), 1, "it rings once");
        let binding = bindings.into_iter().next().unwrap();
        assert_eq!(binding.flow, second.flow);
        let others = desk.endpoint.other_flows("101", &binding, desk.now);
        assert_eq!(others.iter().map(|other| other.flow).collect::<Vec<_>>(), [first.flow]);

        let (_, invite) = desk.outgoing_of("101", &binding, others);
        match fails {
            "silence" => desk.pass(4_000),
            "430" => desk.say(second.flow, &Text::answer(&invite, 430, "t").print()),
            _ => desk.tell(sip::Input::Closed { connection: 2 }),
        };
        let (to, again) = desk.sent.pop().unwrap();
        assert!(again.starts_with("INVITE sip:101@10.0.0.9:5071;ob ") && to == first.flow.remote, "{fails}: {again}");
        let left: Vec<_> = desk.endpoint.bindings("101", desk.now).into_iter().map(|binding| binding.flow).collect();
        assert_eq!(left, [first.flow], "{fails}: the flow that failed is gone");
    }
}

#[test]
fn the_only_flow_is_not_given_up_for_one_silence() {
    let mut desk = Desk::new();
    let phone = Phone::new("101", udp(at(5071)));
    registers_flow(&mut desk, &phone, 1);
    let binding = desk.endpoint.bindings("101", desk.now).remove(0);
    desk.outgoing_of("101", &binding, vec![]);
    desk.pass(40_000);
    assert_eq!(desk.endpoint.bindings("101", desk.now).len(), 1);
}

/// Two phones of 101 behind one proxy, which tells their flows by its tokens.
fn behind_one_proxy(tokens: [&str; 2]) -> (Desk, Flow) {
    let proxy = tcp(at(5090), 9);
    let mut desk = Desk::new();
    for (n, token) in tokens.iter().enumerate() {
        let phone = Phone::new("101", proxy);
        let contact = format!("<sip:101@10.0.0.9:5062;ob>;reg-id=1;+sip.instance=\"<urn:uuid:{n}>\"");
        let contact = contact.replace("5062", &format!("506{n}"));
        let via = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKphone";
        let register = flow_of(&phone, 1, 1).set("Contact", &contact).set("Call-ID", &format!("phone-{n}"));
        let register = register.add("Via", via).add("Path", &format!("<sip:{token}@192.0.2.10;lr;ob>"));
        let register = register.set("Via", &format!("SIP/2.0/TCP edge;branch=z9hG4bKone{n};rport"));
        let challenged = desk.say(proxy, &register.print()).text();
        let granted = desk.say(proxy, &register.again(2, &challenged, "101", "secret").print()).text();
        assert_eq!(header(&granted, "Require"), "outbound");
    }
    (desk, proxy)
}

#[test]
fn of_the_flows_behind_one_proxy_the_one_is_gone_that_it_says_430_of() {
    for (status, left) in [(430, vec!["sip:101@10.0.0.9:5061;ob"]), (503, vec![]), (486, vec![])] {
        let (mut desk, proxy) = behind_one_proxy(["tokenA", "tokenB"]);
        let all = desk.endpoint.bindings("101", desk.now);
        let failed = all.iter().find(|binding| binding.path[0].contains("tokenA")).expect("the first phone");
        let (_, invite) = desk.outgoing_of("101", failed, vec![]);
        assert_eq!(header(&invite, "Route"), "<sip:tokenA@192.0.2.10;lr;ob>");
        desk.say(proxy, &Text::answer(&invite, status, "t").print());
        let now: Vec<_> = desk.endpoint.bindings("101", desk.now).into_iter().map(|binding| binding.contact).collect();
        match left.is_empty() {
            true => assert_eq!(now.len(), 2, "{status} says nothing of the flow"),
            false => assert_eq!(now, left),
        }
    }
}

#[test]
fn phones_are_told_which_proxies_to_pass() {
    let route = vec!["<sip:edge1.example;lr>".to_owned(), "<sip:edge2.example;lr>".to_owned()];
    let mut phone = Registering::new();
    phone.desk = Desk::with(SipConf { service_route: route.clone(), ..conf() });
    let told = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix("Service-Route: ")).map(str::to_owned).collect()
    };
    assert_eq!(told(&phone.register_whole(&[("Contact", A)])), route);
    assert_eq!(told(&phone.register_whole(&[])), route, "asking is answered alike");
    assert!(told(&phone.register_whole(&[("Contact", "*"), ("Expires", "60")])).is_empty(), "a refusal tells nothing");
}
