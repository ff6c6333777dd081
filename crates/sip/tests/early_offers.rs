//! Offer and answer before an INVITE is answered, read as ladders: in reliable responses and their PRACKs (RFC 3262 §5), in
//! UPDATE (RFC 3311 §5), with each of a fork for itself (RFC 3261 §13.2.2.4), and what may not be said yet.

mod desk;

use base::LegId;
use desk::*;
use sip::{Command, Event};

const RELIABLE: &[(&str, &str)] = &[("Supported", "100rel")];

fn phone() -> Phone {
    Phone::new("101", udp(at(5062)))
}

/// An INVITE with these headers and this body that waits for its answer.
fn knocking(desk: &mut Desk, phone: &Phone, headers: &[(&str, &str)], offer: &str) -> (LegId, Text) {
    let invite = phone.request("INVITE", "sip:102@centrala", 1);
    let invite = headers.iter().fold(invite, |invite, (name, value)| invite.set(name, value));
    let invite = if offer.is_empty() { invite } else { invite.body(offer) };
    let challenged = desk.say(phone.flow, &invite.print()).text();
    desk.say(phone.flow, &invite.ack(&challenged).print());
    let invite = invite.again(2, &challenged, &phone.user, "secret");
    let (_, events) = desk.say(phone.flow, &invite.print()).both();
    let Some(Event::Incoming(incoming)) = events.first() else { panic!("{events:?}") };
    assert_eq!(incoming.hears_reliably, !headers.is_empty());
    (incoming.leg, invite)
}

fn prack(phone: &Phone, early: &str, cseq: u32) -> Text {
    let rack = format!("{} {}", header(early, "RSeq"), header(early, "CSeq"));
    phone.within(early, "PRACK", cseq).set("RAck", &rack)
}

#[test]
fn a_caller_without_an_offer_gets_ours_early_and_answers_in_prack() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, invite) = knocking(&mut desk, &phone, RELIABLE, "");
    let early = desk.command(Command::Ring { leg, status: 183, sdp: Some("v=0 ours".into()) }).text();
    assert_eq!((header(&early, "Require"), early.ends_with("v=0 ours")), ("100rel", true));
    // RFC 3311 §5.2: ours is under way.
    assert_eq!(desk.say(phone.flow, &phone.within(&early, "UPDATE", 3).body("v=0").print()).heard(), "5062:491");
    // The 200 waits, and says nothing of what is agreed already: it would be an offer.
    assert_eq!(desk.command(Command::Answer { leg, sdp: "v=0 ours".into() }).heard(), "");
    let (texts, events) = desk.say(phone.flow, &prack(&phone, &early, 4).body("v=0 theirs").print()).both();
    assert!(matches!(&events[..], [Event::Agreed { sdp, .. }] if sdp == "v=0 theirs"), "{events:?}");
    let [heard, ok] = &texts[..] else { panic!("{texts:?}") };
    assert_eq!((header(heard, "CSeq"), header(ok, "CSeq")), ("4 PRACK", "2 INVITE"));
    assert!(ok.ends_with("\r\n\r\n"), "{ok}");
    assert_eq!(desk.say(phone.flow, &phone.within(&early, "ACK", invite.cseq()).print()).heard(), "Confirmed");
}

#[test]
fn our_offer_is_made_again_to_who_answered_it_with_nothing() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, invite) = knocking(&mut desk, &phone, RELIABLE, "");
    let early = desk.command(Command::Ring { leg, status: 183, sdp: Some("v=0 ours".into()) }).text();
    assert_eq!(desk.say(phone.flow, &prack(&phone, &early, 3).print()).heard(), "5062:200");
    let ok = desk.command(Command::Answer { leg, sdp: "v=0 ours".into() }).text();
    assert!(ok.ends_with("v=0 ours"), "{ok}");
    let ack = phone.within(&early, "ACK", invite.cseq()).body("v=0 theirs");
    assert_eq!(desk.say(phone.flow, &ack.print()).heard(), "Confirmed(sdp)");
}

#[test]
fn no_offer_of_ours_goes_where_it_might_get_lost() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, _) = knocking(&mut desk, &phone, &[], "");
    let early = desk.command(Command::Ring { leg, status: 183, sdp: Some("v=0 ours".into()) }).text();
    assert!(early.ends_with("\r\n\r\n") && !early.contains("RSeq"), "{early}");
}

#[test]
fn an_offer_in_prack_is_answered_in_its_200() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, _) = knocking(&mut desk, &phone, RELIABLE, OFFER);
    let early = desk.command(Command::Ring { leg, status: 183, sdp: Some("v=0 answer".into()) }).text();
    let another = prack(&phone, &early, 3).body("v=0 another").print();
    assert_eq!(desk.say(phone.flow, &another).heard(), "Offered(sdp)");
    assert_eq!(desk.say(phone.flow, &another).heard(), ""); // said again while we think
    let heard = desk.command(Command::Answer { leg, sdp: "v=0 anew".into() }).text();
    assert_eq!((status(&heard), header(&heard, "CSeq"), heard.ends_with("v=0 anew")), (200, "3 PRACK", true));
    assert_eq!(desk.say(phone.flow, &another).text(), heard);
    let ok = desk.command(Command::Answer { leg, sdp: "v=0 anew".into() }).text();
    assert!(status(&ok) == 200 && ok.ends_with("\r\n\r\n"), "{ok}");
}

#[test]
fn what_waits_for_prack_waits_for_the_answer_to_its_offer_too() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, _) = knocking(&mut desk, &phone, RELIABLE, OFFER);
    let early = desk.command(Command::Ring { leg, status: 183, sdp: Some("v=0 answer".into()) }).text();
    assert_eq!(desk.command(Command::Answer { leg, sdp: "v=0 answer".into() }).heard(), "");
    assert_eq!(desk.say(phone.flow, &prack(&phone, &early, 3).body("v=0 another").print()).heard(), "Offered(sdp)");
    let texts = desk.command(Command::Answer { leg, sdp: "v=0 anew".into() }).texts();
    assert_eq!(texts.iter().map(|text| header(text, "CSeq")).collect::<Vec<_>>(), ["3 PRACK", "2 INVITE"]);
    assert!(texts[1].ends_with("\r\n\r\n"), "{texts:?}");
}

#[test]
fn an_update_of_the_caller_is_taken_when_its_offer_was_answered_reliably() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, _) = knocking(&mut desk, &phone, RELIABLE, OFFER);
    let ringing = desk.command(Command::Ring { leg, status: 180, sdp: None }).text();
    let update = |cseq: u32| phone.within(&ringing, "UPDATE", cseq).body("v=0 held");
    // RFC 3311 §5.2: its offer has no answer yet. Retry-After is any number up to ten.
    let later = desk.say(phone.flow, &update(3).print()).text();
    assert_eq!(status(&later), 500);
    assert!(header(&later, "Retry-After").parse::<u32>().is_ok_and(|secs| secs <= 10), "{later}");
    let early = desk.command(Command::Ring { leg, status: 183, sdp: Some("v=0 answer".into()) }).text();
    assert_eq!(status(&desk.say(phone.flow, &update(4).print()).text()), 500); // not before we know that it was heard
    desk.say(phone.flow, &prack(&phone, &early, 5).print()).heard();
    assert_eq!(desk.say(phone.flow, &update(6).print()).heard(), "Offered(sdp)");
    assert_eq!(status(&desk.say(phone.flow, &update(7).print()).text()), 500); // one at a time
    let refused = desk.command(Command::Reject { leg, status: 488 }).text();
    assert_eq!((status(&refused), header(&refused, "CSeq")), (488, "6 UPDATE"));
    assert_eq!(desk.say(phone.flow, &update(8).print()).heard(), "Offered(sdp)");
    let taken = desk.command(Command::Answer { leg, sdp: "v=0 recvonly".into() }).text();
    assert_eq!((status(&taken), taken.ends_with("v=0 recvonly")), (200, true));
    assert_eq!(desk.say(phone.flow, &phone.within(&ringing, "UPDATE", 9).print()).heard(), "5062:200");
    // A caller who hangs up over one unanswered leaves nothing behind.
    desk.say(phone.flow, &update(10).print()).heard();
    let bye = phone.within(&ringing, "BYE", 11).print();
    assert_eq!(desk.say(phone.flow, &bye).heard(), "5062:200 5062:487 5062:487 Ended(Cancelled)");
}

#[test]
fn an_update_of_the_callee_is_taken_when_it_answered_reliably() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (leg, invite) = desk.outgoing(phone.flow, None);
    let update = |cseq: u32| phone.within_theirs(&invite, "a", "UPDATE", cseq).body("v=0 another").print();
    desk.say(phone.flow, &Text::answer(&invite, 183, "a").body("v=0 early").print()).heard();
    assert_eq!(desk.say(phone.flow, &update(1)).heard(), "5070:491"); // our offer has no answer yet
    let reliable = Text::answer(&invite, 183, "a").set("Require", "100rel").set("RSeq", "1").body("v=0 early");
    assert_eq!(desk.say(phone.flow, &reliable.print()).heard(), "5070:PRACK Ringing(183)");
    assert_eq!(desk.say(phone.flow, &update(2)).heard(), "Offered(sdp)");
    assert_eq!(desk.say(phone.flow, &update(3)).heard(), "5070:500");
    let taken = desk.command(Command::Answer { leg, sdp: "v=0 ours".into() }).text();
    assert_eq!((header(&taken, "CSeq"), taken.ends_with("v=0 ours")), ("2 UPDATE", true));
    assert_eq!(desk.say(phone.flow, &update(2)).heard(), "5070:200"); // a repeat hears it again
    // Numbers do not fall, and what the 200 repeats is no answer any more.
    assert_eq!(desk.say(phone.flow, &phone.within_theirs(&invite, "a", "INFO", 1).print()).heard(), "5070:500");
    let ok = Text::answer(&invite, 200, "a").body("v=0 early").print();
    assert_eq!(desk.say(phone.flow, &ok).heard(), "5070:ACK Answered(as before)");
    assert_eq!(desk.say(phone.flow, &phone.within_theirs(&invite, "a", "INFO", 3).print()).heard(), "5070:500");
    let bye = desk.command(Command::HangUp { leg, status: None }).text();
    assert_eq!(header(&bye, "CSeq"), "3 BYE");
}

#[test]
fn who_is_being_cancelled_is_asked_for_nothing_and_answered_all_the_same() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (leg, invite) = desk.outgoing(phone.flow, None);
    let reliable = Text::answer(&invite, 183, "a").set("Require", "100rel").set("RSeq", "1").body("v=0 early");
    desk.say(phone.flow, &reliable.print()).heard();
    assert_eq!(desk.command(Command::HangUp { leg, status: None }).heard(), "5070:CANCEL Ended(HungUp)");
    let update = phone.within_theirs(&invite, "a", "UPDATE", 1).body("v=0 another").print();
    assert_eq!(desk.say(phone.flow, &update).heard(), "5070:481");
}

#[test]
fn each_of_a_fork_is_told_apart_and_the_first_to_answer_has_the_call() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (leg, invite) = desk.outgoing(phone.flow, None);
    let said = |status: u16, tag: &str, sdp: &str| Text::answer(&invite, status, tag).body(sdp).print();
    let reliable =
        |tag: &str, sdp: &str| Text::answer(&invite, 183, tag).set("Require", "100rel").set("RSeq", "1").body(sdp);
    assert_eq!(desk.say(phone.flow, &said(183, "a", "v=0 a")).heard(), "Ringing(183, sdp)");
    assert_eq!(desk.say(phone.flow, &said(183, "b", "v=0 b")).heard(), "Ringing(183, sdp, fork 1)");
    // What one has said before does not make it the latest to speak.
    assert_eq!(desk.say(phone.flow, &said(183, "a", "v=0 a")).heard(), "Ringing(183)");
    assert_eq!(desk.say(phone.flow, &said(183, "a", "v=0 a2")).heard(), "Ringing(183, sdp)");
    assert_eq!(desk.say(phone.flow, &reliable("c", "v=0 c").print()).heard(), "5070:PRACK Ringing(183, sdp, fork 2)");
    let update = phone.within_theirs(&invite, "c", "UPDATE", 1).body("v=0 c2").print();
    assert_eq!(desk.say(phone.flow, &update).heard(), "Offered(sdp)(fork 2)");
    assert_eq!(desk.command(Command::Answer { leg, sdp: "v=0 ours".into() }).heard(), "5070:200");
    let theirs =
        phone.within_theirs(&invite, "b", "UPDATE", 1).set("Via", "SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKb1");
    assert_eq!(desk.say(phone.flow, &theirs.body("v=0 b2").print()).heard(), "5070:491"); // b has answered nothing yet
    assert_eq!(desk.say(phone.flow, &said(200, "b", "v=0 b")).heard(), "5070:ACK Answered(fork 1)");
    // Another one picked up as well, and one that nobody knew of: acknowledged and ended, each in its own dialog.
    for (tag, cseq) in [("a", 102), ("c", 102), ("d", 102)] {
        let texts = desk.say(phone.flow, &said(200, tag, "v=0 late")).texts();
        let [ack, bye] = &texts[..] else { panic!("{texts:?}") };
        assert_eq!((header(ack, "CSeq"), header(bye, "CSeq")), ("1 ACK", &*format!("{cseq} BYE")));
        assert!(header(ack, "To").ends_with(&format!("tag={tag}")) && header(bye, "To") == header(ack, "To"));
    }
    assert_eq!(desk.say(phone.flow, &update.replace("UPDATE1", "UPDATE9")).heard(), "5070:481"); // of a dialog that is over
}

#[test]
fn what_was_said_early_need_not_be_said_again_even_if_it_might_have_got_lost() {
    let mut desk = Desk::new();
    let phone = Phone::new("102", udp(at(5070)));
    let (_, invite) = desk.outgoing(phone.flow, None);
    desk.say(phone.flow, &Text::answer(&invite, 183, "a").body("v=0 a").print()).heard();
    assert_eq!(desk.say(phone.flow, &Text::answer(&invite, 200, "a").print()).heard(), "5070:ACK Answered");
}

#[test]
fn nobody_is_transferred_before_the_answer() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, _) = knocking(&mut desk, &phone, &[], OFFER);
    let ringing = desk.command(Command::Ring { leg, status: 180, sdp: None }).text();
    let callee = Phone::new("102", udp(at(5070)));
    let (_, invite) = desk.outgoing(callee.flow, None);
    desk.say(callee.flow, &Text::answer(&invite, 180, "a").print()).heard();
    let refers = [phone.within(&ringing, "REFER", 3), callee.within_theirs(&invite, "a", "REFER", 1)];
    for (refer, flow) in refers.into_iter().zip([phone.flow, callee.flow]) {
        let refused = desk.say(flow, &refer.clone().set("Refer-To", "<sip:103@centrala>").print()).text();
        assert_eq!(status(&refused), 403);
        assert!(header(&refused, "Warning").contains("before the call is answered"), "{refused}");
    }
    // It rings on, and is answered.
    assert_eq!(desk.command(Command::Answer { leg, sdp: "v=0".into() }).heard(), "5062:200");
}

#[test]
fn an_offer_that_had_to_wait_is_made_as_things_stand_then() {
    let (mut desk, phone) = (Desk::new(), phone());
    let (leg, ok) = desk.standing(&phone);
    let ours = desk.command(Command::Offer { leg, sdp: "v=0 moved".into() }).text();
    assert_eq!(desk.say(phone.flow, &Text::answer(&ours, 491, "").print()).heard(), "5062:ACK");
    // They hold meanwhile.
    desk.say(phone.flow, &phone.within(&ok, "INVITE", 10).body("v=0 held").print()).heard();
    desk.command(Command::Answer { leg, sdp: "v=0 recvonly".into() }).heard();
    desk.say(phone.flow, &phone.within(&ok, "ACK", 10).print()).heard();
    assert_eq!(desk.pass(2_001).heard(), "OfferDue");
    let again = desk.command(Command::Offer { leg, sdp: "v=0 moved, held".into() }).text();
    assert!(again.starts_with("INVITE") && again.ends_with("v=0 moved, held"), "{again}");
    assert_eq!(desk.say(phone.flow, &Text::answer(&again, 200, "").body("v=0").print()).heard(), "5062:ACK Agreed");
}

#[test]
fn who_owns_the_call_id_waits_longer_after_a_glare() {
    let mut waits: [Vec<u64>; 2] = Default::default();
    for round in 0..40 {
        for (ours, waits) in [false, true].into_iter().zip(&mut waits) {
            let mut desk = Desk::new();
            desk.endpoint = sip::Endpoint::new(conf(), base::Random::numbered(round.into())); // other tags
            let phone = Phone::new("102", udp(at(5070 + round)));
            let (leg, flow) = if ours {
                let (leg, invite) = desk.outgoing(phone.flow, None);
                desk.say(phone.flow, &Text::answer(&invite, 200, "t").body("v=0").print());
                (leg, phone.flow)
            } else {
                (desk.standing(&phone).0, phone.flow)
            };
            desk.heard();
            // A few tries, each with a wait of its own.
            for _ in 0..3 {
                let asked = desk.command(Command::Offer { leg, sdp: "v=0 moved".into() }).text();
                desk.say(flow, &Text::answer(&asked, 491, "").print()).heard();
                let from = desk.now;
                let again = loop {
                    let heard = desk.pass(10).texts();
                    if let Some(again) = heard.into_iter().next() {
                        break again;
                    }
                };
                waits.push(desk.now.since(from).as_millis() as u64);
                desk.say(flow, &Text::answer(&again, 488, "").print()).heard();
            }
        }
    }
    let [theirs, ours] = waits;
    // RFC 3261 §14.1, in steps of 10 ms, of which we look at the end.
    assert!(theirs.iter().all(|ms| *ms <= 2_010), "{theirs:?}");
    assert!(ours.iter().all(|ms| (2_100..=4_010).contains(ms)), "{ours:?}");
    for waits in [theirs, ours] {
        let mut different = waits;
        different.sort_unstable();
        different.dedup();
        assert!(different.len() > 20, "chance has few faces: {different:?}");
    }
}
