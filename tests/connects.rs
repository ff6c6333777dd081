//! How soon an agent and his caller hear each other once he has answered, whatever the caller is hearing just then: music, or what
//! he is told of his place. Nothing that is played is waited for.

mod world;

use std::time::Duration;

use acd::{Outcome, What};
use audio::goertzel;
use sim::phone::{Command, Dial, Manner};
use world::World;

/// A caller is told something for two seconds in seven.
const CYCLE: Duration = Duration::from_secs(7);
const OFTEN: u32 = 14;
/// So soon both are to hear the other.
const SOON: Duration = Duration::from_millis(100);
/// What is listened to at the end of that.
const LISTEN: Duration = Duration::from_millis(45);
const CLOSED_HZ: f64 = 1900.0;

#[test]
fn whatever_a_caller_is_told_an_agent_who_answers_is_heard_at_once() {
    let told = (0..OFTEN).filter(|turn| connects(CYCLE * *turn / OFTEN)).count();
    assert!(told > 0, "nobody was being told anything when his agent answered");
}

/// An agent comes to work when a caller has waited for so long, and is connected. Was the caller being told something?
fn connects(waited: Duration) -> bool {
    let mut world = World::new("connects", 1);
    let [ann, bob] = ["ann", "bob"].map(|name| {
        let manner = Manner::Answers { rings: Duration::from_millis(100) };
        let desk = world.place(name, Some(name), None, manner);
        world.push(desk, Command::Register { expires_secs: 600 });
        desk
    });
    let second = Duration::from_secs(1);
    let dials = |to: &str| Command::Call(Dial { to: to.to_owned(), ..Dial::default() });
    world.pass(second);
    world.push(ann, dials("403"));
    world.pass(5 * second + waited);
    world.push(bob, dials("*11"));
    let answered = |fact: &acd::Fact| matches!(&fact.what, What::Left { outcome: Outcome::Answered { .. }, .. });
    let end = world.now + 10 * second;
    assert!(world.pass_until(end, |world| world.queue_facts.iter().any(answered)), "he answers");
    let share = |world: &World, desk: usize, hz: f64| {
        let heard = world.desks[desk].phone.ear().map(|ear| ear.since(world.now - LISTEN)).unwrap_or_default();
        if heard.len() < 240 { 0.0 } else { goertzel::share(&heard, hz) }
    };
    let told = share(&world, ann, CLOSED_HZ) > 0.8;
    world.pass(SOON);
    for (desk, other) in [(ann, bob), (bob, ann)] {
        let share = share(&world, desk, world.desks[other].hz);
        assert!(share > 0.8, "{}: after {waited:?}, {share}", world.desks[desk].name);
    }
    told
}
