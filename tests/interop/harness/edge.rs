//! A proxy before the switch, kamailio: it passes on what phones say, keeps their flows (RFC 5626) and stays in their dialogs.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::Process;
use super::{Scratch, ports, until};

/// A running proxy.
pub struct Edge {
    process: Process,
    /// Where phones speak to it.
    pub address: SocketAddr,
}

impl Edge {
    /// Starts one before that switch, which it reaches by `transport` (`udp` or `tcp`). What it takes for its own is
    /// 127.0.0.3.
    pub fn start(room: &Scratch, switch: SocketAddr, transport: &str) -> Edge {
        let folder = room.folder("edge");
        let address = SocketAddr::new(IpAddr::from([127, 0, 0, 3]), ports::block(2));
        let routes = include_str!("edge.cfg")
            .replace("SWITCH_IP", &switch.ip().to_string())
            .replace("SWITCH_PORT", &switch.port().to_string());
        let routes = routes.replace("SWITCH", &format!("{switch};transport={transport}"));
        let conf = format!(
            "#!KAMAILIO\nlisten=udp:{address}\nlisten=tcp:{address}\nmpath=\"{}\"\n{routes}",
            modules().display()
        );
        let file = folder.join("kamailio.cfg");
        fs::write(&file, conf).expect("a file in our own folder");
        let mut kamailio = Command::new("kamailio");
        kamailio.arg("-f").arg(&file).args(["-DD", "-E", "-m", "32", "-M", "4", "-w"]).arg(&folder);
        kamailio.arg("-Y").arg(&folder).arg("-P").arg(folder.join("pid"));
        let mut process = Process::start("edge", "kamailio", kamailio, &folder.join("kamailio.log"));
        until("a proxy that listens", Duration::from_secs(10), || {
            assert!(process.ended().is_none(), "the proxy ended at once");
            ports::is_udp_taken(address.port()).then_some(())
        });
        Edge { process, address }
    }

    /// Everything it said so far.
    pub fn said(&self) -> String {
        self.process.said()
    }
}

fn modules() -> PathBuf {
    let lib = Path::new("/usr/lib");
    let places = [lib.to_owned(), lib.join(format!("{}-linux-gnu", std::env::consts::ARCH))];
    let found = places.into_iter().map(|place| place.join("kamailio/modules")).find(|place| place.exists());
    found.unwrap_or_else(|| panic!("no modules of kamailio; they come with kamailio and kamailio-outbound-modules"))
}
