//! The least of a SIP speaker: sends bytes, reads what comes back. Knows no transactions, on purpose: the tests that
//! use it send what no stack would.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, version};
use socket2::{Domain, Socket, Type};

/// Something bytes go into and answers come out of, one message at a time.
pub enum Line {
    Udp(UdpSocket, SocketAddr),
    Tcp(TcpStream, Vec<u8>),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>, Vec<u8>),
}

/// The one version a client of ours speaks.
#[derive(Clone, Copy)]
pub enum Version {
    Tls12,
    Tls13,
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

    /// A TCP line from an address of this machine.
    pub fn tcp_from(local: SocketAddr, remote: SocketAddr) -> Line {
        Line::Tcp(connect(local, remote), Vec::new())
    }

    /// A TLS line to one who shows just this certificate; `None` if it shows another.
    pub fn tls(remote: SocketAddr, certificate: &Path, version: Version) -> Option<Line> {
        Line::tls_from(anywhere(remote), remote, certificate, version)
    }

    pub fn tls_from(local: SocketAddr, remote: SocketAddr, certificate: &Path, version: Version) -> Option<Line> {
        Some(Line::Tls(Box::new(secure(local, remote, certificate, version)?), Vec::new()))
    }

    /// The first `length` bytes that come, whatever they are.
    pub fn receive_bytes(&mut self, length: usize, limit: Duration) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let read = match self {
            Line::Udp(..) => panic!("a datagram has no first bytes"),
            Line::Tcp(stream, _) => {
                stream.set_read_timeout(Some(limit)).expect("a time above zero");
                stream.read_exact(&mut bytes)
            }
            Line::Tls(stream, _) => {
                stream.sock.set_read_timeout(Some(limit)).expect("a time above zero");
                stream.read_exact(&mut bytes)
            }
        };
        read.unwrap_or_else(|why| panic!("nothing came: {why}"));
        bytes
    }

    /// Does the other side close it in time, saying nothing?
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        let Line::Tcp(stream, _) = self else { panic!("only TCP is closed") };
        stream.set_read_timeout(Some(limit)).expect("a time above zero");
        match stream.read(&mut [0; 64]) {
            Ok(length) => length == 0,
            Err(why) => !matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }

    pub fn local(&self) -> SocketAddr {
        match self {
            Line::Udp(socket, _) => socket.local_addr(),
            Line::Tcp(stream, _) => stream.local_addr(),
            Line::Tls(stream, _) => stream.sock.local_addr(),
        }
        .expect("a bound socket")
    }

    /// Sends as it is. A connection the other side has closed is not the sender's failure: reading will show it.
    pub fn send(&mut self, bytes: &[u8]) {
        match self {
            Line::Udp(socket, remote) => drop(socket.send_to(bytes, *remote)),
            Line::Tcp(stream, _) => drop(stream.write_all(bytes)),
            Line::Tls(stream, _) => drop(stream.write_all(bytes).and_then(|()| stream.flush())),
        }
    }

    /// The next whole message, or nothing within `limit` (or because the connection closed).
    pub fn receive(&mut self, limit: Duration) -> Option<String> {
        let end = Instant::now() + limit;
        let mut buffer = [0; 65_536];
        loop {
            if let Line::Tcp(_, read) | Line::Tls(_, read) = self
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
                Line::Tls(stream, _) => {
                    stream.sock.set_read_timeout(Some(left)).expect("a time above zero");
                    stream.read(&mut buffer)
                }
            };
            match (got, &mut *self) {
                (Ok(length), Line::Udp(..)) => return Some(String::from_utf8_lossy(&buffer[..length]).into_owned()),
                (Ok(0), _) => return None,
                (Ok(length), Line::Tcp(_, read) | Line::Tls(_, read)) => read.extend_from_slice(&buffer[..length]),
                (Err(why), _) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return None,
                // UDP: "refused" tells of an earlier datagram. TCP: reset, as good as closed.
                (Err(_), Line::Udp(..)) => {}
                (Err(_), _) => return None,
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
            Line::Tls(stream, _) => ("TLS", stream.sock.peer_addr().unwrap_or_else(|_| line.local())),
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

/// A TCP connection from an address of this machine.
pub fn connect(local: SocketAddr, remote: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(remote), Type::STREAM, None).expect("a socket");
    let connected = socket.bind(&local.into()).and_then(|()| socket.connect(&remote.into()));
    connected.unwrap_or_else(|why| panic!("cannot reach {remote} from {local}: {why}"));
    socket.into()
}

/// The same with TLS, to one who shows just this certificate; `None` if it shows another.
pub fn secure(
    local: SocketAddr,
    remote: SocketAddr,
    certificate: &Path,
    version: Version,
) -> Option<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).ok()?).ok()?;
    let versions = match version {
        Version::Tls12 => [&version::TLS12],
        Version::Tls13 => [&version::TLS13],
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions);
    let config = builder.expect("a version we have").with_root_certificates(roots).with_no_client_auth();
    let client = ClientConnection::new(Arc::new(config), remote.ip().into()).expect("a client");
    let mut stream = StreamOwned::new(client, connect(local, remote));
    stream.conn.complete_io(&mut stream.sock).ok()?;
    Some(stream)
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
