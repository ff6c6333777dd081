//! One connection that is a stream of bytes, plain or encrypted: it is cut into messages here.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use sip::Flow;
use sip::wire::{Framed, Framer, Limits};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, split};
use tokio::sync::mpsc::{Receiver, Sender, WeakSender, channel};
use tokio::time::timeout;

use super::control::Arrival;
use crate::Input;

/// Messages waiting for a slow reader; the next one closes the connection.
pub(super) const UNSENT_MAX: usize = 256;
/// A connection must be ready to speak this long after it began.
pub(super) const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// A message must be whole this long after its beginning came; a new connection must say something.
pub(super) const MESSAGE_TIME: Duration = Duration::from_secs(10);
/// A connection that says nothing, not even a keep-alive, for so long is given up.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(2 * 3600);

/// Serves a connection somebody opened to us, until it is over.
pub(super) async fn serve(stream: impl AsyncRead + AsyncWrite, flow: Flow, inbox: &Sender<Arrival>) {
    let connection = flow.connection;
    let (sender, unsent) = channel(UNSENT_MAX);
    let answers = sender.downgrade();
    if inbox.send(Arrival::Connected { connection, sender }).await.is_ok() {
        run(stream, flow, inbox, answers, unsent).await;
    }
}

/// Reads and writes until the other side ends it, breaks it or is silent, or until the control thread lets go.
pub(super) async fn run(
    stream: impl AsyncRead + AsyncWrite,
    flow: Flow,
    inbox: &Sender<Arrival>,
    answers: WeakSender<Bytes>,
    unsent: Receiver<Bytes>,
) {
    let (reader, writer) = split(stream);
    both(read(reader, flow, inbox, &answers), write(writer, unsent), flow.connection, inbox).await;
}

/// Lets the two halves of a connection go on until one ends.
pub(super) async fn both(
    reading: impl Future<Output = ()>,
    writing: impl Future<Output = ()>,
    connection: u64,
    inbox: &Sender<Arrival>,
) {
    let mut writing = pin!(writing);
    let all_written = tokio::select! {
        () = reading => false,
        () = &mut writing => true,
    };
    // The control thread lets go when it hears of it; what is in the queue by then still goes out.
    let _ = inbox.send(Arrival::Gone { connection }).await;
    if !all_written {
        let _ = timeout(MESSAGE_TIME, writing).await;
    }
}

async fn read(mut reader: impl AsyncRead + Unpin, flow: Flow, inbox: &Sender<Arrival>, answers: &WeakSender<Bytes>) {
    let mut framer = Framer::new(Limits::default());
    let mut patience = MESSAGE_TIME;
    loop {
        if !framer.is_waiting() {
            match timeout(patience, read_some(&mut reader, &mut framer)).await {
                Ok(Ok(1..)) => patience = IDLE_TIME,
                _ => return, // closed, broken, or silent
            }
        }
        // However slowly it drips, a message is whole in time or never.
        let Ok(read) = timeout(MESSAGE_TIME, until_whole(&mut reader, &mut framer)).await else { return };
        match read {
            Some(Framed::Message(bytes)) => {
                let input = Input::Sip(sip::Input::Received { flow, bytes });
                if inbox.send(Arrival::Input(input)).await.is_err() {
                    return;
                }
            }
            Some(Framed::Ping) => answer(answers, Bytes::from_static(b"\r\n")), // RFC 5626 §3.5.1
            Some(Framed::Broken(refusal)) => {
                if let Some(response) = refusal.response {
                    answer(answers, response.to_bytes());
                }
                return;
            }
            None if framer.is_waiting() => return, // it ended in the middle of a message
            None => {}
        }
    }
}

/// Reads on until there is a whole thing, or only blank lines, or the end.
async fn until_whole(reader: &mut (impl AsyncRead + Unpin), framer: &mut Framer) -> Option<Framed> {
    loop {
        let framed = framer.next();
        if framed.is_some() || !framer.is_waiting() {
            return framed;
        }
        match read_some(reader, framer).await {
            Ok(1..) => {}
            _ => return None,
        }
    }
}

thread_local! {
    /// One for all connections: whoever waits needs none.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 65_536]);
}

async fn read_some(reader: &mut (impl AsyncRead + Unpin), framer: &mut Framer) -> io::Result<usize> {
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut bytes = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *reader).poll_read(context, &mut bytes))?;
            framer.push(bytes.filled());
            Poll::Ready(Ok(bytes.filled().len()))
        })
    })
    .await
}

/// An answer that needs no thought. One who does not read gets none.
pub(super) fn answer(answers: &WeakSender<Bytes>, bytes: Bytes) {
    if let Some(sender) = answers.upgrade() {
        let _ = sender.try_send(bytes);
    }
}

async fn write(mut writer: impl AsyncWrite + Unpin, mut unsent: Receiver<Bytes>) {
    while let Some(bytes) = unsent.recv().await {
        // One who does not read holds up nobody: his queue fills, and he is closed.
        let written = timeout(MESSAGE_TIME, async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        });
        match written.await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
    let _ = timeout(MESSAGE_TIME, writer.shutdown()).await;
}
