//! What a standing call between two phones weighs in this room, and what a subscription does.

mod desk;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use desk::{Desk, Phone, Text, at, udp};
use sip::{Command, Event, Mailbox, SipConf, State, Watch};

/// Counts what is in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// One is weighed at a time.
static ALONE: Mutex<()> = Mutex::new(());

// SAFETY: hands every call on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_standing_call_is_light_and_an_ended_one_weighs_nothing() {
    const CALLS: usize = 500;
    let _alone = ALONE.lock();
    let mut desk = Desk::new();
    let weigh = |desk: &mut Desk| {
        desk.log = Vec::new();
        desk.both();
        IN_USE.load(Ordering::Relaxed)
    };
    let mut left = Vec::new();
    for round in 0..3 {
        let phones = |n: usize| {
            let port = (round * CALLS + n) as u16;
            (Phone::new("101", udp(at(10_000 + port))), Phone::new("102", udp(at(20_000 + port))))
        };
        let before = weigh(&mut desk);
        let mut calls = Vec::with_capacity(CALLS);
        for n in 0..CALLS {
            let (caller, callee) = phones(n);
            calls.push(desk.bridged(&caller, &callee));
            weigh(&mut desk);
        }
        let texts = calls.iter().map(|call| call.weight()).sum::<usize>() + before;
        let fresh = (weigh(&mut desk) - texts) / CALLS;
        desk.pass(40_000);
        let standing = (weigh(&mut desk) - texts) / CALLS;
        println!("{fresh} bytes a call just answered, {standing} once its transactions are over");
        assert!(fresh < 12 * 1024, "{fresh}");
        assert!(standing < 4 * 1024, "{standing}");
        for (n, call) in calls.iter().enumerate() {
            let (caller, callee) = phones(n);
            desk.hung_up(call, &caller, &callee);
        }
        drop(calls);
        desk.pass(300_000);
        assert_eq!((desk.endpoint.legs(), desk.endpoint.transactions()), (0, 0));
        left.push(weigh(&mut desk));
    }
    // The first round made the tables; those after it leave nothing.
    assert!(left[2] < left[1] + 20 * CALLS, "{left:?}");
}

#[test]
fn a_subscription_is_light_and_an_ended_one_weighs_nothing() {
    const COUNT: usize = 2_000;
    let _alone = ALONE.lock();
    let mut desk = Desk::with(SipConf { watches_per_account: COUNT, ..desk::conf() });
    let weigh = |desk: &mut Desk| {
        desk.log = Vec::new();
        desk.both();
        IN_USE.load(Ordering::Relaxed)
    };
    for round in 0..3 {
        let before = weigh(&mut desk);
        for n in 0..COUNT {
            let phone = Phone::new("101", udp(at((10_000 + n) as u16)));
            let contact = format!("<sip:101@10.0.0.9:{n}>");
            let subscribe = phone.request("SUBSCRIBE", "sip:102@centrala", 1).set("Event", "message-summary");
            let subscribe =
                subscribe.set("Expires", "600").set("Contact", &contact).set("Call-ID", &format!("{round}-{n}"));
            let via = format!("SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bK{round}n{n};rport");
            let subscribe = subscribe.set("Via", &via);
            let challenged = desk.say(phone.flow, &subscribe.print()).text();
            let (_, events) = desk.say(phone.flow, &subscribe.again(2, &challenged, "101", "secret").print()).both();
            let [Event::Subscribes(asks)] = &events[..] else { panic!("{events:?}") };
            let (subscription, resource) = (asks.subscription, format!("person:{n}"));
            let admit = Watch::Admit { subscription, resource, state: State::Mailbox(Mailbox::default()) };
            let notify = desk.command(Command::Watch(Box::new(admit))).texts().remove(1);
            desk.say(phone.flow, &Text::answer(&notify, 200, "").print());
            desk.pass(10);
        }
        desk.pass(40_000);
        let each = (weigh(&mut desk) - before) / COUNT;
        println!("{each} bytes a subscription");
        assert_eq!((desk.endpoint.subscriptions().count(), desk.endpoint.transactions()), (COUNT, 0));
        assert!(each < if round == 0 { 3 * 1024 } else { 2 * 1024 }, "{each}"); // the first round made the tables
        desk.pass(700_000); // nobody refreshes, nobody answers the last word
        assert_eq!((desk.endpoint.subscriptions().count(), desk.endpoint.transactions()), (0, 0));
        let left = weigh(&mut desk).saturating_sub(before) / COUNT;
        assert!(round == 0 || left < 64, "{left} bytes are left of each");
    }
}
