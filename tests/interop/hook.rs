//! A command after each recording: repeated until it has done its work, over `kill -9` of the switch, beside the calls.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::harness::phone::Phone;
use crate::harness::switch::{Centre, Switch};
use crate::harness::{files_below, until};

const A_WHILE: Duration = Duration::from_secs(20);

fn call(centre: &Centre, switch: &Switch) {
    let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
    let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
    ann.dial(&format!("sip:202@{}", switch.address));
    bob.wait_for("CALL_ESTABLISHED", A_WHILE);
    ann.wait_for("CALL_ESTABLISHED", A_WHILE);
    thread::sleep(Duration::from_secs(1));
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn a_hook_is_repeated_until_it_succeeds_whatever_happens_to_the_switch() {
    for (format, act, ending) in [("wav", "closed", ".wav"), ("opus", "encoded", ".opus")] {
        let centre = Centre::new("hook");
        let room = centre.room.path();
        let there = centre.room.folder("there");
        let script = room.join("after.sh");
        // What fails is loud; what hangs is ended with all it has begun.
        let text = format!(
            "#!/bin/sh\ncd {room:?}\necho \"$CENTRALA_ACT $CENTRALA_FILE $1\" >> tried\n\
             [ -e ready ] || exit 1\n[ -e hung ] || {{ touch hung; sleep 1000; }}\n\
             echo \"$CENTRALA_SHA256  $(basename \"$CENTRALA_FILE\")\" >> there/sums\n\
             cp \"$CENTRALA_SIDECAR\" \"$CENTRALA_FILE\" there && echo \"$CENTRALA_FILE\" >> told\n"
        );
        fs::write(&script, text).expect("our own folder");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("our own file");
        let hook = format!("[recording]\nformat = \"{format}\"\nhook = [{script:?}, \"a word\"]\nhook_secs_max = 1");
        centre.replace("switch.toml", "[recording]", &hook);
        let mut switch = centre.start();
        call(&centre, &switch);
        let tried = until("a hook that fails", A_WHILE, || lines(&room.join("tried")).pop());
        assert!(tried.starts_with(act) && tried.ends_with(&format!("{ending} a word")), "{tried}");
        call(&centre, &switch); // it is in nobody's way
        until("both recordings tried", A_WHILE, || {
            let mut files = lines(&room.join("tried"));
            files.sort();
            files.dedup();
            (files.len() == 2).then_some(())
        });
        let log = fs::read_to_string(centre.log()).expect("a log");
        assert!(log.contains("the hook ended with exit status: 1"), "{log}");
        switch.process.kill();
        fs::write(room.join("ready"), "").expect("our own folder");
        let switch = centre.start();
        until("both recordings taken away", A_WHILE, || (lines(&room.join("told")).len() >= 2).then_some(()));
        let log = fs::read_to_string(centre.log()).expect("a log");
        assert!(log.contains("the hook took more than 1 s"), "{log}");
        let sums = Command::new("sha256sum").args(["--strict", "-c", "sums"]).current_dir(&there).output();
        let sums = sums.expect("sha256sum of coreutils");
        assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stdout));
        assert_eq!((files_below(&there, ending).len(), files_below(&there, ".json").len()), (2, 2));
        switch.process.terminate();
        assert_eq!(lines(&room.join("told")).len(), 2, "each once");
    }
}
