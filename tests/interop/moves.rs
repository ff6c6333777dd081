//! The machine gets another address while the switch runs: in a network of the test's own, which `unshare` makes.

use std::env;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use crate::harness::process::Process;
use crate::harness::switch::Centre;
use crate::harness::until;
use crate::operate::operate;

/// Says that we are in a network of our own.
const INSIDE: &str = "CENTRALA_TEST_NETWORK";
const A_WHILE: Duration = Duration::from_secs(60);
const CARRIER: &str = "203.0.113.5:5060";

/// Runs this test once more, alone, in a network of its own. False: it is there.
fn goes_inside(test: &str, room: &Centre) -> bool {
    if env::var_os(INSIDE).is_some() {
        return false;
    }
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net"]).arg(env::current_exe().expect("a test is a program"));
    command.args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let mut inside = Process::start("unshare", "util-linux", command, &room.room.path().join("inside.log"));
    let end = inside.end_within(3 * A_WHILE);
    assert!(end.success(), "{}", inside.said());
    assert!(inside.said().contains("1 passed"), "{}", inside.said());
    true
}

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).output().expect("ip comes with iproute2");
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The machine's address; a carrier sees it come from there.
fn machine_is_at(address: &str) {
    ip(&format!("address add {address}/32 dev lo"));
    ip(&format!("route replace local 203.0.113.5 dev lo table local src {address}"));
}

/// The next REGISTER, which is granted: where it says we are.
fn registers(carrier: &UdpSocket, switch_at: &str) {
    until(switch_at, A_WHILE, || {
        let mut bytes = [0; 4_096];
        let (length, from) = carrier.recv_from(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        text.starts_with("REGISTER ").then_some(())?;
        let kept = ["Via", "From", "To", "Call-ID", "CSeq", "Contact"];
        let is_kept = |line: &&str| kept.iter().any(|name| line.starts_with(&format!("{name}:")));
        let lines: String = text.lines().filter(is_kept).map(|line| format!("{line}\r\n")).collect();
        let answer = format!("SIP/2.0 200 OK\r\n{lines}Expires: 600\r\nContent-Length: 0\r\n\r\n");
        carrier.send_to(answer.as_bytes(), from).ok()?;
        let contact = text.lines().find(|line| line.starts_with("Contact:"))?;
        (contact.contains(&format!("@{switch_at}:")) && from.ip().to_string() == switch_at).then_some(())
    });
}

#[test]
fn trunks_hear_of_another_address_of_the_machine() {
    let centre = Centre::new("moves");
    if goes_inside("moves::trunks_hear_of_another_address_of_the_machine", &centre) {
        return;
    }
    ip("link set lo up");
    ip("address add 203.0.113.5/32 dev lo");
    machine_is_at("192.0.2.1");
    let carrier = UdpSocket::bind(CARRIER).expect("an address of this network");
    carrier.set_read_timeout(Some(Duration::from_secs(1))).expect("a time above zero");
    let port = centre.address.port();
    centre.replace("switch.toml", &format!("[\"{}\"]", centre.address), &format!("[\"0.0.0.0:{port}\"]"));
    centre.add(
        "trunks.toml",
        &format!(
            "[carrier]\naddress = \"{CARRIER}\"\nuser = \"centre\"\npassword = \"secret\"\n\n[carrier.register]\n"
        ),
    );
    let _switch = centre.start();
    registers(&carrier, "192.0.2.1");

    // For a while there is no way to the carrier at all, and that is noticed.
    ip("address del 192.0.2.1/32 dev lo");
    until("a switch that is nowhere", A_WHILE, || operate(&centre, &["trunks"]).1.contains("unknown").then_some(()));
    machine_is_at("192.0.2.2");
    registers(&carrier, "192.0.2.2");
}
