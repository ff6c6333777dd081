//! The command line's word to the operator: what is wrong, where, and what to do.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::time::Duration;

use crate::harness::Scratch;
use crate::harness::process::Process;
use crate::harness::switch::Centre;

/// Runs the program to its end, which must come soon. Tells whether it was content, and all it said.
fn run(centre: &Centre, words: &[&str]) -> (bool, String) {
    ended(&centre.room, centre.command(words))
}

fn ended(room: &Scratch, command: Command) -> (bool, String) {
    let mut process = Process::start("centrala", "this very workspace", command, &room.path().join("out.log"));
    let status = process.end_within(Duration::from_secs(10));
    (status.success(), process.said())
}

/// It failed, and all it said is one sentence that has all of these in it.
fn assert_one_sentence((content, said): (bool, String), parts: &[&str]) {
    assert!(!content, "it should have failed; it said: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one sentence: {said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

#[test]
fn a_port_in_use_is_one_sentence() {
    let centre = Centre::new("port-in-use");
    let address = centre.address.to_string();
    {
        let _taken = UdpSocket::bind(centre.address).expect("a free port");
        assert_one_sentence(run(&centre, &["run"]), &[&address, "UDP", "in use", "listen"]);
    }
    let _taken = TcpListener::bind(centre.address).expect("a free port");
    assert_one_sentence(run(&centre, &["run"]), &[&address, "TCP", "in use", "listen"]);
}

#[test]
fn an_unwritable_recordings_folder_is_one_sentence() {
    // Root may write anywhere, so a file stands in the way.
    let centre = Centre::new("unwritable");
    fs::write(centre.recordings(), "not a folder").expect("our own folder");
    let folder = centre.recordings().display().to_string();
    assert_one_sentence(run(&centre, &["run"]), &["recordings cannot be written to", &folder, "make it writable"]);
}

#[test]
fn an_unwritable_journal_is_one_sentence() {
    let centre = Centre::new("no-journal");
    fs::write(centre.journal(), "not a folder").expect("our own folder");
    let folder = centre.journal().display().to_string();
    assert_one_sentence(run(&centre, &["run"]), &["journal", &folder]);
}

#[test]
fn a_conf_that_cannot_be_read_is_told_with_its_name() {
    let room = Scratch::new("no-conf");
    let mut command = Command::new(env!("CARGO_BIN_EXE_centrala"));
    command.arg("run").arg("--conf").arg(room.path().join("nowhere"));
    let (content, said) = ended(&room, command);
    assert!(!content && said.contains("nowhere") && said.contains("--conf"), "{said}");
}

#[test]
fn check_names_file_line_column_and_remedy_of_every_error() {
    let centre = Centre::new("check");
    let (content, said) = run(&centre, &["check"]);
    assert!(content, "{said}");

    centre.write("people.toml", "[ann]\nnumber = \"201\"\npasword = \"misspelt\"\n");
    centre.add("routes.toml", "\n[[route]]\nnumber = \"900\"\nto = \"person:zoe\"\n");
    let routes = fs::read_to_string(centre.conf().join("routes.toml")).expect("our own file");
    let line = routes.lines().position(|line| line.contains("person:zoe")).expect("it is there") + 1;
    for words in [["check"], ["run"]] {
        let (content, said) = run(&centre, &words);
        assert!(!content, "{said}");
        for part in ["people.toml:3:1: ", "pasword", &format!("routes.toml:{line}:6: "), "zoe"] {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
    }
}

#[test]
fn passwords_nobody_has_chosen_are_made_and_shown_once() {
    let centre = Centre::new("passwords");
    centre.write("people.toml", "[ann]\nnumber = \"201\"\n\n[bob]\n\n[cid]\npassword = \"chosen-one\"\n");
    for (time, shown) in [("first", true), ("second", false)] {
        let mut switch = centre.start();
        switch.process.terminate();
        assert!(switch.process.end_within(Duration::from_secs(8)).success());
        let said = switch.process.said();
        let told = |name: &str| said.lines().any(|line| line.split_whitespace().next() == Some(name));
        assert_eq!((told("ann"), told("bob"), told("cid")), (shown, shown, false), "{time} start: {said}");
        assert!(!said.contains("chosen-one"), "{said}");
    }
}
