//! The door for Prometheus: `GET /metrics` on a port of its own.
//!
//! Where it stands: beside the console; what is asked enters the control thread's inbox like everything else. It says how
//! things stand and takes no orders, but whoever reaches it reads it: it is meant for this machine or a network of one's own.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::ask::{Line, Request as Ask};
use super::control::Arrival;

/// The listening port.
pub(super) struct Scrape {
    listener: TcpListener,
}

/// Connections at once; the next one waits.
const CONNECTIONS_MAX: usize = 8;
/// How long a connection may be used, and how long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// hyper takes no less; nobody who asks for metrics needs more.
const REQUEST_MAX: usize = 8192;
const TEXT: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

impl Scrape {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Scrape> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Scrape { listener: TcpListener::from_std(listener)? })
    }

    /// Answers until the switch is gone.
    pub(super) async fn serve(self, inbox: Sender<Arrival>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        while let Ok(place) = places.clone().acquire_owned().await {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await; // out of descriptors, most likely
                continue;
            };
            let inbox = inbox.clone();
            spawn_local(async move {
                let answer = service_fn(|request| answer(request, inbox.clone()));
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new()).header_read_timeout(ANSWER_TIME).max_buf_size(REQUEST_MAX);
                // Who breaks off or says nonsense needs no answer.
                let _ = timeout(PATIENCE, http.serve_connection(TokioIo::new(stream), answer)).await;
                drop(place);
            });
        }
    }
}

async fn answer<B>(request: Request<B>, inbox: Sender<Arrival>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if request.method() != Method::GET && request.method() != Method::HEAD {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    } else if let Some(text) = text(&inbox).await {
        response.headers_mut().insert(CONTENT_TYPE, TEXT);
        *response.body_mut() = Full::new(text.into());
    } else {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

/// What the control thread has to say; nothing where it is too busy.
async fn text(inbox: &Sender<Arrival>) -> Option<String> {
    let (answers, mut lines) = channel(2);
    let asked = inbox.send(Arrival::Asked { request: Ask::Metrics, by: "metrics".into(), answers });
    timeout(ANSWER_TIME, asked).await.ok()?.ok()?;
    match timeout(ANSWER_TIME, lines.recv()).await.ok()?? {
        Line::Row(Value::String(text)) => Some(text),
        _ => None,
    }
}
