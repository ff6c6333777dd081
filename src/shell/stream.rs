//! SIP over TCP: connections are cut into messages here; what is in them is none of this file's business.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use sip::wire::{Framed, Framer, Limits};
use sip::{Flow, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::Addresses;
use super::control::Arrival;
use crate::Input;

/// A bound socket that takes connections.
pub(super) struct StreamListener {
    pub(super) address: SocketAddr,
    listener: TcpListener,
}

/// Messages waiting for a slow reader; the next one closes the connection.
const UNSENT_MAX: usize = 256;
/// Connections at once; more are closed as they come.
const CONNECTIONS_MAX: usize = 20_000;
/// A message must be whole this long after its beginning came; a new connection must say something.
const MESSAGE_TIME: Duration = Duration::from_secs(10);
/// A connection that says nothing, not even a keep-alive, for so long is given up.
const IDLE_TIME: Duration = Duration::from_secs(2 * 3600);

impl StreamListener {
    pub(super) fn bind(address: SocketAddr) -> io::Result<StreamListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?; // a restart need not wait for the old connections' last packets
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(1024)?;
        let listener = TcpListener::from_std(socket.into())?;
        Ok(StreamListener { address: listener.local_addr()?, listener })
    }

    /// Takes connections until the switch is gone.
    pub(super) async fn accept(self, addresses: Rc<Addresses>, connections: Rc<Connections>, inbox: Sender<Arrival>) {
        while !inbox.is_closed() {
            match self.listener.accept().await {
                Ok((stream, remote)) => {
                    let Some(connection) = connections.open() else { continue };
                    let local = addresses.seen_by(self.address, remote);
                    let flow = Flow { transport: Transport::Tcp, local, remote, connection };
                    let (connections, inbox) = (connections.clone(), inbox.clone());
                    spawn_local(async move {
                        serve(stream, flow, inbox).await;
                        connections.close();
                    });
                }
                // Out of descriptors, most likely: those we have still work.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

/// Numbers connections and counts the open ones.
#[derive(Default)]
pub(super) struct Connections {
    last: Cell<u64>,
    open: Cell<usize>,
}

impl Connections {
    fn open(&self) -> Option<u64> {
        if self.open.get() >= CONNECTIONS_MAX {
            return None;
        }
        self.open.set(self.open.get() + 1);
        self.last.set(self.last.get() + 1); // 0 means none
        Some(self.last.get())
    }

    fn close(&self) {
        self.open.set(self.open.get() - 1);
    }
}

/// One connection, from its first to its last byte.
async fn serve(stream: TcpStream, flow: Flow, inbox: Sender<Arrival>) {
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (sender, unsent) = channel(UNSENT_MAX);
    let writing = spawn_local(write(writer, unsent));
    let connected = Arrival::Connected { connection: flow.connection, sender: sender.clone() };
    if inbox.send(connected).await.is_ok() {
        read(reader, flow, &inbox, &sender).await;
        let _ = inbox.send(Arrival::Gone { connection: flow.connection }).await;
    }
    drop(sender); // the writer ends when the control thread has let go too
    let _ = timeout(MESSAGE_TIME, writing).await;
}

async fn read(mut reader: OwnedReadHalf, flow: Flow, inbox: &Sender<Arrival>, answers: &Sender<Bytes>) {
    let mut framer = Framer::new(Limits::default());
    let mut bytes = vec![0; 16_384];
    let mut said_something = false;
    loop {
        let patience = if framer.is_waiting() || !said_something { MESSAGE_TIME } else { IDLE_TIME };
        let length = match timeout(patience, reader.read(&mut bytes)).await {
            Ok(Ok(length @ 1..)) => length,
            _ => return, // closed, broken, or too slow
        };
        said_something = true;
        framer.push(&bytes[..length]);
        while let Some(framed) = framer.next() {
            let goes_on = match framed {
                Framed::Message(bytes) => {
                    let input = Input::Sip(sip::Input::Received { flow, bytes });
                    inbox.send(Arrival::Input(input)).await.is_ok()
                }
                Framed::Ping => answers.try_send(Bytes::from_static(b"\r\n")).is_ok(), // RFC 5626 §3.5.1
                Framed::Broken(refusal) => {
                    if let Some(response) = refusal.response {
                        let _ = answers.try_send(response.to_bytes());
                    }
                    false
                }
            };
            if !goes_on {
                return;
            }
        }
    }
}

async fn write(mut writer: OwnedWriteHalf, mut unsent: Receiver<Bytes>) {
    while let Some(bytes) = unsent.recv().await {
        // One who does not read holds up nobody: his queue fills, and he is closed.
        match timeout(MESSAGE_TIME, writer.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}
