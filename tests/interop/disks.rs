//! Disks that are full, read-only, dead or frozen, each one that only the switch sees: what becomes of its calls.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::archive::said;
use crate::harness::phone::Phone;
use crate::harness::sound;
use crate::harness::switch::{Centre, Switch};
use crate::harness::{files_below, until};

const A_WHILE: Duration = Duration::from_secs(10);
/// Within so long the journal has it.
const SOON: Duration = Duration::from_secs(5);

/// A disk that goes wrong.
struct Disk {
    name: &'static str,
    /// Makes it.
    mount: &'static str,
    /// Harms it, before there is a call or while its recording grows.
    harm: &'static str,
    when: When,
    /// Lets it work again.
    mend: &'static str,
}

#[derive(PartialEq)]
enum When {
    /// Three seconds of sound do it.
    ByItself,
    Before,
    Within,
}

/// Two seconds of both sides have room.
const FULL: Disk =
    Disk { name: "full", mount: "mount -t tmpfs -o size=64k none $DISK", harm: "", when: When::ByItself, mend: "" };
const READ_ONLY: Disk = Disk {
    name: "read-only",
    mount: "mount -t tmpfs none $DISK",
    harm: "mount -o remount,ro $DISK",
    when: When::Before,
    mend: "mount -o remount,rw $DISK",
};
/// A file system that has shut down says EIO to whatever it is asked.
const DEAD: Disk = Disk {
    name: "dead",
    mount: EXT4,
    harm: "python3 -c 'import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack(\"I\", 2))' $DISK", // EXT4_IOC_SHUTDOWN
    when: When::Within,
    mend: "",
};
/// Who writes waits inside the system until it thaws.
const FROZEN: Disk =
    Disk { name: "frozen", mount: EXT4, harm: "fsfreeze -f $DISK", when: When::Within, mend: "fsfreeze -u $DISK" };
const EXT4: &str = "truncate -s 16M disk && mkfs.ext4 -q -F disk && mount -o loop disk $DISK";

impl Disk {
    /// A centre on it, with a second one or not. None: this machine lets nobody mount.
    fn start(&self, policy: &str, spills: bool) -> Option<(Centre, Switch)> {
        let centre = Centre::new(self.name);
        let second = centre.room.path().join("second");
        let spill = if spills { format!("spill = {second:?}\n") } else { String::new() };
        let settings = format!("[recording]\nfloor_mb = 0\non_failure = \"{policy}\"\n{spill}");
        centre.replace("switch.toml", "[recording]", &settings);
        let switch = centre.start_with_disk(self.mount);
        if switch.is_none() {
            println!("not tried on a {} disk: mounts of one's own are not allowed here", self.name);
        }
        Some((centre, switch?))
    }

    /// A call, up to the moment its disk has gone wrong.
    fn call(&self, centre: &Centre, switch: &Switch) -> (Phone, Phone, Instant) {
        let mut ann = Phone::start(&centre.room, "ann", 700, switch.address, "udp");
        let mut bob = Phone::start(&centre.room, "bob", 1_900, switch.address, "udp");
        if self.when == When::Before {
            switch.to_its_disk(self.harm);
        }
        ann.dial(&format!("sip:202@{}", switch.address));
        bob.wait_for("CALL_ESTABLISHED", A_WHILE);
        ann.wait_for("CALL_ESTABLISHED", A_WHILE);
        let size = match self.when {
            When::ByItself => 30_000,
            When::Within => 30_000,
            When::Before => return (ann, bob, Instant::now()),
        };
        grown(&switch.its_recordings(), size);
        if self.when == When::Within {
            switch.to_its_disk(self.harm);
        }
        (ann, bob, Instant::now())
    }
}

/// Waits for a recording that grows.
fn grown(folder: &Path, size: u64) {
    until("a recording grows", A_WHILE, || {
        let parts = files_below(folder, ".wav.part");
        parts.iter().any(|part| part.metadata().is_ok_and(|part| part.len() > size)).then_some(())
    });
}

fn has_failed(centre: &Centre) -> bool {
    let tail = ["journal", "tail", "--lines", "100", "--json", "--journal"];
    let journal = centre.program(&tail).arg(centre.journal()).output();
    said(&journal.expect("this very workspace")).contains("recording-failed")
}

#[test]
fn a_call_goes_on_whatever_its_disk_does_unless_it_is_not_to() {
    for disk in [FULL, READ_ONLY, DEAD, FROZEN] {
        for policy in ["continue", "refuse"] {
            let Some((centre, switch)) = disk.start(policy, false) else { continue };
            let (mut ann, mut bob, harmed) = disk.call(&centre, &switch);
            until("the journal tells it", A_WHILE, || has_failed(&centre).then_some(()));
            assert!(harmed.elapsed() < SOON, "{}: told after {:?}", disk.name, harmed.elapsed());
            match policy {
                "continue" => ann.hang_up(),
                _ => ann.wait_for("CALL_CLOSED", A_WHILE),
            }
            bob.wait_for("CALL_CLOSED", A_WHILE); // while the disk is as it is
            let cdr = switch.cdr();
            let ended = (&cdr["ended_by"], &cdr["cause"]);
            let is_cut = ended == (&Value::from("switch"), &Value::from("cannot be recorded"));
            assert_eq!(is_cut, policy == "refuse", "{}: {cdr:#}", disk.name);
            if !disk.mend.is_empty() {
                switch.to_its_disk(disk.mend);
            }
        }
    }
}

#[test]
fn where_there_is_a_second_disk_no_sound_is_lost() {
    for disk in [FULL, READ_ONLY, DEAD] {
        let Some((centre, switch)) = disk.start("refuse", true) else { continue };
        let second = centre.room.path().join("second");
        let (mut ann, mut bob, _) = disk.call(&centre, &switch);
        grown(&second, 50_000);
        ann.hang_up();
        bob.wait_for("CALL_CLOSED", A_WHILE);
        assert!(!has_failed(&centre), "{}", disk.name);
        let wav = until("the rest on the second disk", A_WHILE, || files_below(&second, ".wav").pop());
        let rest = sound::read(&wav);
        let [caller, party] = &rest[..] else { panic!("two sides") };
        caller.assert_only("the caller's side", 700, 1_900);
        party.assert_only("the party's side", 1_900, 700);
        if disk.name == FULL.name {
            let text = fs::read(wav.with_extension("json")).expect("its sidecar");
            let told: Value = serde_json::from_slice(&text).expect("JSON");
            let first =
                until("what the full disk holds", A_WHILE, || files_below(&switch.its_recordings(), ".wav").pop());
            let read = hound::WavReader::open(first).expect("whose header is right").duration();
            let offset = told["offset_secs"].as_f64().expect("where it goes on") * 8_000.0;
            assert_eq!((&told["part"], read), (&2.into(), offset as u32), "{}: {told:#}", disk.name);
        }
    }
}

#[test]
fn what_a_frozen_disk_had_no_room_for_is_marked() {
    let Some((centre, switch)) = FROZEN.start("continue", false) else { return };
    let (mut ann, mut bob, _) = FROZEN.call(&centre, &switch);
    until("the journal tells it", A_WHILE, || has_failed(&centre).then_some(()));
    switch.to_its_disk(FROZEN.mend);
    grown(&switch.its_recordings(), 120_000);
    ann.hang_up();
    bob.wait_for("CALL_CLOSED", A_WHILE);
    let wav = until("the recording", A_WHILE, || files_below(&switch.its_recordings(), ".wav").pop());
    let all = sound::read(&wav);
    let [caller, party] = &all[..] else { panic!("two sides") };
    caller.assert_only("the caller's side, also while the disk was frozen", 700, 1_900);
    party.assert_only("the party's side, also while the disk was frozen", 1_900, 700);
}
