//! Ports no one uses, and a look at who listens.
//!
//! They come from below the range the system gives out by itself (32768 and up), so nobody's outgoing socket takes
//! one between our look and its use; within this process no port is handed out twice.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::Mutex;
use std::{fs, process};

const FIRST: u16 = 20_000;
const LAST: u16 = 31_900;

/// The first of `count` neighbouring ports, even, all free for UDP and for TCP.
pub fn block(count: u16) -> u16 {
    // Suites that run at the same time start their search at different places.
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().expect("no test fails while it searches");
    let mut first = next.unwrap_or(FIRST + (process::id() % 100) as u16 * 100);
    for _ in 0..20_000 {
        if first > LAST - count {
            first = FIRST;
        }
        if (first..first + count).all(is_free) {
            *next = Some(first + count + count % 2);
            return first;
        }
        first += 2;
    }
    panic!("no {count} neighbouring ports are free between {FIRST} and {LAST}");
}

fn is_free(port: u16) -> bool {
    let anywhere = (Ipv4Addr::UNSPECIFIED, port);
    UdpSocket::bind(anywhere).is_ok() && TcpListener::bind(anywhere).is_ok()
}

/// Does someone listen on this UDP port? Asked of the kernel's list, as an attempt to bind might be in the way.
pub fn is_udp_taken(port: u16) -> bool {
    ["/proc/net/udp", "/proc/net/udp6"].iter().any(|list| is_listed(list, port, ""))
}

/// Does someone listen on this TCP port?
pub fn is_tcp_taken(port: u16) -> bool {
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|list| is_listed(list, port, LISTENS))
}

/// The kernel's word for a TCP socket that listens.
const LISTENS: &str = "0A";

fn is_listed(list: &str, port: u16, state: &str) -> bool {
    let list = fs::read_to_string(list).unwrap_or_default(); // one of IPv6 where there is IPv6
    let ending = format!(":{port:04X}");
    list.lines().skip(1).any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (local, is) = (columns.next(), columns.nth(1));
        local.is_some_and(|local| local.ends_with(&ending)) && is.is_some_and(|is| is.starts_with(state))
    })
}
