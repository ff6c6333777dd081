//! A message left by one real phone is heard by another, is listed, survives a restart, and is gone when it was erased.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use crate::harness::phone::Phone;
use crate::harness::smtp::MailServer;
use crate::harness::sound;
use crate::harness::switch::Centre;
use crate::harness::{files_below, until};

const ANN_HZ: u32 = 700;
const BOB_HZ: u32 = 1_900;
const A_WHILE: Duration = Duration::from_secs(15);

fn listed(centre: &Centre) -> String {
    let output = centre.program(&["voicemail", "list"]).output().expect("our own program");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_message_is_left_heard_and_erased() {
    let centre = Centre::new("voicemail");
    let routes =
        "\n[[route]]\nnumber = \"150\"\nto = \"voicemail:ann\"\n\n[[route]]\nnumber = \"*97\"\nto = \"mailbox\"\n";
    centre.add("routes.toml", routes);
    let mut switch = centre.start();
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    bob.dial(&format!("sip:150@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(4));
    bob.hang_up();
    let line = until("a message that is listed", A_WHILE, || Some(listed(&centre)).filter(|list| list.contains("ann")));
    for part in ["new", "bob", "voicemail/ann/"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }

    switch.process.terminate();
    switch.process.end_within(A_WHILE);
    let switch = centre.start();
    let mut ann = Phone::start(&centre.room, "ann", ANN_HZ, switch.address, "udp");
    ann.dial(&format!("sip:*97@{}", switch.address));
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(3));
    ann.press('3');
    ann.wait_for("CALL_CLOSED", A_WHILE);
    ann.heard().assert_only("Ann's ear", BOB_HZ, ANN_HZ);
    until("a message that is gone", A_WHILE, || {
        let sounds = files_below(&centre.recordings().join("voicemail"), ".wav");
        (sounds.is_empty() && !listed(&centre).contains("ann")).then_some(())
    });
    let verify = centre.program(&["recordings", "verify"]).output().expect("our own program");
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stdout));
}

#[test]
fn a_message_is_sent_by_mail_with_what_was_understood_of_it_and_again_when_the_server_is_busy() {
    let centre = Centre::new("voicemail-mail");
    let mail = MailServer::start();
    let program = centre.room.path().join("understand.sh");
    fs::write(&program, "#!/bin/sh\ntest -s \"$2\" && echo \"call me back, Ž. ($1)\"\n").expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program of our own");
    centre.write(
        "voicemail.toml",
        &format!(
            "silence_secs = 2\ntranscript = [{program:?}, \"hr\"]\n[mail]\nserver = \"{}\"\ntls = \"none\"\n\
             from = \"Centrala <voicemail@example.com>\"\n[person.ann]\nemail = \"ann@example.com\"\n",
            mail.address
        ),
    );
    centre.add("routes.toml", "\n[[route]]\nnumber = \"150\"\nto = \"voicemail:ann\"\n");
    let switch = centre.start();
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    bob.dial(&format!("sip:150@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(4));
    bob.mute();
    bob.wait_for("CALL_CLOSED", A_WHILE); // nobody speaks any more
    assert_eq!(switch.cdr()["ended_by"], "switch");
    let letter = mail.letter(A_WHILE);
    assert_eq!(letter.to, "ann@example.com");
    for part in ["From: Centrala <voicemail@example.com>", "Subject: Message from Bob, ", "call me back"] {
        assert!(letter.text.contains(part), "{part} is not in {}", letter.text);
    }
    let sound = centre.room.path().join("letter.wav");
    fs::write(&sound, letter.sound()).expect("a file of our own");
    let side = sound::read(&sound).remove(0);
    assert!(side.level(BOB_HZ) > -18.0, "what is attached is not what Bob said: {}", side.level(BOB_HZ));
    let sidecar = files_below(&centre.recordings().join("voicemail"), ".json").remove(0);
    let sidecar: serde_json::Value = serde_json::from_slice(&fs::read(sidecar).expect("a sidecar")).expect("JSON");
    assert_eq!(sidecar["transcript"], "call me back, Ž. (hr)");
}

#[test]
fn a_message_that_a_killed_switch_cut_off_is_in_the_mailbox() {
    let centre = Centre::new("voicemail-killed");
    centre.add("routes.toml", "\n[[route]]\nnumber = \"150\"\nto = \"voicemail:ann\"\n");
    let mut switch = centre.start();
    let mut bob = Phone::start(&centre.room, "bob", BOB_HZ, switch.address, "udp");
    bob.dial(&format!("sip:150@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(4));
    switch.process.kill();
    let _switch = centre.start();
    let line = until("a message that is listed", A_WHILE, || Some(listed(&centre)).filter(|list| list.contains("ann")));
    for part in ["new", "bob", "voicemail/ann/"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}
