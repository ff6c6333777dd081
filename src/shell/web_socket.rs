//! SIP over WebSocket (RFC 7118), for browsers: each WebSocket message is one SIP message.

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use sip::Flow;
use sip::wire::Limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{Receiver, Sender, WeakSender, channel};
use tokio::time::timeout;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::control::Arrival;
use super::stream::{self, HANDSHAKE_TIME, IDLE_TIME, MESSAGE_TIME, UNSENT_MAX};
use crate::Input;

/// Serves a connection a browser opened to us, from its handshake until it is over.
pub(super) async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, flow: Flow, inbox: &Sender<Arrival>) {
    let accepting = accept_hdr_async_with_config(stream, agree, Some(config()));
    let Ok(Ok(socket)) = timeout(HANDSHAKE_TIME, accepting).await else { return };
    let (writer, reader) = socket.split();
    let connection = flow.connection;
    let (sender, unsent) = channel(UNSENT_MAX);
    let answers = sender.downgrade();
    if inbox.send(Arrival::Connected { connection, sender }).await.is_ok() {
        stream::both(read(reader, flow, inbox, &answers), write(writer, unsent), connection, inbox).await;
    }
}

/// Small buffers: thousands of browsers are open, and few speak at a time.
fn config() -> WebSocketConfig {
    let message_bytes_max = Limits::default().message_bytes_max;
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * message_bytes_max)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

/// The handshake agrees on SIP, or fails (RFC 7118 §4).
#[allow(clippy::result_large_err, reason = "the library wants it so")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    if !offered.any(|protocol| protocol.trim().eq_ignore_ascii_case("sip")) {
        let mut refusal =
            ErrorResponse::new(Some("this is a WebSocket for the sub-protocol sip (RFC 7118)\n".to_owned()));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        return Err(refusal);
    }
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("sip"));
    Ok(response)
}

async fn read(
    mut reader: impl Stream<Item = Result<Message, Error>> + Unpin,
    flow: Flow,
    inbox: &Sender<Arrival>,
    answers: &WeakSender<Bytes>,
) {
    let mut patience = MESSAGE_TIME;
    // Closed, broken, or silent: the end. Pings are answered inside, as the next message is waited for.
    while let Ok(Some(Ok(message))) = timeout(patience, reader.next()).await {
        patience = IDLE_TIME;
        let bytes = match message {
            Message::Text(text) => Bytes::from(text),
            Message::Binary(bytes) => bytes,
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            // Some pages keep alive with the CRLFs of a stream (RFC 5626 §3.5.1), not knowing pings.
            if bytes.len() >= 4 {
                stream::answer(answers, Bytes::from_static(b"\r\n"));
            }
            continue;
        }
        let input = Input::Sip(sip::Input::Received { flow, bytes });
        if inbox.send(Arrival::Input(input)).await.is_err() {
            return;
        }
    }
}

async fn write(mut writer: impl Sink<Message, Error = Error> + Unpin, mut unsent: Receiver<Bytes>) {
    while let Some(bytes) = unsent.recv().await {
        // Pages expect text; what is none goes as it is (RFC 7118 §5).
        let message = match Utf8Bytes::try_from(bytes.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(bytes),
        };
        match timeout(MESSAGE_TIME, writer.send(message)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
    let _ = timeout(MESSAGE_TIME, writer.close()).await;
}
