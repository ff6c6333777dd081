//! A name server of one test's own: dnsmasq, with the records the test gives it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::process::Process;
use super::{Scratch, ports, until};

/// A name server.
pub struct NameServer {
    pub address: SocketAddr,
    process: Process,
    hosts: PathBuf,
}

impl NameServer {
    /// With these lines of dnsmasq's conf, and these names with their addresses.
    pub fn start(room: &Scratch, records: &str, hosts: &[(&str, &str)]) -> NameServer {
        let address = SocketAddr::from(([127, 0, 0, 1], ports::block(2)));
        let (conf, list) = (room.path().join("dnsmasq.conf"), room.path().join("hosts"));
        let text = format!(
            "port={}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\nlocal=/example/\n\
             local-ttl=1\nneg-ttl=1\naddn-hosts={}\n{records}",
            address.port(),
            list.display()
        );
        fs::write(&conf, text).expect("a file in our own folder");
        write_hosts(&list, hosts);
        let mut command = Command::new("dnsmasq");
        command.arg("--keep-in-foreground").arg("--log-facility=-").arg(format!("--conf-file={}", conf.display()));
        let process = Process::start("dnsmasq", "dnsmasq-base", command, &room.path().join("dnsmasq.log"));
        until("a name server", Duration::from_secs(10), || ports::is_udp_taken(address.port()).then_some(()));
        NameServer { address, process, hosts: list }
    }

    /// These names have these addresses from now on.
    pub fn change(&self, hosts: &[(&str, &str)]) {
        write_hosts(&self.hosts, hosts);
        self.process.hang_up();
    }
}

fn write_hosts(list: &PathBuf, hosts: &[(&str, &str)]) {
    let lines: String = hosts.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
    fs::write(list, lines).expect("a file in our own folder");
}
