//! What a standing call between two phones weighs in this room.

mod desk;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use desk::{Desk, Phone, at, udp};

/// Counts what is in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

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
