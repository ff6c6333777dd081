//! The least of a SIP speaker: sends bytes, reads what comes back. Knows no transactions, on purpose: the tests that
//! use it send what no stack would.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// Something bytes go into and answers come out of, one message at a time.
pub enum Line {
    Udp(UdpSocket, SocketAddr),
    Tcp(TcpStream, Vec<u8>),
}

impl Line {
    /// A UDP line from `local` (port 0: any) to `remote`.
    pub fn udp(local: SocketAddr, remote: SocketAddr) -> Line {
        let socket = UdpSocket::bind(local).unwrap_or_else(|why| panic!("cannot bind {local}: {why}"));
        Line::Udp(socket, remote)
    }

    pub fn tcp(remote: SocketAddr) -> Line {
        let stream = TcpStream::connect(remote).unwrap_or_else(|why| panic!("cannot reach {remote} by TCP: {why}"));
        Line::Tcp(stream, Vec::new())
    }

    pub fn local(&self) -> SocketAddr {
        match self {
            Line::Udp(socket, _) => socket.local_addr(),
            Line::Tcp(stream, _) => stream.local_addr(),
        }
        .expect("a bound socket")
    }

    /// Sends as it is. A connection the other side has closed is not the sender's failure: reading will show it.
    pub fn send(&mut self, bytes: &[u8]) {
        match self {
            Line::Udp(socket, remote) => drop(socket.send_to(bytes, *remote)),
            Line::Tcp(stream, _) => drop(stream.write_all(bytes)),
        }
    }

    /// The next whole message, or nothing within `limit` (or because the connection closed).
    pub fn receive(&mut self, limit: Duration) -> Option<String> {
        let end = Instant::now() + limit;
        let mut buffer = [0; 65_536];
        loop {
            if let Line::Tcp(_, read) = self
                && let Some(length) = message_length(read)
            {
                let message: Vec<u8> = read.drain(..length).collect();
                return Some(String::from_utf8_lossy(&message).into_owned());
            }
            let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            let got = match self {
                Line::Udp(socket, _) => {
                    socket.set_read_timeout(Some(left)).expect("a time above zero");
                    socket.recv(&mut buffer)
                }
                Line::Tcp(stream, _) => {
                    stream.set_read_timeout(Some(left)).expect("a time above zero");
                    stream.read(&mut buffer)
                }
            };
            match (got, &mut *self) {
                (Ok(length), Line::Udp(..)) => return Some(String::from_utf8_lossy(&buffer[..length]).into_owned()),
                (Ok(0), Line::Tcp(..)) => return None,
                (Ok(length), Line::Tcp(_, read)) => read.extend_from_slice(&buffer[..length]),
                (Err(why), _) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                // UDP: "refused" tells of an earlier datagram. TCP: reset, as good as closed.
                (Err(_), Line::Udp(..)) => {}
                (Err(_), Line::Tcp(..)) => return None,
            }
        }
    }

    /// Sends an OPTIONS of our own and tells whether it was answered with 200 in time.
    pub fn is_answered(&mut self, limit: Duration) -> bool {
        let probe = Probe::new(self);
        self.send(probe.request.as_bytes());
        let end = Instant::now() + limit;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let Some(message) = self.receive(left) else { return false };
            if probe.is_answered_by(&message) {
                return status(&message) == Some(200);
            }
        }
        false
    }
}

/// An OPTIONS nobody has anything against (RFC 3261 §11.1), known again by its Call-ID.
pub struct Probe {
    pub request: String,
    call_id: String,
}

impl Probe {
    pub fn new(line: &Line) -> Probe {
        let (transport, remote) = match line {
            Line::Udp(_, remote) => ("UDP", *remote),
            Line::Tcp(stream, _) => ("TCP", stream.peer_addr().unwrap_or_else(|_| line.local())),
        };
        let local = line.local();
        let call_id = format!("probe-{transport}-{}-{}", local.port(), fresh_number());
        let request = format!(
            "OPTIONS sip:{remote} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {local};branch=z9hG4bK-{call_id};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:probe@{local}>;tag={call_id}\r\n\
             To: <sip:{remote}>\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        );
        Probe { request, call_id }
    }

    pub fn is_answered_by(&self, message: &str) -> bool {
        status(message).is_some() && message.contains(&self.call_id)
    }
}

/// The status of a response; nothing for a request.
pub fn status(message: &str) -> Option<u16> {
    message.strip_prefix("SIP/2.0 ")?.split(' ').next()?.parse().ok()
}

/// How long the first message in `read` is, once it is whole.
fn message_length(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let whole = head + length.unwrap_or(0);
    (read.len() >= whole).then_some(whole)
}

fn fresh_number() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// Any port of the loopback address of the same family.
pub fn anywhere(like: SocketAddr) -> SocketAddr {
    let address = if like.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    SocketAddr::new(address, 0)
}
