//! Who is let in, and what everybody else hears.

mod desk;

use desk::*;
use sip::SipConf;
use sip::digest::Algorithm;

fn phone() -> Phone {
    Phone::new("101", udp(at(5062)))
}

/// A request that asks to be judged, not matched.
fn ask(method: &str, uri: &str) -> Text {
    phone().request(method, uri, 1)
}

#[test]
fn what_is_asked_outside_of_dialogs_is_judged_without_remembering_it() {
    let via = "SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKtop";
    for (what, request, status, header_of_answer) in [
        ("OPTIONS", ask("OPTIONS", "sip:centrala"), 200, "Allow"),
        ("OPTIONS with no hops left", ask("OPTIONS", "sip:centrala").set("Max-Forwards", "0"), 200, "Accept"),
        ("INVITE with no hops left", ask("INVITE", "sip:102@centrala").set("Max-Forwards", "0"), 483, "Server"),
        ("INVITE without Contact", ask("INVITE", "sip:102@centrala").without("Contact"), 400, "Warning"),
        ("unknown body", ask("INVITE", "sip:102@centrala").typed("x", "text/plain"), 415, "Accept"),
        (
            "packed body",
            ask("INVITE", "sip:102@centrala").body("x").set("Content-Encoding", "gzip"),
            415,
            "Accept-Encoding",
        ),
        ("Require", ask("INVITE", "sip:102@centrala").set("Require", "100rel, nothingSIPbutEmpty"), 420, "Unsupported"),
        (
            "Require at REGISTER",
            ask("REGISTER", "sip:centrala").set("Require", "path, gruu, strange"),
            420,
            "Unsupported",
        ),
        ("scheme", ask("INVITE", "nobodyKnowsThisScheme:totallyopaque"), 416, "Server"),
        ("method", ask("FETCH", "sip:102@centrala"), 501, "Allow"),
        ("MESSAGE", ask("MESSAGE", "sip:102@centrala"), 401, "WWW-Authenticate"),
        ("REFER", ask("REFER", "sip:102@centrala"), 405, "Allow"),
        ("SUBSCRIBE", ask("SUBSCRIBE", "sip:102@centrala").set("Event", "presence"), 401, "WWW-Authenticate"),
        (
            "SUBSCRIBE to what is not watched",
            ask("SUBSCRIBE", "sip:102@centrala").set("Event", "x"),
            489,
            "Allow-Events",
        ),
        ("PUBLISH without Event", ask("PUBLISH", "sip:102@centrala"), 489, "Allow-Events"),
        ("BYE", ask("BYE", "sip:102@centrala"), 481, "Server"),
        ("INFO", ask("INFO", "sip:102@centrala"), 481, "Server"),
        ("UPDATE", ask("UPDATE", "sip:102@centrala"), 481, "Server"),
        ("PRACK", ask("PRACK", "sip:102@centrala"), 481, "Server"),
        ("a tag of nobody", ask("OPTIONS", "sip:102@centrala").set("To", "<sip:102@centrala>;tag=x"), 481, "Server"),
        ("a strange INVITE", ask("INVITE", "sip:102@centrala").body(OFFER), 401, "WWW-Authenticate"),
        ("a strange REGISTER", ask("REGISTER", "sip:centrala"), 401, "WWW-Authenticate"),
        ("a broken one", ask("INVITE", "sip:102@centrala").set("CSeq", "x"), 400, "Server"),
    ] {
        let mut desk = Desk::new();
        let flow = phone().flow;
        let answer = desk.say(flow, &request.set("Via", via).print()).text();
        assert_eq!(self::status(&answer), status, "{what}: {answer}");
        header(&answer, header_of_answer);
        assert!(header(&answer, "To").contains(";tag="), "{what}: {answer}");
        assert!(header(&answer, "Via").contains("received=192.0.2.7"), "{what}: {answer}");
        assert_eq!((desk.endpoint.transactions(), desk.endpoint.legs()), (0, 0), "{what}");
        if what != "a broken one" {
            read(&answer); // it repeats a CSeq nobody can read
        }
    }
}

#[test]
fn what_is_nobodys_is_dropped_in_silence() {
    let mut desk = Desk::new();
    let flow = phone().flow;
    let (_, invite) = desk.outgoing(udp(at(5070)), None);
    let ok = Text::answer(&invite, 200, "t").body("v=0");
    for (what, text) in [
        ("ACK of nothing", ask("ACK", "sip:102@centrala").print()),
        ("ACK in no dialog", ask("ACK", "sip:102@centrala").set("To", "<sip:x>;tag=y").print()),
        (
            "a 200 with another branch",
            ok.clone().set("Via", "SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bKguess").print(),
        ),
        ("a 200 with another method", ok.clone().set("CSeq", "1 OPTIONS").print()),
        ("a 200 with a second Via", ok.clone().add("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx").print()),
        ("a CRLF", "\r\n\r\n".to_owned()),
        ("nothing", String::new()),
        ("noise", "\0\0\0\0".to_owned()),
    ] {
        assert_eq!(desk.say(flow, &text).heard(), "", "{what}");
    }
    assert_eq!(desk.say(udp(at(5070)), &ok.print()).heard(), "5070:ACK Answered");
}

#[test]
fn loops_and_merged_requests_are_seen() {
    let mut desk = Desk::new();
    let phone = phone();
    let (_, ours) = desk.outgoing(udp(trunk()), None);
    let looped = ask("INVITE", "sip:102@centrala").body(OFFER).add("Via", header(&ours, "Via"));
    assert_eq!(desk.say(phone.flow, &looped.print()).heard(), "5062:482");
    let (_, invite) = desk.incoming(&phone);
    let merged = invite.clone().set("Via", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKother");
    assert_eq!(desk.say(phone.flow, &merged.print()).heard(), "5062:482"); // RFC 3261 §8.2.2.2
}

#[test]
fn unknown_and_known_users_hear_the_same() {
    let mut answers = Vec::new();
    for user in ["101", "999"] {
        let mut desk = Desk::new();
        let phone = Phone::new(user, udp(at(5062)));
        let register = phone.request("REGISTER", "sip:centrala", 1).set("To", &format!("<sip:{user}@centrala>"));
        let challenged = desk.say(phone.flow, &register.print()).text();
        let register = register.again(2, &challenged, user, "guess");
        desk.say(phone.flow, &register.print());
        let second = desk.texts().remove(0);
        assert_eq!(desk.say(phone.flow, &register.print()).heard(), format!("5062:401 Refused({user})"));
        let tag = |text: &str| header(text, "To").split_once(";tag=").unwrap().1.to_owned();
        let plain = |text: String| without_nonces(&text.replace(&tag(&text), "tag")).replace(user, "user");
        answers.push([challenged, second].map(plain));
    }
    assert_eq!(answers[0], answers[1]);
}

fn without_nonces(text: &str) -> String {
    let mut pieces = text.split("nonce=\"");
    let first = pieces.next().unwrap().to_owned();
    pieces.fold(first, |text, piece| text + "nonce=" + piece.split_once('"').unwrap().1)
}

#[test]
fn only_the_right_password_opens_and_only_once() {
    let mut desk = Desk::new();
    let phone = phone();
    let register = phone.request("REGISTER", "sip:centrala", 1).set("To", "<sip:101@centrala>");
    let challenged = desk.say(phone.flow, &register.print()).text();
    assert!(header(&challenged, "WWW-Authenticate").contains("SHA-256"));
    assert!(challenged.contains("algorithm=MD5"));
    let good = register.again(2, &challenged, "101", "secret");
    for (what, request, want) in [
        ("wrong password", register.again(3, &challenged, "101", "guess"), "5062:401 Refused(101)"),
        ("another user's password", register.again(4, &challenged, "102", "guess"), "5062:401 Refused(102)"),
        (
            "somebody else's address",
            register.clone().set("To", "<sip:102@centrala>").again_with(5, &challenged, "101", "secret", 1),
            "5062:403 Refused(101)",
        ),
        (
            "in somebody else's name",
            register.clone().set("From", "<sip:102@centrala>;tag=g").again_with(6, &challenged, "101", "secret", 2),
            "5062:403 Refused(101)",
        ),
        (
            "right",
            register.again_with(7, &challenged, "101", "secret", 3),
            "5062:200 Registered(sip:101@10.0.0.9:5062;ob 3600)",
        ),
        ("a count used before", good.clone(), "5062:401"),
    ] {
        assert_eq!(desk.say(phone.flow, &request.print()).heard(), want, "{what}");
    }
    // The same request again is a repeat, not a replay.
    let right = register.again_with(7, &challenged, "101", "secret", 3);
    assert_eq!(desk.say(phone.flow, &right.print()).heard(), "5062:200");
    let stale =
        desk.pass(61_000).say(phone.flow, &register.again_with(8, &challenged, "101", "secret", 9).print()).text();
    assert!(header(&stale, "WWW-Authenticate").ends_with("stale=true"), "{stale}");
}

#[test]
fn a_caller_may_not_borrow_a_name() {
    let mut desk = Desk::new();
    let phone = phone();
    let invite = phone.request("INVITE", "sip:102@centrala", 1).body(OFFER).set("From", "<sip:102@centrala>;tag=x");
    let challenged = desk.say(phone.flow, &invite.print()).text();
    let invite = invite.again(2, &challenged, "101", "secret");
    assert_eq!(desk.say(phone.flow, &invite.print()).heard(), "5062:403 Refused(101)");
}

#[test]
fn an_account_with_md5_only_is_asked_for_that() {
    let mut conf = conf();
    conf.accounts.get_mut("101").unwrap().algorithms = vec![Algorithm::Md5];
    let mut desk = Desk::with(conf);
    let challenged = desk.say(phone().flow, &ask("INVITE", "sip:102@centrala").print()).text();
    assert_eq!(challenged.matches("WWW-Authenticate").count(), 1);
    assert!(header(&challenged, "WWW-Authenticate").contains("algorithm=MD5"));
}

#[test]
fn above_the_limit_new_requests_wait_and_calls_that_stand_go_on() {
    let mut desk = Desk::with(SipConf { transactions_max: 4, legs_max: 1, ..conf() });
    let phone = phone();
    let (_, ok) = desk.standing(&phone);
    let invite = phone.request("INVITE", "sip:102@centrala", 8).body(OFFER).set("Call-ID", "other");
    let challenged = desk.say(phone.flow, &invite.print()).text();
    let heard = desk.say(phone.flow, &invite.again(9, &challenged, "101", "secret").print()).text();
    assert_eq!((status(&heard), header(&heard, "Retry-After")), (503, "5")); // legs_max
    for cseq in 10..13 {
        desk.say(phone.flow, &phone.within(&ok, "INFO", cseq).print());
    }
    desk.heard();
    assert_eq!(desk.say(phone.flow, &ask("OPTIONS", "sip:x").print()).heard(), "5062:503"); // transactions_max
    assert_eq!(desk.say(phone.flow, &phone.within(&ok, "BYE", 20).print()).heard(), "5062:200 Ended(Bye)");
}

#[test]
fn phones_of_rfc_2543_are_matched_without_branches() {
    let mut desk = Desk::new();
    let carrier = Phone::new("+49", udp(trunk()));
    let via = "SIP/2.0/UDP 198.51.100.1";
    let invite = carrier.request("INVITE", "sip:102@centrala", 1).body(OFFER).set("Via", via);
    assert_eq!(desk.say(carrier.flow, &invite.print()).heard(), "5060:100 Incoming(102)");
    assert_eq!(desk.say(carrier.flow, &invite.print()).heard(), "5060:100");
    let ok = desk.say(carrier.flow, &invite.cancel().print()).texts();
    assert_eq!(ok.len(), 2);
    let refused = &ok[1];
    assert_eq!((status(&ok[0]), status(refused)), (200, 487));
    desk.say(carrier.flow, &invite.ack(refused).print());
    assert_eq!(desk.pass(4000).heard(), "");
}

/// Guesses until it is answered 403, and tells how often it was heard. Each guess is a fresh challenge answered wrongly.
fn guesses(desk: &mut Desk, phone: &Phone, user: &str, start: u32) -> u32 {
    for n in 1..=100 {
        let first =
            register(phone, user).set("Via", &format!("SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{user}{start}x{n};rport"));
        let challenged = desk.say(phone.flow, &first.print()).text();
        let answer = desk.say(phone.flow, &first.again(n * 2, &challenged, user, "guess").print()).text();
        match status(&answer) {
            403 => return n - 1,
            status => assert_eq!(status, 401),
        }
    }
    100
}

fn register(phone: &Phone, user: &str) -> Text {
    let aor = format!("<sip:{user}@centrala>");
    phone.request("REGISTER", "sip:centrala", 1).set("To", &aor).set("From", &format!("{aor};tag=1"))
}

#[test]
fn guessing_ends_after_ten_tries_for_known_and_unknown_names_alike() {
    let mut said = Vec::new();
    for user in ["101", "nobody"] {
        let (mut desk, phone) = (Desk::new(), Phone::new("101", udp(at(5062))));
        assert_eq!(guesses(&mut desk, &phone, user, 0), 10, "{user}");
        assert_eq!(desk.endpoint.bans(desk.now).len(), 1);
        // Even the right password is not heard now; the answer is that to a wrong one.
        let first = register(&phone, user);
        let challenged = desk.say(phone.flow, &first.print()).text();
        let right = desk.say(phone.flow, &first.again(900, &challenged, user, "secret").print()).text();
        assert_eq!((status(&right), header(&right, "Retry-After")), (403, "60"));
        let names = right.lines().skip(1).map(|line| line.split(':').next().unwrap_or_default().to_owned());
        said.push(names.collect::<Vec<_>>());
        // Others behind the same address, and the same account elsewhere, are not touched.
        desk.register("102", udp(at(5064)));
        desk.register("101", udp("192.0.2.99:5060".parse().unwrap()));
        assert_eq!(desk.endpoint.bans(desk.now).len(), 1);
        desk.pass(61_000);
        assert_eq!(desk.endpoint.bans(desk.now).len(), 0);
        assert_eq!(guesses(&mut desk, &phone, user, 1), 3, "{user}, the second time");
        let now = desk.now;
        assert_eq!(desk.endpoint.unban(user, now), 1);
    }
    assert_eq!(said[0], said[1], "known and unknown names are told apart");
}

#[test]
fn a_flood_is_dropped_unread_and_phones_go_on() {
    let mut desk = Desk::new();
    desk.register("101", udp(at(5062)));
    let phone = Phone::new("102", udp(at(9)));
    let mut answered = 0;
    for n in 0..30_000_u32 {
        let request = match n % 3 {
            0 => register(&phone, "101"),
            1 => phone.request("INVITE", "sip:102@centrala", 1).body(OFFER),
            _ => phone.request("OPTIONS", "sip:centrala", 1),
        };
        let via = format!("SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKflood{n};rport");
        answered += desk.say(phone.flow, &request.set("Via", &via).print()).texts().len();
        if n % 15 == 0 {
            desk.pass(1);
        }
    }
    assert!((1000..1300).contains(&answered), "{answered}");
    assert!(desk.endpoint.dropped() > 28_000);
    assert!(desk.endpoint.transactions() <= 1 && desk.endpoint.legs() == 0); // the one is the phone's REGISTER
    let (caller, callee) = (Phone::new("101", udp(at(5062))), Phone::new("101", udp(at(5063))));
    let call = desk.bridged(&caller, &callee);
    desk.hung_up(&call, &caller, &callee);
}
