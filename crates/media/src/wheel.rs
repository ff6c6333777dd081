//! The 5 ms clock of the players: who is due, at the cost of those who are due.
//!
//! Where it stands: `patchbay` turns it on every tick. Players that start within one slot go out together, so a thread
//! with a thousand of them wakes 200 times a second and not 50,000 times.

use std::time::Duration;

use base::Time;

use crate::Place;

/// Slots of 5 ms, as many as the longest step needs.
pub(crate) struct Wheel {
    slots: [Vec<Place>; SLOTS as usize],
    /// The next slot to be served, counted from the beginning of time.
    next: u64,
    waiting: usize,
}

impl Wheel {
    pub fn new() -> Wheel {
        Wheel { slots: std::array::from_fn(|_| Vec::new()), next: 0, waiting: 0 }
    }

    /// Serve `place` in the first slot that begins after `now`.
    pub fn start(&mut self, place: Place, now: Time) {
        if self.waiting == 0 {
            self.next = slot_of(now) + 1; // nothing was due: the wheel stood still
        }
        let ahead = (slot_of(now) + 1).saturating_sub(self.next).min(SLOTS - 1);
        self.put(place, self.next + ahead);
    }

    /// When the next of them is due.
    pub fn deadline(&self) -> Option<Time> {
        let first = (self.next..self.next + SLOTS).find(|slot| !self.slots[at(*slot)].is_empty())?;
        Some(Time::from_nanos(first * SLOT_NANOS))
    }

    /// Serve all that are due by `now`; `serve` is told the frame of 20 ms that the slot lies in, and says after how many
    /// milliseconds one is due again. Who is due every 20 ms meets every frame once, however late the thread is.
    /// A thread that was held up longer than the wheel is round does not make up for it in a burst.
    pub fn turn(&mut self, now: Time, mut serve: impl FnMut(Place, u64) -> Option<u16>) {
        let last = slot_of(now);
        if self.waiting == 0 {
            return;
        }
        if last.saturating_sub(self.next) > SLOTS {
            let held_up: Vec<Place> = self.slots.iter_mut().flat_map(|slot| slot.drain(..)).collect();
            self.next = last;
            self.slots[at(last)] = held_up;
        }
        while self.next <= last {
            let slot = self.next;
            let mut due = std::mem::take(&mut self.slots[at(slot)]);
            self.next += 1;
            self.waiting -= due.len();
            for place in due.drain(..) {
                if let Some(ms) = serve(place, slot / (FRAME_MS / SLOT_MS)) {
                    self.put(place, slot + (u64::from(ms) / SLOT_MS).clamp(1, SLOTS - 1));
                }
            }
            // The emptied slot keeps its room for the next round.
            let put_meanwhile = std::mem::replace(&mut self.slots[at(slot)], due);
            self.slots[at(slot)].extend(put_meanwhile);
        }
    }

    fn put(&mut self, place: Place, slot: u64) {
        self.slots[at(slot)].push(place);
        self.waiting += 1;
    }
}

fn slot_of(time: Time) -> u64 {
    time.as_nanos() / SLOT_NANOS
}

fn at(slot: u64) -> usize {
    (slot % SLOTS) as usize
}

const SLOTS: u64 = 16;
const SLOT_MS: u64 = 5;
const FRAME_MS: u64 = 20;
const SLOT_NANOS: u64 = Duration::from_millis(SLOT_MS).as_nanos() as u64;

#[cfg(test)]
mod tests {
    use base::LegId;

    use super::*;

    fn place(index: u32) -> Place {
        Place { leg: LegId(index.into()), index }
    }

    /// Turns the wheel at each of its deadlines up to `until`, and says when whom.
    fn run(wheel: &mut Wheel, until: u64, step: impl Fn(u32) -> Option<u16>) -> Vec<(u64, u32)> {
        let mut served = Vec::new();
        while let Some(due) = wheel.deadline().filter(|due| due.as_millis() <= until) {
            wheel.turn(due, |place, _| {
                served.push((due.as_millis(), place.index));
                step(place.index)
            });
        }
        served
    }

    #[test]
    fn each_is_served_at_its_own_pace() {
        let mut wheel = Wheel::new();
        wheel.start(place(1), Time::from_millis(3));
        wheel.start(place(2), Time::from_millis(8));
        let served = run(&mut wheel, 65, |index| Some(if index == 1 { 20 } else { 30 }));
        assert_eq!(served, [(5, 1), (10, 2), (25, 1), (40, 2), (45, 1), (65, 1)]);
    }

    #[test]
    fn one_that_is_done_is_forgotten_and_the_wheel_stands_still() {
        let mut wheel = Wheel::new();
        wheel.start(place(1), Time::from_millis(0));
        assert_eq!(run(&mut wheel, 1000, |_| None), [(5, 1)]);
        assert_eq!(wheel.deadline(), None);
        wheel.start(place(1), Time::from_millis(100_001));
        assert_eq!(wheel.deadline(), Some(Time::from_millis(100_005)));
    }

    #[test]
    fn a_thread_held_up_for_a_second_sends_one_frame_and_not_fifty() {
        let mut wheel = Wheel::new();
        wheel.start(place(1), Time::ZERO);
        let mut frames = 0;
        wheel.turn(Time::from_millis(1000), |_, _| {
            frames += 1;
            Some(20)
        });
        assert_eq!(frames, 1);
        assert_eq!(wheel.deadline(), Some(Time::from_millis(1020)));
    }

    #[test]
    fn each_frame_is_met_once_however_late() {
        let mut wheel = Wheel::new();
        wheel.start(place(1), Time::from_millis(12));
        let mut frames = Vec::new();
        for late in [15, 54, 55, 94, 120] {
            wheel.turn(Time::from_millis(late), |_, frame| {
                frames.push(frame);
                Some(20)
            });
        }
        assert_eq!(frames, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_short_stall_is_made_up_for() {
        let mut wheel = Wheel::new();
        wheel.start(place(1), Time::ZERO);
        let mut frames = 0;
        wheel.turn(Time::from_millis(47), |_, _| {
            frames += 1;
            Some(20)
        });
        assert_eq!(frames, 3); // due at 5, 25, 45
    }
}
