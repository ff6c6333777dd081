//! What carriers see and say, byte for byte: the real switch on a fake clock, with trunks of each test's own conf, among
//! carriers and phones that are played here.

mod desk;

use desk::{Desk, header, headers, status};

const REGISTERS: &str = r#"
[carrier]
address = "203.0.113.5:5060"
domain = "carrier.example"
user = "centre"
password = "open-sesame"
realm = "carrier"

[carrier.register]
expires_secs = 600
"#;

const MENU_FROM_CARRIER: &str = "[[route]]\nnumber = \"*\"\nfrom = \"trunk:carrier\"\nto = \"person:ann\"\n";

const CARRIER: &str = "203.0.113.5:5060";

#[test]
fn a_carrier_that_wants_it_is_registered_with_and_its_calls_come_to_that_registration() {
    let mut desk = Desk::new(&[("trunks.toml", REGISTERS), ("routes.toml", MENU_FROM_CARRIER)]);
    let ann = desk.phone("ann");
    let register = desk.next(CARRIER);
    assert!(register.starts_with("REGISTER sip:carrier.example SIP/2.0\r\n"), "{register}");
    assert_eq!(header(&register, "To"), "<sip:centre@carrier.example>");
    // RFC 8760 §2.3: the stronger of two; RFC 3261 §10.2.8: longer, please.
    let challenge = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256\r\n\
                     WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n2\", qop=\"auth\"\r\n";
    desk.answer(CARRIER, &register, 401, challenge);
    let proven = desk.next(CARRIER);
    assert!(header(&proven, "Authorization").contains("algorithm=SHA-256"), "{proven}");
    desk.answer(CARRIER, &proven, 423, "Min-Expires: 1800\r\n");
    let longer = desk.next(CARRIER);
    assert_eq!(header(&longer, "Expires"), "1800");
    assert!(header(&longer, "Authorization").contains("nc=00000002"), "the nonce is used again: {longer}");
    let contact = header(&longer, "Contact").to_owned();
    desk.answer(CARRIER, &longer, 200, &format!("Contact: {contact};expires=1800\r\n"));
    assert_eq!(desk.trunk("carrier").registration.as_deref(), Some("registered"));

    // A call to it, from an address nobody has told us of (RFC 3261 §10: that is what a registration is for).
    let elsewhere = "198.18.0.9:5071";
    let uri = contact.trim_matches(['<', '>']).to_owned();
    let invite =
        desk.invite(elsewhere, &uri, "<sip:+38591234567@carrier.example>", "<sip:+38515550100@carrier.example>", "");
    assert_eq!(status(&desk.next(elsewhere)), 100);
    let rings = desk.next(&ann);
    assert!(header(&rings, "From").contains("sip:+38591234567@"), "{rings}");
    assert_eq!(
        desk.calls()[0].called,
        "+38515550100",
        "the number is in To, where our Contact stands in the Request-URI"
    );
    // Who merely guesses is a stranger.
    let guessed = desk.invite("198.18.0.10:5071", "sip:centre@192.0.2.1;line=guess", "<sip:1@x>", "<sip:2@x>", "");
    assert_eq!(status(&desk.next("198.18.0.10:5071")), 401);
    desk.cancel(elsewhere, &invite);
    drop(guessed);

    // Who moves says so at once.
    desk.forget();
    desk.moves("192.0.2.77:5060");
    let moved = desk.next(CARRIER);
    assert!(header(&moved, "Contact").contains("@192.0.2.77:5060;line="), "{moved}");
    desk.answer(CARRIER, &moved, 200, &format!("Contact: {contact};expires=1800\r\n"));

    // Before it expires it is made anew, and when we go it is taken back.
    desk.forget();
    let refreshed = desk.next_within(CARRIER, 1_800);
    assert!(
        refreshed.starts_with("REGISTER") && header(&refreshed, "Authorization").contains("nc=00000004"),
        "{refreshed}"
    );
    assert_eq!(header(&refreshed, "Call-ID"), header(&register, "Call-ID"));
    desk.answer(CARRIER, &refreshed, 200, &format!("Contact: {contact};expires=1800\r\n"));
    desk.shut_down();
    assert!(!desk.is_quiet());
    let taken_back = desk.next(CARRIER);
    assert_eq!(header(&taken_back, "Expires"), "0");
    desk.answer(CARRIER, &taken_back, 200, "");
    assert!(desk.is_quiet());
}

#[test]
fn calls_go_by_the_service_route_that_a_carrier_told() {
    for (route, goes_to) in [
        ("<sip:198.51.100.77:5070;lr>", "198.51.100.77:5070"),
        ("<sip:nowhere.example;lr>", CARRIER), // not located: the carrier itself knows the way
        ("<sip:198.51.100.77:5061;transport=tls;lr>", CARRIER), // nobody has told us whose certificate that shows
    ] {
        let routes = "[[route]]\nnumber = \"9*\"\nto = \"trunk:carrier\"\n";
        let mut desk = Desk::new(&[("trunks.toml", REGISTERS), ("routes.toml", routes)]);
        desk.phone("ann");
        let register = desk.next(CARRIER);
        let contact = header(&register, "Contact").to_owned();
        let second = "<sip:inner@198.51.100.78;lr>";
        let said = format!("Contact: {contact};expires=600\r\nService-Route: {route}, {second}\r\n");
        desk.answer(CARRIER, &register, 200, &said);
        desk.dial("ann", "9123");
        let invite = desk.next_request(goes_to);
        assert!(invite.starts_with("INVITE sip:9123@carrier.example SIP/2.0\r\n"), "{invite}");
        assert_eq!(headers(&invite, "Route"), [route, second]);
        desk.answer(goes_to, &invite, 486, "");
        desk.hears_status(486);
    }
}

#[test]
fn a_password_is_for_its_realm_and_its_carrier() {
    let mut desk = Desk::new(&[("trunks.toml", REGISTERS)]);
    let register = desk.next(CARRIER);
    desk.answer(CARRIER, &register, 401, "WWW-Authenticate: Digest realm=\"bank\", nonce=\"n\", qop=\"auth\"\r\n");
    assert_eq!(desk.maybe(CARRIER, 20), None, "another realm hears nothing, and we do not insist");
    let trunk = desk.trunk("carrier");
    assert_eq!(trunk.registration.as_deref(), Some("not registered"));
    assert!(trunk.last_error.unwrap_or_default().contains("401"));
}

const TWO: &str = r#"
[first]
address = "203.0.113.11:5060"
health = { options_secs = 30, failures = 2, successes = 1, answer_secs = 4 }

[second]
address = "203.0.113.12:5060"

[groups.out]
trunks = [{ trunk = "first", priority = 1 }, { trunk = "second", priority = 2 }]
"#;

const OUT: &str = "[[route]]\nnumber = \"9*\"\nto = \"trunk:out\"\nstrip = 1\n";
const FIRST: &str = "203.0.113.11:5060";
const SECOND: &str = "203.0.113.12:5060";

#[test]
fn a_carrier_that_is_gone_gets_no_calls_until_it_answers_again() {
    let mut desk = Desk::new(&[("trunks.toml", TWO), ("routes.toml", OUT)]);
    desk.phone("ann");
    let options = desk.next_within(FIRST, 5);
    assert!(options.starts_with("OPTIONS sip:203.0.113.11:5060 SIP/2.0\r\n"), "{options}");
    desk.answer(FIRST, &options, 404, ""); // whatever it says, it is there
    assert_eq!(desk.trunk("first").state, "up");
    // Two that nobody answers: down in half a minute, and calls go to the second at once.
    desk.pass(50);
    assert_eq!(desk.trunk("first").state, "down");
    assert!(desk.news.iter().any(|news| news.starts_with("Down")), "{:?}", desk.news);
    desk.forget();
    desk.dial("ann", "938591234567");
    let invite = desk.next(SECOND);
    assert!(invite.starts_with("INVITE sip:38591234567@203.0.113.12:5060"), "{invite}");
    desk.answer(SECOND, &invite, 486, "");
    // One answer, and it has them again.
    desk.forget();
    let options = desk.next_within(FIRST, 70);
    desk.answer(FIRST, &options, 200, "");
    assert_eq!(desk.trunk("first").state, "up");
    desk.dial("ann", "938591234567");
    desk.rings(FIRST);
}

#[test]
fn a_carrier_that_asks_for_a_rest_gets_it_and_one_out_of_use_gets_nothing() {
    let mut desk = Desk::new(&[("trunks.toml", &TWO.replace("options_secs = 30, ", "")), ("routes.toml", OUT)]);
    desk.phone("ann");
    desk.dial("ann", "91");
    let invite = desk.next(FIRST);
    desk.answer(FIRST, &invite, 503, "Retry-After: 60\r\n");
    desk.next_request(SECOND);
    assert_eq!(desk.trunk("first").state, "resting");
    desk.forget();
    desk.dial("ann", "92");
    assert!(desk.next_request(SECOND).starts_with("INVITE"), "the first rests");
    desk.pass(61);
    desk.enable("first", false);
    assert_eq!(desk.trunk("first").state, "disabled");
    desk.forget();
    desk.dial("ann", "93");
    assert!(desk.next_request(SECOND).starts_with("INVITE"), "the first is out of use");
    desk.invite(FIRST, "sip:201@192.0.2.1", "<sip:1@x>", "<sip:201@x>", "");
    assert_eq!(status(&desk.next_final(FIRST)), 503);
    desk.enable("first", true);
    desk.forget();
    desk.dial("ann", "94");
    assert!(desk.next_request(FIRST).starts_with("INVITE"));
}

#[test]
fn a_full_trunk_sends_the_next_call_elsewhere_and_says_so() {
    let limited = TWO.replace(
        "health = { options_secs = 30, failures = 2, successes = 1, answer_secs = 4 }",
        "limits = { calls = 1 }",
    );
    let limited = limited.replace(
        "[second]\naddress = \"203.0.113.12:5060\"",
        "[second]\naddress = \"203.0.113.12:5060\"\nlimits = { calls_per_day = 1 }",
    );
    let mut desk = Desk::new(&[("trunks.toml", &limited), ("routes.toml", OUT)]);
    desk.phone("ann");
    desk.dial("ann", "91");
    let first = desk.next(FIRST);
    desk.dial("ann", "92");
    let second = desk.next(SECOND);
    desk.answer(SECOND, &second, 486, "");
    desk.forget();
    desk.dial("ann", "93");
    assert_eq!(status(&desk.next_final_of("ann")), 503, "one is full, the other has had its day");
    assert!(desk.news.iter().filter(|news| news.starts_with("Full")).count() >= 2, "{:?}", desk.news);
    assert_eq!(desk.trunk("first").calls_out, 1);
    desk.answer(FIRST, &first, 486, "");
    assert_eq!(desk.trunk("first").calls_out, 0);
    desk.forget();
    desk.dial("ann", "94");
    assert!(desk.next_request(FIRST).starts_with("INVITE"), "there is room again");
    // Calls that come are counted, too.
    desk.invite(FIRST, "sip:201@192.0.2.1", "<sip:1@x>", "<sip:201@x>", "");
    assert_eq!(status(&desk.next_final(FIRST)), 503);
}

#[test]
fn calls_beyond_the_media_ports_are_refused_and_the_operator_is_told() {
    let narrow = "listen = [\"192.0.2.1:5060\"]\n[media]\nports = \"30000-30005\"\n";
    let mut desk = Desk::new(&[("switch.toml", narrow), ("trunks.toml", TWO), ("routes.toml", OUT)]);
    desk.phone("ann");
    desk.dial("ann", "91");
    let first = desk.rings(FIRST);
    assert_eq!(desk.switch.ports_in_use(), 2);
    // One is left: it is the caller's, and there is none for the callee.
    desk.dial("ann", "92");
    assert_eq!(status(&desk.next_final_of("ann")), 503);
    let told =
        |desk: &Desk| desk.news.iter().filter(|news| news.starts_with("PortsUsedUp")).cloned().collect::<Vec<_>>();
    assert!(matches!(&told(&desk)[..], [one] if one.starts_with("PortsUsedUp")), "{:?}", desk.news);
    // They come home with the call.
    desk.answer(FIRST, &first, 486, "");
    assert_eq!(status(&desk.next_final_of("ann")), 486);
    assert_eq!(desk.switch.ports_in_use(), 0);
    desk.forget();
    desk.dial("ann", "93");
    desk.rings(FIRST);
    assert_eq!(told(&desk).len(), 1);
}

#[test]
fn each_side_hears_of_the_address_it_can_reach_and_media_is_bound_there_or_for_an_advertised_one_everywhere() {
    let listening = "listen = [\"192.0.2.1:5060\", \"10.9.9.9:5060\"]\n";
    let behind_nat = format!("{listening}advertise = \"10.9.9.9\"\n");
    for (conf, bound) in [(listening, ["10.9.9.9", "192.0.2.1"]), (&behind_nat, ["0.0.0.0", "192.0.2.1"])] {
        let mut desk = Desk::new(&[("switch.toml", conf), ("trunks.toml", TWO), ("routes.toml", OUT)]);
        desk.phone("ann");
        desk.moves("10.9.9.9:5060"); // to the trunk we are at our other address
        desk.dial("ann", "91");
        let invite = desk.rings(FIRST);
        assert!(invite.contains("\r\nc=IN IP4 10.9.9.9\r\n"), "{invite}");
        desk.answer_with_sdp(FIRST, &invite);
        let answer = desk.next_final_of("ann");
        assert!(answer.contains("\r\nc=IN IP4 192.0.2.1\r\n"), "{answer}");
        let opened: Vec<String> = desk.opened.iter().map(|local| local.ip().to_string()).collect();
        assert_eq!(opened, bound);
        assert_ne!(desk.opened[0].port(), desk.opened[1].port());
    }
}

const POLICIES: &str = r#"
[open]                       # not trusted
address = "203.0.113.11:5060"

[partner]
address = "203.0.113.12:5060"
domain = "partner.example"
number = "015550100"
numbers = { country = "385", send = "international" }
identity = { trusted = true, diversion = "diversion" }
headers = { add = { "X-Call-By" = "{person} to {called}" }, pass = ["X-Customer*"], remove = ["User-Agent"], user_to_user = true }
"#;

const POLICY_ROUTES: &str = "[[route]]\nnumber = \"9*\"\nto = \"trunk:partner\"\nstrip = 1\n\
    [[route]]\nnumber = \"8*\"\nto = \"trunk:open\"\nstrip = 1\n\
    [[route]]\nnumber = \"+38515550100\"\nfrom = \"trunk:partner\"\nto = \"person:ann\"\n\
    [[route]]\nnumber = \"+38515550177\"\nfrom = \"trunk:partner\"\nto = \"trunk:partner\"\n\
    [[route]]\nnumber = \"100\"\nfrom = \"trunk:open\"\nto = \"person:ann\"\n";

/// Every spelling of who somebody claims to be (RFC 3325, 3323, 5806, 7044; compact, in any case, folded, several).
const CLAIMS: &str = "P-Asserted-Identity: <sip:president@white.house>\r\n\
    p-asserted-IDENTITY: \"The President\" <tel:+12025550100>\r\n\
    P-Preferred-Identity:\r\n <sip:president@white.house>\r\n\
    REMOTE-PARTY-ID: <sip:president@white.house>;party=calling\r\n\
    Diversion: <sip:president@white.house>;reason=unconditional\r\n\
    HISTORY-INFO: <sip:president@white.house>;index=1, <sip:president@white.house>;index=2\r\n\
    b: <sip:president@white.house>\r\n\
    Identity: \"president\"\r\n\
    y: \"president\"\r\n\
    X-Customer: 4711\r\n\
    X-Secret: president\r\n\
    User-to-User: 56a390f3d2b7310023;encoding=hex\r\n";

#[test]
fn no_spelling_of_an_identity_gets_past_us() {
    let mut desk = Desk::new(&[("trunks.toml", POLICIES), ("routes.toml", POLICY_ROUTES)]);
    desk.phone("ann");
    for (number, carrier) in [("90915550199", SECOND), ("80915550199", FIRST)] {
        desk.forget();
        desk.dial_with("ann", number, CLAIMS);
        let invite = desk.next_request(carrier);
        assert!(!invite.to_lowercase().contains("president"), "{invite}");
        for name in ["P-Preferred-Identity", "Remote-Party-ID", "Diversion", "History-Info", "Referred-By", "Identity"]
        {
            assert!(headers(&invite, name).is_empty(), "{invite}");
        }
        desk.answer(carrier, &invite, 486, "");
    }
}

#[test]
fn a_partner_hears_what_it_may_know_and_nobody_else_does() {
    let mut desk = Desk::new(&[("trunks.toml", POLICIES), ("routes.toml", POLICY_ROUTES)]);
    desk.phone("ann");
    desk.dial_with("ann", "90915550199", CLAIMS);
    let invite = desk.next_request(SECOND);
    assert!(invite.starts_with("INVITE sip:00385915550199@partner.example SIP/2.0\r\n"), "{invite}");
    assert!(header(&invite, "From").starts_with("<sip:0038515550100@partner.example>;tag="), "{invite}");
    assert_eq!(headers(&invite, "P-Asserted-Identity"), ["<sip:0038515550100@partner.example>"]);
    assert_eq!(headers(&invite, "X-Call-By"), ["ann to 0915550199"]);
    assert_eq!(headers(&invite, "X-Customer"), ["4711"]);
    assert_eq!(headers(&invite, "User-to-User"), ["56a390f3d2b7310023;encoding=hex"]);
    assert!(headers(&invite, "User-Agent").is_empty() && headers(&invite, "X-Secret").is_empty(), "{invite}");
    desk.answer(SECOND, &invite, 486, "");

    // Privacy: id (RFC 3325 §9.3): the partner is told and asked to keep it, the others see nobody.
    desk.forget();
    desk.dial_with("ann", "90915550199", "Privacy: ID;critical\r\n");
    let invite = desk.next_request(SECOND);
    assert!(header(&invite, "From").starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="), "{invite}");
    assert_eq!(headers(&invite, "P-Asserted-Identity"), ["<sip:0038515550100@partner.example>"]);
    assert_eq!(headers(&invite, "Privacy"), ["id"]);
    desk.answer(SECOND, &invite, 486, "");
    desk.forget();
    desk.dial_with("ann", "8555", "privacy: header;id\r\n");
    let invite = desk.next_request(FIRST);
    assert!(header(&invite, "From").contains("anonymous.invalid"), "{invite}");
    assert!(
        !invite.contains("sip:ann") && !invite.contains("sip:201") && headers(&invite, "Privacy").is_empty(),
        "{invite}"
    );
}

#[test]
fn an_agent_sees_whom_a_trusted_trunk_says_and_what_it_passes() {
    let mut desk = Desk::new(&[("trunks.toml", POLICIES), ("routes.toml", POLICY_ROUTES)]);
    let ann = desk.phone("ann");
    let said = "P-Asserted-Identity: \"Shop\" <tel:+385-91-555-0199>\r\nDiversion: <sip:015550155@x>;reason=no-answer\r\n\
                X-Customer-Id: 7\r\nX-Other: 8\r\nUser-to-User: 00;encoding=hex\r\n";
    let to = "<sip:015550100@192.0.2.1>";
    desk.invite(SECOND, "sip:015550100@192.0.2.1", "<sip:0915550100@x>", to, said);
    let rings = desk.next_request(&ann);
    assert!(header(&rings, "From").starts_with("\"Shop\" <sip:+385915550199@"), "{rings}");
    assert_eq!(headers(&rings, "X-Customer-Id"), ["7"]);
    assert_eq!(headers(&rings, "User-to-User"), ["00;encoding=hex"]);
    assert!(headers(&rings, "X-Other").is_empty() && headers(&rings, "P-Asserted-Identity").is_empty(), "{rings}");
    assert!(header(&rings, "Diversion").starts_with("<sip:+38515550155@"), "{rings}");
    assert_eq!(desk.calls()[0].caller, "+385915550199");

    // One that wants to be nobody is nobody; one that is not trusted is whom From says.
    for (carrier, number, claims, shown) in [
        (SECOND, "+38515550100", "P-Asserted-Identity: <sip:1@x>\r\nPrivacy: id\r\n", "sip:anonymous@"),
        (FIRST, "100", "P-Asserted-Identity: <sip:1@x>\r\nPrivacy: id\r\n", "sip:0915550188@"),
    ] {
        desk.forget();
        let uri = format!("sip:{number}@192.0.2.1");
        desk.invite(carrier, &uri, "<sip:0915550188@x>", &format!("<{uri}>"), claims);
        let rings = desk.next_request(&ann);
        assert!(header(&rings, "From").contains(shown), "{rings}");
    }
}

/// RFC 7433 §4: in answers, refusals too, in a re-INVITE and in a BYE.
#[test]
fn what_applications_tell_each_other_passes_where_the_conf_says_so() {
    let mut desk = Desk::new(&[("trunks.toml", POLICIES), ("routes.toml", POLICY_ROUTES)]);
    let ann = desk.phone("ann");
    let beside = |word: &str| format!("User-to-User: {word};encoding=hex\r\n");
    for (number, carrier, passes) in [("90915550199", SECOND, true), ("8555", FIRST, false)] {
        let told = |message: &str, word: &str| {
            let wanted: Vec<String> = passes.then(|| format!("{word};encoding=hex")).into_iter().collect();
            assert_eq!(headers(message, "User-to-User"), wanted, "{message}");
        };
        desk.forget();
        desk.dial("ann", number);
        let invite = desk.rings(carrier);
        desk.answer(carrier, &invite, 180, &beside("01"));
        told(&desk.hears_status(180), "01");
        desk.answer_saying(carrier, &invite, &beside("02"));
        told(&desk.hears_status(200), "02");
        desk.ask_within(carrier, &invite, (1, "INVITE"), &beside("03"));
        if passes {
            let again = desk.rings(&ann);
            told(&again, "03");
            desk.answer_with_sdp(&ann, &again);
        } else {
            assert!(!desk.everything_within(1).iter().any(|said| said.contains("User-to-User")));
        }
        desk.ask_within(carrier, &invite, (2, "BYE"), &beside("04"));
        let bye = desk.next_request(&ann);
        assert!(bye.starts_with("BYE "), "{bye}");
        told(&bye, "04");
        desk.answer(&ann, &bye, 200, "");

        // What was said while it rang is not said again by a refusal, which has words of its own or none.
        for (words, wanted) in [(beside("06"), Some("06")), (String::new(), None)] {
            desk.forget();
            desk.dial("ann", number);
            let invite = desk.rings(carrier);
            desk.answer(carrier, &invite, 180, &beside("05"));
            desk.answer(carrier, &invite, 486, &words);
            let refusal = desk.hears_status(486);
            match wanted {
                Some(word) => told(&refusal, word),
                None => assert!(headers(&refusal, "User-to-User").is_empty(), "{refusal}"),
            }
            desk.pass(12);
        }
    }
    // Too long is not passed on at all; what rang for one is not what the other says that answers.
    desk.forget();
    desk.dial("ann", "90915550199");
    let invite = desk.rings(SECOND);
    desk.answer(SECOND, &invite, 180, &beside("07"));
    desk.answer_saying(SECOND, &invite, &beside(&"a".repeat(2_000)));
    assert!(headers(&desk.hears_status(200), "User-to-User").is_empty());
}

#[test]
fn a_call_that_is_sent_on_says_by_whom() {
    let mut desk = Desk::new(&[("trunks.toml", POLICIES), ("routes.toml", POLICY_ROUTES)]);
    let (uri, from) = ("sip:+38515550177@192.0.2.1", "<sip:+43123456789@x>");
    desk.invite(SECOND, uri, from, &format!("<{uri}>"), "Diversion: <sip:015550155@x>;reason=no-answer\r\n");
    let onward = desk.next_request(SECOND);
    let diversions = headers(&onward, "Diversion");
    assert_eq!(
        diversions,
        [
            "<sip:0038515550177@partner.example>;reason=unconditional",
            "<sip:0038515550155@partner.example>;reason=no-answer"
        ]
    );
    assert!(header(&onward, "From").contains("sip:0038515550100@"), "our number, as the conf says: {onward}");
}

#[test]
fn nobody_can_write_a_header_of_ours() {
    let mut desk = Desk::new(&[("trunks.toml", POLICIES), ("routes.toml", POLICY_ROUTES)]);
    desk.phone("ann");
    desk.dial_with("ann", "9%0d%0aX-Forged:%20yes%0d%0a1", "X-Customer: a\r\n\tX-Forged: yes\r\n");
    let heard = desk.everything_within(2);
    for message in &heard {
        assert!(!message.lines().any(|line| line.starts_with("X-Forged")), "{message}");
    }
}

#[test]
fn a_reload_changes_trunks_and_harms_no_call() {
    let mut desk = Desk::new(&[("trunks.toml", TWO), ("routes.toml", OUT)]);
    desk.phone("ann");
    desk.dial("ann", "91");
    let invite = desk.next_request(FIRST);
    desk.answer_with_sdp(FIRST, &invite);
    assert_eq!(desk.trunk("first").calls_out, 1);
    desk.reload(&[("trunks.toml", &TWO.replace("priority = 2", "priority = 0"))]);
    assert_eq!(desk.calls().len(), 1, "the call stands");
    assert_eq!(desk.trunk("first").calls_out, 1, "and is counted");
    desk.forget();
    desk.dial("ann", "92");
    assert!(desk.next_request(SECOND).starts_with("INVITE"), "the new order is in force");
    desk.bye(FIRST, &invite);
    assert_eq!(desk.trunk("first").calls_out, 0);
    let cdr = desk.cdrs.iter().find(|cdr| cdr["status"] == 200).expect("the first call's record");
    assert_eq!(cdr["trunk_out"], "first");
}

#[test]
fn a_person_goes_outside_no_more_often_than_the_conf_lets_him() {
    let files = [
        ("trunks.toml", TWO),
        ("routes.toml", OUT),
        (
            "switch.toml",
            "listen = [\"192.0.2.1:5060\"]\nemergency = [\"112\"]\n[limits]\noutside = 1\noutside_per_hour = 3\n",
        ),
    ];
    let mut desk = Desk::new(&files);
    desk.phone("ann");
    desk.dial("ann", "9123");
    let invite = desk.next_request(FIRST);
    // Another trunk of the group is the same call.
    desk.answer(FIRST, &invite, 503, "");
    let invite = desk.next_request(SECOND);
    desk.answer_with_sdp(SECOND, &invite);
    desk.dial("ann", "9124");
    desk.hears_status(403);
    desk.dial("ann", "9125");
    desk.hears_status(403);
    let told = |desk: &Desk| desk.news.iter().filter(|news| news.starts_with("OverLimit")).cloned().collect::<Vec<_>>();
    assert_eq!(told(&desk), ["OverLimit ann outside"], "said once a minute");
    desk.dial("ann", "9112");
    let help = desk.next_request(FIRST);
    assert!(help.starts_with("INVITE sip:112@"), "help is never refused: {help}");
    desk.bye(SECOND, &invite);
    for number in ["9126", "9127"] {
        desk.forget();
        desk.dial("ann", number);
        let invite = desk.next_request(FIRST);
        desk.answer_with_sdp(FIRST, &invite);
        desk.bye(FIRST, &invite);
    }
    desk.dial("ann", "9128");
    desk.hears_status(403);
    desk.pass(61);
    desk.dial("ann", "9129");
    desk.hears_status(403);
    assert_eq!(told(&desk).last().map(String::as_str), Some("OverLimit ann outside_per_hour"));
    // What was used is used, whatever the conf says then; what it gives more is there at once.
    desk.reload(&[("people.toml", "[ann]\nnumber = \"201\"\npassword = \"ann-secret\"\nlimits = { outside = 5 }\n")]);
    desk.forget();
    desk.dial("ann", "9130");
    assert!(desk.rings(SECOND).starts_with("INVITE sip:130@"), "the first has not answered for a minute");
}
