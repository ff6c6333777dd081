//! A connection for a phone that keeps none: what it says by TCP goes on by one that stands while its phone is played,
//! whichever scenario is. So a phone that has registered is called by the connection it registered on; and one that knows no
//! TLS speaks it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::sip::{Version, anywhere, connect, secure};

/// A tunnel; it ends with its owner.
pub struct Tunnel {
    /// Where the phone finds the switch.
    pub address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tunnel {
    /// From the phone at `phone`, which may be called there by TCP, to a switch: by TLS to one that shows this certificate.
    pub fn open(phone: SocketAddr, switch: SocketAddr, certificate: Option<&Path>) -> Tunnel {
        let door = TcpListener::bind(anywhere(phone)).expect("a port for the tunnel");
        door.set_nonblocking(true).expect("a socket that can");
        let address = door.local_addr().expect("a bound socket");
        let from = SocketAddr::new(phone.ip(), 0); // the switch may know its phone by that
        let far: Box<dyn Far + Send> = match certificate {
            None => Box::new(quick(connect(from, switch))),
            Some(certificate) => {
                let tls = secure(from, switch, certificate, Version::Tls13).expect("that certificate");
                tls.sock.set_nonblocking(true).expect("a socket that can");
                Box::new(tls)
            }
        };
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let thread = thread::spawn(move || {
            let mut both = Ends { phone, far, near: None };
            while !ends.load(Ordering::Relaxed) {
                if let Ok((near, _)) = door.accept() {
                    both.near = Some(quick(near));
                }
                if !both.carry() {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Tunnel { address, over, thread: Some(thread) }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The connection that stands.
trait Far: Read + Write {}

impl<T: Read + Write> Far for T {}

struct Ends {
    phone: SocketAddr,
    far: Box<dyn Far + Send>,
    near: Option<TcpStream>,
}

impl Ends {
    /// Carries what there is. False: there was nothing.
    fn carry(&mut self) -> bool {
        let mut bytes = [0; 16_384];
        let said = match self.near.as_mut().map(|near| near.read(&mut bytes)) {
            Some(Ok(0)) => {
                self.near = None;
                0
            }
            Some(Ok(length)) => length,
            Some(Err(why)) if why.kind() == ErrorKind::WouldBlock => 0,
            Some(Err(_)) => {
                self.near = None;
                0
            }
            None => 0,
        };
        if said > 0 {
            // What it cannot take at once waits in its own buffer: messages are small beside that.
            let _ = self.far.write_all(&bytes[..said]).and_then(|()| self.far.flush());
        }
        let heard = self.far.read(&mut bytes).unwrap_or(0);
        if heard > 0 {
            let near = self.near.get_or_insert_with(|| {
                let near = TcpStream::connect(self.phone);
                quick(near.unwrap_or_else(|why| panic!("nobody waits for a call at {}: {why}", self.phone)))
            });
            let _ = near.write_all(&bytes[..heard]);
        }
        said + heard > 0
    }
}

fn quick(stream: TcpStream) -> TcpStream {
    stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).expect("a socket that can");
    stream
}
