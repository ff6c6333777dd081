//! SUBSCRIBE and NOTIFY, seen from a phone (RFC 6665), with what its packages say (RFC 3842, 4235).

mod desk;

use std::time::Duration;

use base::Random;
use desk::*;
use sip::{Command, Event, Flow, Input, Lines, Mailbox, Package, Reason, SipConf, State, SubscriptionId, Watch};

/// A phone of 101 that watches 102, and the SUBSCRIBE that was let in.
struct Watcher {
    desk: Desk,
    phone: Phone,
    id: SubscriptionId,
    /// The 200 to the SUBSCRIBE.
    ok: String,
}

fn subscribe(phone: &Phone, event: &str, expires: &str) -> Text {
    phone.request("SUBSCRIBE", "sip:102@centrala", 1).set("Event", event).set("Expires", expires)
}

fn mailbox(new: u32) -> State {
    State::Mailbox(Mailbox { new, ..Mailbox::default() })
}

/// Sends it with the right password: what is said to that, and the event.
fn ask(desk: &mut Desk, phone: &Phone, subscribe: &Text) -> (Vec<String>, Vec<Event>) {
    let challenged = desk.say(phone.flow, &subscribe.print()).text();
    assert_eq!(status(&challenged), 401);
    let again = subscribe.again(subscribe.cseq() + 1, &challenged, &phone.user, "secret");
    desk.say(phone.flow, &again.print()).both()
}

fn asked(events: &[Event]) -> SubscriptionId {
    match events {
        [Event::Subscribes(asks)] => asks.subscription,
        other => panic!("{other:?}"),
    }
}

impl Watcher {
    fn new(event: &str, expires: &str) -> (Watcher, String) {
        Watcher::by(udp(at(5062)), SipConf { watch_secs_min: 10, ..conf() }, event, expires)
    }

    /// With the first NOTIFY.
    fn by(flow: Flow, conf: SipConf, event: &str, expires: &str) -> (Watcher, String) {
        let (mut desk, phone) = (Desk::with(conf), Phone::new("101", flow));
        let (said, events) = ask(&mut desk, &phone, &subscribe(&phone, event, expires));
        assert!(said.is_empty(), "{said:?}");
        let id = asked(&events);
        let state = if event.starts_with("dialog") { State::Lines(Lines::default()) } else { mailbox(0) };
        let mut texts = desk.watch(Watch::Admit { subscription: id, resource: "box".into(), state }).texts();
        assert_eq!(texts.len(), 2, "{texts:?}");
        let notify = texts.remove(1);
        let ok = texts.remove(0);
        (Watcher { desk, phone, id, ok }, notify)
    }

    fn answer(&mut self, notify: &str, status: u16) -> &mut Desk {
        self.desk.say(self.phone.flow, &Text::answer(notify, status, "").print())
    }

    fn stands(&mut self, state: State) -> &mut Desk {
        self.desk.watch(Watch::Stands { resource: "box".into(), state })
    }

    fn within(&self, expires: &str, cseq: u32) -> Text {
        self.phone.within(&self.ok, "SUBSCRIBE", cseq).set("Event", "message-summary").set("Expires", expires)
    }
}

impl Desk {
    fn watch(&mut self, watch: Watch) -> &mut Desk {
        self.command(Command::Watch(Box::new(watch)))
    }

    fn watched(&self) -> usize {
        self.endpoint.subscriptions().count()
    }
}

fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").unwrap().1
}

fn standing(notify: &str) -> &str {
    header(notify, "Subscription-State")
}

#[test]
fn a_watcher_is_told_how_things_stand_and_how_they_change() {
    let (mut watcher, first) = Watcher::new("message-summary;id=7", "600");
    assert_eq!((status(&watcher.ok), header(&watcher.ok, "Expires")), (200, "600"));
    assert_eq!(header(&watcher.ok, "Contact"), "<sip:203.0.113.5:5060>");
    assert!(first.starts_with("NOTIFY sip:101@10.0.0.9:5062;ob SIP/2.0\r\n"), "{first}");
    for (name, value) in [
        ("Event", "message-summary;id=7"),
        ("Subscription-State", "active;expires=600"),
        ("Content-Type", "application/simple-message-summary"),
        ("From", header(&watcher.ok, "To")),
        ("To", header(&watcher.ok, "From")),
        ("CSeq", "1 NOTIFY"),
    ] {
        assert_eq!(header(&first, name), value);
    }
    assert_eq!(body(&first), "Messages-Waiting: no\r\nMessage-Account: sip:102@centrala\r\nVoice-Message: 0/0\r\n");
    watcher.answer(&first, 200).pass(2_000);
    let second = watcher.stands(mailbox(2)).text();
    assert_eq!((standing(&second), header(&second, "CSeq")), ("active;expires=598", "2 NOTIFY"));
    assert!(body(&second).starts_with("Messages-Waiting: yes\r\n"), "{second}");
    watcher.answer(&second, 200);
    assert_eq!(watcher.stands(mailbox(2)).heard(), "", "nothing has changed");
}

#[test]
fn while_a_notify_is_under_way_only_the_newest_waits() {
    let (mut watcher, first) = Watcher::new("message-summary", "600");
    for new in 1..100 {
        assert_eq!(watcher.stands(mailbox(new)).heard(), "");
    }
    let second = watcher.answer(&first, 200).text();
    assert!(second.contains("Voice-Message: 99/0"), "{second}");
    assert_eq!(watcher.answer(&second, 200).heard(), "");
}

#[test]
fn who_is_told_much_is_told_once_a_second_then_and_ends_with_the_truth() {
    let (mut watcher, mut notify) = Watcher::new("message-summary", "600");
    let (mut told, mut last) = (1, String::new());
    watcher.answer(&notify, 200);
    for new in 1..=100 {
        watcher.stands(mailbox(new));
        for text in watcher.desk.pass(50).texts() {
            told += 1;
            notify = text;
            watcher.answer(&notify, 200);
            last = body(&notify).to_owned();
        }
    }
    assert!((9..=11).contains(&told), "{told} in five seconds");
    let rest = watcher.desk.pass(2_000).texts();
    let last = rest.last().map_or(last, |text| body(text).to_owned());
    assert!(last.contains("Voice-Message: 100/0"), "{last}");
}

#[test]
fn versions_rise_by_one_with_each_document() {
    let (mut watcher, mut notify) = Watcher::new("dialog", "600");
    for version in 0..4 {
        assert!(notify.contains(&format!(" version=\"{version}\" ")), "{notify}");
        let cseq = version + 3;
        let refresh = watcher.within("600", cseq).set("Event", "dialog").print();
        watcher.answer(&notify, 200);
        let texts = watcher.desk.say(watcher.phone.flow, &refresh).texts();
        assert_eq!(texts.len(), 2, "{texts:?}");
        notify = texts[1].clone();
    }
}

#[test]
fn a_refresh_is_answered_and_told_the_same_again() {
    let (mut watcher, first) = Watcher::new("message-summary", "60");
    watcher.answer(&first, 200).pass(50_000);
    let refresh = watcher.within("60", 3).print();
    let texts = watcher.desk.say(watcher.phone.flow, &refresh).texts();
    assert_eq!((status(&texts[0]), header(&texts[0], "Expires")), (200, "60"));
    assert_eq!(standing(&texts[1]), "active;expires=60");
    watcher.answer(&texts[1], 200);
    assert_eq!(watcher.desk.pass(59_000).heard(), "");
    let last = watcher.desk.pass(1_000).text();
    assert_eq!(standing(&last), "terminated;reason=timeout");
    assert!(body(&last).contains("Messages-Waiting: no"));
    assert_eq!(watcher.desk.watched(), 0);
    watcher.answer(&last, 200);
    let late = watcher.within("60", 4).print();
    assert_eq!(watcher.desk.say(watcher.phone.flow, &late).heard(), "5062:481");
}

#[test]
fn a_refresh_while_a_notify_is_under_way_is_told_after_it() {
    let (mut watcher, first) = Watcher::new("message-summary", "60");
    let refresh = watcher.within("60", 3).print();
    assert_eq!(watcher.desk.say(watcher.phone.flow, &refresh).heard(), "5062:200");
    let second = watcher.answer(&first, 200).text();
    assert_eq!(standing(&second), "active;expires=60");
    let ends = watcher.within("0", 4).print();
    assert_eq!(watcher.desk.say(watcher.phone.flow, &ends).heard(), "5062:200");
    assert_eq!(standing(&watcher.answer(&second, 200).text()), "terminated;reason=timeout");
}

#[test]
fn a_watcher_that_wants_to_know_once_or_no_more_hears_how_it_stands() {
    let (mut watcher, only) = Watcher::new("message-summary", "0");
    assert_eq!((header(&watcher.ok, "Expires"), standing(&only)), ("0", "terminated;reason=timeout"));
    assert!(body(&only).contains("Voice-Message: 0/0"));
    assert_eq!(watcher.answer(&only, 200).watched(), 0);

    let (mut watcher, first) = Watcher::new("message-summary", "600");
    watcher.answer(&first, 200);
    let ends = watcher.within("0", 3).print();
    let texts = watcher.desk.say(watcher.phone.flow, &ends).texts();
    assert_eq!((status(&texts[0]), standing(&texts[1])), (200, "terminated;reason=timeout"));
    watcher.answer(&texts[1], 200);
    assert_eq!(watcher.stands(mailbox(5)).heard(), "");
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let long = "x".repeat(40);
    for (event, expires, accept, said) in [
        (Some("conference"), "600", None, "489"),
        (Some("Dialog"), "600", None, "489"),
        (Some(long.as_str()), "600", None, "489"),
        (None, "600", None, "489"),
        (Some("dialog"), "9", None, "423 10"),
        (Some("dialog"), "1", None, "423 10"),
        (Some("dialog"), "600", Some("application/pidf+xml"), "406"),
        (Some("dialog"), "600", Some("application/xpidf+xml, application/dialog-info+xml;q=0.5"), "asked"),
        (Some("dialog"), "600", Some("*/*"), "asked"),
        (Some("dialog"), "99999999999999", None, "asked"),
        (Some("dialog"), "soon", None, "asked"),
        (Some("dialog"), "10", None, "asked"),
    ] {
        let mut desk = Desk::with(SipConf { watch_secs_min: 10, ..conf() });
        let phone = Phone::new("101", udp(at(5062)));
        let mut text = subscribe(&phone, event.unwrap_or_default(), expires);
        if event.is_none() {
            text = text.without("Event");
        }
        if let Some(accept) = accept {
            text = text.set("Accept", accept);
        }
        let first = desk.say(phone.flow, &text.print()).text();
        let heard = match status(&first) {
            401 => {
                let (texts, events) = desk.say(phone.flow, &text.again(2, &first, "101", "secret").print()).both();
                match (&texts[..], &events[..]) {
                    ([], [Event::Subscribes(_)]) => "asked".to_owned(),
                    ([refused], []) if status(refused) == 423 => format!("423 {}", header(refused, "Min-Expires")),
                    ([refused], []) => status(refused).to_string(),
                    other => panic!("{other:?}"),
                }
            }
            489 => {
                assert_eq!(header(&first, "Allow-Events"), "message-summary, dialog, presence, reg");
                "489".to_owned()
            }
            other => other.to_string(),
        };
        assert_eq!(heard, said, "{event:?} {expires} {accept:?}");
    }
}

#[test]
fn nobody_watches_in_somebody_elses_name() {
    let (mut desk, phone) = (Desk::new(), Phone::new("101", udp(at(5062))));
    let forged = subscribe(&phone, "dialog", "600").set("From", "<sip:102@centrala>;tag=f");
    let (said, _) = ask(&mut desk, &phone, &forged);
    assert_eq!(status(&said[0]), 403);
    // A trunk's address is no password either.
    let carrier = Phone::new("101", udp(trunk()));
    assert_eq!(desk.say(carrier.flow, &subscribe(&carrier, "dialog", "600").print()).heard(), "5060:401");
}

#[test]
fn those_above_may_say_no() {
    for refusal in [403, 404] {
        let (mut desk, phone) = (Desk::new(), Phone::new("101", udp(at(5062))));
        let (_, events) = ask(&mut desk, &phone, &subscribe(&phone, "dialog", "600"));
        let subscription = asked(&events);
        let no = desk.watch(Watch::Deny { subscription, status: refusal }).text();
        assert_eq!((status(&no), desk.watched()), (refusal, 0));
        assert!(header(&no, "To").contains(";tag="), "{no}");
    }
}

#[test]
fn a_subscription_nobody_hears_of_is_forgotten() {
    for (status, retry, stays) in
        [(481, None, false), (500, None, false), (489, Some("5"), true), (503, Some("5"), true), (408, None, false)]
    {
        let (mut watcher, first) = Watcher::new("message-summary", "600");
        let mut refused = Text::answer(&first, status, "");
        if let Some(secs) = retry {
            refused = refused.set("Retry-After", secs);
        }
        let flow = watcher.phone.flow;
        assert_eq!(watcher.desk.say(flow, &refused.print()).watched(), usize::from(stays), "{status}");
        assert_eq!(watcher.stands(mailbox(3)).heard(), "", "{status}: not before it may be");
        let later = watcher.desk.pass(5_000).heard();
        assert_eq!(later, if stays { "5062:NOTIFY" } else { "" }, "{status}");
    }
    // Silence: eleven times it was said (RFC 3261 §17.1.2.2), then nothing is left.
    let (mut watcher, _) = Watcher::new("message-summary", "600");
    assert_eq!(watcher.desk.pass(40_000).heard(), ["5062:NOTIFY"; 10].join(" "));
    assert_eq!((watcher.desk.watched(), watcher.desk.endpoint.transactions()), (0, 0));
    // The network says that nobody is there.
    let (mut watcher, _) = Watcher::new("message-summary", "600");
    assert_eq!(watcher.desk.tell(Input::Unreachable { transport: sip::Transport::Udp, remote: at(5062) }).watched(), 0);
}

#[test]
fn from_elsewhere_a_refresh_takes_a_password() {
    let (mut watcher, first) = Watcher::new("message-summary", "600");
    watcher.answer(&first, 200);
    let elsewhere = Phone::new("101", udp(at(7000)));
    let refresh = watcher.within("0", 3);
    let challenged = watcher.desk.say(elsewhere.flow, &refresh.print()).text();
    assert_eq!((status(&challenged), watcher.desk.watched()), (401, 1));
    let other = refresh.again(4, &challenged, "102", "secret").print();
    assert_eq!(watcher.desk.say(elsewhere.flow, &other).heard(), "7000:403 Refused(102)");
    let moved = refresh.set("Expires", "600").again_with(5, &challenged, "101", "secret", 2).print();
    let texts = watcher.desk.say(elsewhere.flow, &moved).heard();
    assert_eq!(texts, "7000:200 7000:NOTIFY", "it is told where it is now");
}

#[test]
fn requests_out_of_place_change_nothing() {
    let (mut watcher, first) = Watcher::new("message-summary", "600");
    watcher.answer(&first, 200);
    for (text, said) in [
        (watcher.within("600", 2), "5062:500"), // older than its SUBSCRIBE (RFC 3261 §12.2.2)
        (watcher.within("600", 3).set("Event", "dialog"), "5062:489"),
        (watcher.within("600", 4).set("Event", "message-summary;id=1"), "5062:489"),
        (watcher.within("5", 5), "5062:423"),
        (watcher.within("600", 6).set("Require", "recipient-list-subscribe"), "5062:420"),
        (watcher.phone.within(&watcher.ok, "BYE", 7), "5062:481"),
        (watcher.phone.within(&watcher.ok, "INFO", 8), "5062:405"),
        (watcher.within("600", 9).set("From", "<sip:101@centrala>;tag=other"), "5062:481"),
    ] {
        let flow = watcher.phone.flow;
        assert_eq!(watcher.desk.say(flow, &text.print()).heard(), said);
    }
    assert_eq!(watcher.desk.watched(), 1);
}

#[test]
fn there_is_a_limit_for_each_and_for_all() {
    let conf = SipConf { watches_per_account: 2, watches_max: 3, ..conf() };
    let mut desk = Desk::with(conf);
    let mut said = Vec::new();
    for (user, port, event) in [
        ("101", 5062, "dialog"),
        ("101", 5063, "presence"),
        ("101", 5064, "message-summary"),
        ("102", 5065, "dialog"),
        ("102", 5066, "presence"),
    ] {
        let phone = Phone::new(user, udp(at(port)));
        let (texts, _) = ask(&mut desk, &phone, &subscribe(&phone, event, "600"));
        said.push(texts.first().map_or(200, |text| status(text)));
    }
    assert_eq!(said, [200, 200, 403, 200, 503]);
}

#[test]
fn a_phone_started_anew_takes_the_place_of_its_old_self() {
    let (mut watcher, first) = Watcher::new("message-summary", "600");
    watcher.answer(&first, 200);
    let again = subscribe(&watcher.phone, "message-summary", "600")
        .set("Call-ID", "another")
        .set("Via", "SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKanew;rport");
    let (_, events) = ask(&mut watcher.desk, &watcher.phone, &again);
    let subscription = asked(&events);
    watcher.desk.watch(Watch::Admit { subscription, resource: "box".into(), state: mailbox(0) });
    let ids: Vec<_> = watcher.desk.endpoint.subscriptions().map(|watching| watching.subscription).collect();
    assert_eq!(ids, [subscription]);
    assert_ne!(subscription, watcher.id);
}

#[test]
fn what_is_taken_away_is_said_to_be() {
    for (reason, word) in [(Reason::NoResource, "noresource"), (Reason::Rejected, "rejected")] {
        let (mut watcher, first) = Watcher::new("message-summary", "600");
        watcher.answer(&first, 200);
        let (flow, end) = (watcher.phone.flow, Watch::End { subscription: watcher.id, reason });
        let last = watcher.desk.watch(end).text();
        assert_eq!((standing(&last), body(&last)), (&*format!("terminated;reason={word}"), ""));
        watcher.desk.say(flow, &Text::answer(&last, 200, "").print());
        assert!(!watcher.desk.endpoint.is_watched(Package::MessageSummary, "box"));
    }
    // An account that is gone watches nothing any more.
    let (mut watcher, first) = Watcher::new("message-summary", "600");
    watcher.answer(&first, 200);
    let mut out = Vec::new();
    let less = SipConf { accounts: Default::default(), ..conf() };
    watcher.desk.endpoint.reload(less, watcher.desk.now, &mut out);
    assert_eq!((out.len(), watcher.desk.watched()), (1, 0), "{out:?}");
}

/// RFC 5626 §4.5: a phone whose stream broke registers by another, and its subscriptions go on by that.
#[test]
fn a_watcher_that_comes_back_by_another_stream_is_told_what_it_missed() {
    let by = |connection| tcp(at(5062), connection);
    let register = |desk: &mut Desk, connection: u64, cseq: u32| {
        let phone = Phone::new("101", by(connection));
        let contact = "<sip:101@10.0.0.9;transport=tcp>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"";
        let text =
            phone.request("REGISTER", "sip:centrala", cseq).set("To", "<sip:101@centrala>").set("Contact", contact);
        let text = text.set("Supported", "outbound, path").set("Expires", "600");
        let challenged = desk.say(phone.flow, &text.print()).text();
        desk.say(phone.flow, &text.again(cseq + 1, &challenged, "101", "secret").print());
    };
    for comes_back in [true, false] {
        let (mut watcher, first) = Watcher::by(by(7), conf(), "message-summary", "600");
        register(&mut watcher.desk, 7, 10);
        watcher.answer(&first, 200).heard();
        watcher.desk.tell(Input::Closed { connection: 7 }).heard();
        assert_eq!(watcher.stands(mailbox(4)).heard(), "", "there is no way to it");
        if comes_back {
            register(&mut watcher.desk, 8, 20);
            let texts = watcher.desk.texts();
            let notify = texts.iter().find(|text| text.starts_with("NOTIFY")).expect("it is told");
            assert!(notify.contains("Voice-Message: 4/0"), "{notify}");
        }
        watcher.desk.pass(100_000);
        let stays = watcher.desk.watched();
        assert_eq!(stays, 0, "it answered nothing either, or never came");
    }
}

/// Many watchers, a network that loses a third of all packets: each ends with the truth, or is forgotten; versions rise;
/// no two NOTIFYs of one are under way at a time; nothing is left when all have gone.
#[test]
fn a_storm_of_changes_over_a_bad_network_ends_with_the_truth() {
    for seed in 0..20 {
        storm(seed);
    }
}

fn storm(seed: u64) {
    let mut chance = Random::numbered(seed);
    let mut desk = Desk::with(SipConf { watches_per_account: 1000, ..conf() });
    let phones: Vec<_> = (0..20).map(|n| Phone::new("101", udp(at(6000 + n)))).collect();
    for phone in &phones {
        let (_, events) = ask(&mut desk, phone, &subscribe(phone, "message-summary", "3600"));
        let subscription = asked(&events);
        let (resource, state) = ("box".to_owned(), mailbox(0));
        desk.watch(Watch::Admit { subscription, resource, state }).texts(); // the first NOTIFY is lost, as many after it
    }
    let mut heard = vec![(0, 0); phones.len()]; // the last CSeq and count of each
    let mut open: Vec<Option<u32>> = vec![None; phones.len()];
    let mut count = 0;
    let mut step = |desk: &mut Desk, chance: &mut Random, ms: u64| {
        for text in desk.pass(ms).texts().into_iter().filter(|text| text.starts_with("NOTIFY")) {
            let at = phones.iter().position(|phone| text.contains(&format!(":{}", phone.flow.remote.port()))).unwrap();
            let cseq: u32 = header(&text, "CSeq").split(' ').next().unwrap().parse().unwrap();
            assert!(open[at].is_none_or(|open| open == cseq), "seed {seed}: two at a time");
            open[at] = Some(cseq);
            if chance.one_in(3) {
                continue; // lost on the way there
            }
            let new: u32 = text.split("Voice-Message: ").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
            assert!(heard[at].0 < cseq && heard[at].1 <= new || heard[at] == (cseq, new), "seed {seed}: backwards");
            heard[at] = (cseq, new);
            if chance.one_in(3) {
                continue; // the answer is lost
            }
            open[at] = None;
            desk.say(phones[at].flow, &Text::answer(&text, 200, "").print());
        }
    };
    for _ in 0..400 {
        if chance.one_in(2) {
            count += 1;
            desk.watch(Watch::Stands { resource: "box".into(), state: mailbox(count) });
        }
        step(&mut desk, &mut chance, 100);
    }
    for _ in 0..600 {
        step(&mut desk, &mut chance, 100);
    }
    assert!(desk.watched() >= 15, "seed {seed}: {} are left", desk.watched());
    let told = heard.iter().filter(|(_, new)| *new == count).count();
    assert!(told >= desk.watched(), "seed {seed}: {told} of {} know", desk.watched());
    desk.pass(2 * 3600 * 1000);
    assert_eq!((desk.watched(), desk.endpoint.transactions()), (0, 0), "seed {seed}");
    assert!(desk.endpoint.deadline().is_none_or(|at| at.since(desk.now) > Duration::ZERO), "seed {seed}");
}
