//! `centrala demo`, as somebody sees it who has just cloned the house.

use std::process::Command;
use std::time::Duration;

use crate::harness::Scratch;
use crate::harness::process::Process;

#[test]
fn the_demo_ends_with_a_recording_to_play() {
    let room = Scratch::new("demo");
    let mut command = Command::new(env!("CARGO_BIN_EXE_centrala"));
    command.arg("demo").current_dir(room.path());
    let mut process = Process::start("centrala", "this very workspace", command, &room.path().join("out.log"));
    let status = process.end_within(Duration::from_secs(30));
    let said = process.said();
    assert!(status.success(), "{said}");
    for part in
        ["INVITE 100", "INVITE ann", "180 Ringing", "heard the greeting", "heard the agent", "heard the caller", "BYE"]
    {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
    let file = said.lines().find_map(|line| line.strip_prefix("hear it    play ")).expect("how to play it");
    assert!(room.path().join(file).is_file(), "{file}");
}
