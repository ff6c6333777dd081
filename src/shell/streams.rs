//! SIP over connections: a thread of their own takes them, opens them and keeps them, so that a storm of handshakes
//! holds up no call.
//!
//! Where it stands: the control thread holds [`Streams`] and sends by it; what arrives goes into its one inbox. Whose
//! message belongs to whom is none of this file's business.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use locate::Target;
use sip::{Flow, Place, Transport, of_network};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::callers::Asking;
use super::control::Arrival;
use super::stream::{self, HANDSHAKE_TIME, UNSENT_MAX};
use super::tls::{Carriers, Certificate, Greeting};
use super::{Addresses, web_socket};
use crate::Input;
use crate::conf::ConnectionLimits;

/// Connections being opened by us at once; what waits behind fails, as if the other side did not answer.
const OPENING_MAX: usize = 256;
/// So many are remembered to whom we opened connections.
const REOPENED_MAX: usize = 10_000;
/// Who takes no connection in that time does not take calls either.
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// How long last words may take when the switch ends.
const GOODBYE_TIME: Duration = Duration::from_secs(1);

/// A bound socket that takes connections.
pub(super) struct StreamListener {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
    listener: StdListener,
    /// Who comes here shows a certificate.
    asks: bool,
}

impl StreamListener {
    pub(super) fn bind(transport: Transport, address: SocketAddr) -> io::Result<StreamListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?; // a restart need not wait for the old connections' last packets
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(1024)?;
        let listener: StdListener = socket.into();
        Ok(StreamListener { transport, address: listener.local_addr()?, listener, asks: false })
    }

    /// Asks everybody for a certificate.
    pub(super) fn asking(self) -> StreamListener {
        StreamListener { asks: true, ..self }
    }
}

/// The control thread's hold on all connections.
pub(super) struct Streams {
    open: HashMap<u64, Sender<Bytes>>,
    /// Those we opened, to be used again.
    opened: HashMap<(Transport, SocketAddr), u64>,
    /// To whom we opened plain ones: their dialogs go on by a new one where the old is gone.
    reopened: HashSet<SocketAddr>,
    carriers: Carriers,
    asking: Arc<Asking>,
    openings: Sender<Opening>,
    numbers: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

/// A connection to be opened, and what is to be sent on it.
struct Opening {
    transport: Transport,
    remote: SocketAddr,
    connection: u64,
    sender: Sender<Bytes>,
    unsent: Receiver<Bytes>,
    tls: Option<Greeting>,
}

/// A message did not go out.
pub(super) struct Unsent;

impl Streams {
    pub(super) fn start(
        listeners: Vec<StreamListener>,
        certificate: Option<Arc<Certificate>>,
        mut carriers: Carriers,
        limits: ConnectionLimits,
        addresses: Addresses,
        inbox: Sender<Arrival>,
    ) -> io::Result<Streams> {
        let (openings, wanted) = channel(OPENING_MAX);
        let numbers = Arc::new(AtomicU64::new(1)); // 0 means none
        let counter = numbers.clone();
        let asking = Asking::new(std::mem::take(&mut carriers.callers));
        let asks = asking.clone();
        let thread = thread::Builder::new().name("streams".to_owned()).spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return }; // what it takes was there a moment ago, for the control thread
            let house = House {
                addresses,
                inbox,
                numbers: counter,
                asking: asks,
                seats: Rc::new(Seats { limits, taken: Cell::new(0), by_source: RefCell::default() }),
            };
            LocalSet::new().block_on(&runtime, Rc::new(house).keep(listeners, certificate, wanted));
        })?;
        let (open, opened, reopened) = (HashMap::new(), HashMap::new(), HashSet::new());
        Ok(Streams { open, opened, reopened, carriers, asking, openings, numbers, thread })
    }

    /// Other trunks, from a new conf. Connections that stand are left alone.
    pub(super) fn reload(&mut self, mut carriers: Carriers) {
        self.asking.reload(std::mem::take(&mut carriers.callers));
        self.carriers = carriers;
    }

    /// A trunk has opened this connection, and wants it used both ways: it is, where we would greet just that trunk.
    pub(super) fn reuse(&mut self, connection: u64, trunk: &str, remote: SocketAddr) {
        let is_there = self.carriers.greeting(remote).is_some_and(|greeting| *greeting.trunk == *trunk);
        if is_there && self.open.contains_key(&connection) {
            self.opened.entry((Transport::Tls, remote)).or_insert(connection);
        }
    }

    /// A connection is gone. Where we used it as if we had opened it: what was asked there is not answered any more.
    pub(super) fn gone(&mut self, connection: u64) -> Vec<(Transport, SocketAddr)> {
        let ways = self.opened.iter().filter(|(_, opened)| **opened == connection).map(|(way, _)| *way).collect();
        self.close(connection);
        ways
    }

    /// A trunk's name leads there now.
    pub(super) fn reach(&mut self, place: &Place, targets: &[Target]) {
        self.carriers.reach(place, targets);
    }

    pub(super) fn connected(&mut self, connection: u64, sender: Sender<Bytes>) {
        self.open.insert(connection, sender);
    }

    /// The connection ends once everything sent on it is out.
    pub(super) fn close(&mut self, connection: u64) {
        self.open.remove(&connection);
        self.opened.retain(|_, opened| *opened != connection);
    }

    /// Sends on the flow's own connection. Where it has none, or a trunk's is gone: on one we opened there or open now.
    pub(super) fn send(&mut self, flow: Flow, bytes: Bytes) -> Result<(), Unsent> {
        let connection = match flow.connection {
            own if self.open.contains_key(&own) => own,
            own => self.towards(flow.transport, flow.remote, own == 0)?,
        };
        match self.open.get(&connection).ok_or(Unsent)?.try_send(bytes) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {
                self.close(connection); // it does not read; its writer ends
                Err(Unsent)
            }
        }
    }

    /// A connection there. One is opened for who has none yet; one that a phone had is the phone's to open again.
    fn towards(&mut self, transport: Transport, remote: SocketAddr, opens: bool) -> Result<u64, Unsent> {
        if let Some(opened) = self.opened.get(&(transport, remote)) {
            return Ok(*opened);
        }
        let tls = match transport {
            Transport::Tls => Some(self.carriers.greeting(remote).ok_or(Unsent)?),
            Transport::Tcp if opens || self.reopened.contains(&remote) => None,
            _ => return Err(Unsent),
        };
        if transport == Transport::Tcp {
            if self.reopened.len() >= REOPENED_MAX {
                self.reopened.clear();
            }
            self.reopened.insert(remote);
        }
        let connection = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (sender, unsent) = channel(UNSENT_MAX);
        let opening = Opening { transport, remote, connection, sender: sender.clone(), unsent, tls };
        self.openings.try_send(opening).map_err(|_| Unsent)?;
        self.open.insert(connection, sender);
        self.opened.insert((transport, remote), connection);
        Ok(connection)
    }

    /// Lets last words out, and ends all connections.
    pub(super) fn stop(self) {
        let Streams { open, openings, thread, .. } = self;
        drop((open, openings));
        let _ = thread.join();
    }
}

/// What the thread of the connections has.
struct House {
    addresses: Addresses,
    inbox: Sender<Arrival>,
    numbers: Arc<AtomicU64>,
    asking: Arc<Asking>,
    seats: Rc<Seats>,
}

impl House {
    /// Takes and opens connections until the control thread has let go.
    async fn keep(
        self: Rc<Self>,
        listeners: Vec<StreamListener>,
        certificate: Option<Arc<Certificate>>,
        mut wanted: Receiver<Opening>,
    ) {
        for listener in listeners {
            let own = certificate.as_ref().filter(|_| matches!(listener.transport, Transport::Tls | Transport::Wss));
            let tls = own.map(|own| if listener.asks { self.asking.acceptor(own) } else { own.acceptor() });
            spawn_local(self.clone().accept(listener, tls));
        }
        if let Some(certificate) = certificate {
            spawn_local(certificate.watch());
        }
        while let Some(opening) = wanted.recv().await {
            spawn_local(self.clone().open(opening));
        }
        let all_ended = async {
            while self.seats.taken.get() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = timeout(GOODBYE_TIME, all_ended).await;
    }

    async fn accept(self: Rc<Self>, listener: StreamListener, tls: Option<TlsAcceptor>) {
        let StreamListener { transport, address, listener, .. } = listener;
        let Ok(listener) = TcpListener::from_std(listener) else { return }; // it was made for this
        while !self.inbox.is_closed() {
            match listener.accept().await {
                Ok((stream, remote)) => {
                    let Some(seat) = self.seats.take(remote.ip()) else { continue };
                    let (house, tls) = (self.clone(), tls.clone());
                    spawn_local(async move {
                        house.greet(stream, transport, address, remote, tls).await;
                        drop(seat);
                    });
                }
                // Out of descriptors, most likely: those we have still work.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// From the handshake to the last byte of a connection others opened.
    async fn greet(
        &self,
        stream: TcpStream,
        transport: Transport,
        address: SocketAddr,
        remote: SocketAddr,
        tls: Option<TlsAcceptor>,
    ) {
        let _ = stream.set_nodelay(true);
        let connection = self.numbers.fetch_add(1, Ordering::Relaxed);
        let own = stream.local_addr().map_or(address, |own| SocketAddr::new(own.ip(), address.port()));
        let flow = Flow { transport, local: self.addresses.seen_by(own, remote), remote, connection };
        match tls {
            Some(tls) => {
                let stream = match timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
                    Ok(Ok(stream)) => stream,
                    Ok(Err(why)) => return debug!(%remote, "no TLS with who calls: {why}"),
                    Err(_) => return,
                };
                let shown = stream.get_ref().1.peer_certificates();
                if let Some(trunk) = shown.and_then(|shown| self.asking.proven(shown)) {
                    self.proves(connection, trunk).await;
                }
                self.serve(stream, flow).await;
            }
            None => self.serve(stream, flow).await,
        }
    }

    async fn proves(&self, connection: u64, trunk: String) {
        let _ = self.inbox.send(Arrival::Input(Input::Sip(sip::Input::Proven { connection, trunk }))).await;
    }

    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin, flow: Flow) {
        match flow.transport {
            Transport::Ws | Transport::Wss => web_socket::serve(stream, flow, &self.inbox).await,
            _ => stream::serve(stream, flow, &self.inbox).await,
        }
    }

    /// From the first to the last byte of a connection we open.
    async fn open(self: Rc<Self>, opening: Opening) {
        let Opening { transport, remote, connection, sender, unsent, tls } = opening;
        let _seat = self.seats.take_one_of_ours();
        match timeout(CONNECT_TIME, TcpStream::connect(remote)).await {
            Ok(Ok(stream)) => {
                let usual = self.addresses.towards(transport, remote);
                let own = stream.local_addr().map_or(usual, |own| SocketAddr::new(own.ip(), usual.port()));
                let flow = Flow { transport, local: self.addresses.seen_by(own, remote), remote, connection };
                let _ = stream.set_nodelay(true);
                let (inbox, answers) = (&self.inbox, sender.downgrade());
                drop(sender);
                match (transport, tls) {
                    (Transport::Tls, Some(Greeting { connector, name, trunk })) => {
                        match timeout(HANDSHAKE_TIME, connector.connect(name, stream)).await {
                            Ok(Ok(stream)) => {
                                self.proves(connection, trunk.to_string()).await;
                                stream::run(stream, flow, inbox, answers, unsent).await;
                            }
                            Ok(Err(why)) => warn!(%remote, "no TLS with a trunk: {why}"),
                            Err(_) => warn!(%remote, "no TLS with a trunk: it does not answer"),
                        }
                    }
                    (Transport::Tcp, _) => stream::run(stream, flow, inbox, answers, unsent).await,
                    _ => {} // to a trunk by UDP none is opened
                }
            }
            Ok(Err(why)) => warn!(%remote, "no connection to a trunk: {why}"),
            Err(_) => warn!(%remote, "no connection to a trunk: it does not answer"),
        }
        let _ = self.inbox.send(Arrival::Gone { connection }).await;
        // What was asked there before the connection had a number is not answered any more.
        let _ = self.inbox.send(Arrival::Input(Input::Sip(sip::Input::Unreachable { transport, remote }))).await;
    }
}

/// Who has how many connections.
struct Seats {
    limits: ConnectionLimits,
    taken: Cell<usize>,
    by_source: RefCell<HashMap<IpAddr, usize>>,
}

/// A connection's place; free again when this is dropped.
struct Seat {
    seats: Rc<Seats>,
    source: Option<IpAddr>,
}

impl Seats {
    /// `None`: there are too many, or too many from there.
    fn take(self: &Rc<Seats>, source: IpAddr) -> Option<Seat> {
        let source = of_network(source);
        let mut by_source = self.by_source.borrow_mut();
        let own = by_source.get(&source).copied().unwrap_or(0);
        if self.taken.get() >= self.limits.all_max || own >= self.limits.per_source_max {
            return None;
        }
        by_source.insert(source, own + 1);
        self.taken.set(self.taken.get() + 1);
        Some(Seat { seats: self.clone(), source: Some(source) })
    }

    fn take_one_of_ours(self: &Rc<Seats>) -> Seat {
        self.taken.set(self.taken.get() + 1);
        Seat { seats: self.clone(), source: None }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.set(self.seats.taken.get() - 1);
        let Some(source) = self.source else { return };
        let mut by_source = self.seats.by_source.borrow_mut();
        if let Some(own) = by_source.get_mut(&source) {
            *own -= 1;
            if *own == 0 {
                by_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_cannot_take_all_seats() {
        let limits = ConnectionLimits { all_max: 3, per_source_max: 2 };
        let seats = Rc::new(Seats { limits, taken: Cell::new(0), by_source: RefCell::default() });
        let [here, there, elsewhere] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|ip| ip.parse().expect("an IP"));
        let first = seats.take(here).expect("a seat");
        let _second = seats.take(here).expect("a seat");
        assert!(seats.take(here).is_none(), "he has two");
        let _third = seats.take(there).expect("a seat");
        assert!(seats.take(elsewhere).is_none(), "there are three");
        drop(first);
        drop(seats.take(here).expect("a seat that is free again"));
        assert_eq!(seats.by_source.borrow().len(), 2);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let limits = ConnectionLimits { all_max: 9, per_source_max: 2 };
        let seats = Rc::new(Seats { limits, taken: Cell::new(0), by_source: RefCell::default() });
        let take = |ip: &str| seats.take(ip.parse().expect("an IP"));
        let [_first, _second] = ["2001:db8::1", "2001:db8::2"].map(|ip| take(ip).expect("a seat"));
        assert!(take("2001:db8::3").is_none(), "the three are of one /64");
        assert!(take("2001:db8:0:1::3").is_some());
    }
}
