//! The door for programs: what the command line may ask and command, by HTTP, and what is written down as it comes.
//!
//! Where it stands: a thread of its own, so that no reader costs the control thread anything. A request is one of `ask`, the
//! same that comes through the socket, and enters the control thread's inbox like everything else. Whoever comes has a token
//! of `api.toml`; what he changes is written down with his name. It speaks no TLS: to reach it from elsewhere, put a proxy
//! before it that does.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use journal::Store;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{LocalSet, spawn_blocking, spawn_local};
use tokio::time::timeout;
use tracing::warn;

use super::ask::{Line, Request as Ask};
use super::control::Arrival;
use super::feed::{Feed, Told, entry_line};
use super::journal::Progress;
use crate::conf::ApiConf;

/// Connections at once; the next one waits.
const CONNECTIONS_MAX: usize = 64;
/// Of these, so many may follow what happens; the next one is told to come later.
const READERS_MAX: usize = 16;
/// No request is longer.
const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// hyper takes no less for a request's head.
const HEAD_BYTES_MAX: usize = 8192;
/// How long a request may take to come, and a piece of an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// A conf that is read anew may speak a few texts.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Lines an answer may be behind.
const UNREAD_MAX: usize = 1024;
/// Who asks for what came before gets so much of it, and asks again.
const PAST_MAX: usize = 10_000;
/// So often who follows hears that there is nothing.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The thread, while it is held.
pub(super) struct Api {
    conf: watch::Sender<ApiConf>,
    thread: JoinHandle<()>,
}

impl Api {
    /// Opens the door and starts the thread.
    pub(super) fn start(
        address: SocketAddr,
        conf: &ApiConf,
        folder: PathBuf,
        (feed, journal): (Feed, Arc<Progress>),
        inbox: Sender<Arrival>,
    ) -> io::Result<Api> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        if !address.ip().is_loopback() {
            warn!(%address, "api.toml opens a door that others can reach, and tokens go through it in clear: let a proxy with TLS stand before it");
        }
        let (conf, known) = watch::channel(conf.clone());
        let runtime = runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build()?;
        let desk = Desk { conf: known, folder, feed, journal, inbox, readers: Arc::new(Semaphore::new(READERS_MAX)) };
        let thread = thread::Builder::new().name("api".to_owned()).spawn(move || {
            let serves = async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener, Rc::new(desk)).await,
                    Err(why) => warn!("nobody is served by HTTP: {why}"),
                }
            };
            LocalSet::new().block_on(&runtime, serves);
        })?;
        Ok(Api { conf, thread })
    }

    /// Others may come in from now on.
    pub(super) fn reload(&self, conf: &ApiConf) {
        self.conf.send_replace(conf.clone());
    }

    /// Shuts the door.
    pub(super) fn stop(self) {
        drop(self.conf);
        let _ = self.thread.join();
    }
}

/// What each connection is served with.
struct Desk {
    conf: watch::Receiver<ApiConf>,
    folder: PathBuf,
    feed: Feed,
    journal: Arc<Progress>,
    inbox: Sender<Arrival>,
    readers: Arc<Semaphore>,
}

/// Answers until the switch is gone.
async fn serve(listener: TcpListener, desk: Rc<Desk>) {
    let (places, mut conf) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), desk.conf.clone());
    let gone = async { while conf.changed().await.is_ok() {} };
    tokio::pin!(gone);
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            (place, accepted) = accepted => match accepted {
                Ok((stream, _)) => (place, stream),
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(100)).await; // out of descriptors, most likely
                    continue;
                }
            },
            () = &mut gone => return,
        };
        let desk = desk.clone();
        spawn_local(async move {
            connection(stream, desk).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, desk: Rc<Desk>) {
    let cut = Rc::new(Notify::new());
    let answer = service_fn(|request| {
        let (desk, cut) = (desk.clone(), cut.clone());
        async move { Ok::<_, Infallible>(desk.answer(request, &cut).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEAD_BYTES_MAX);
    // Who breaks off or says nonsense needs no answer.
    tokio::select! {
        _ = http.serve_connection(TokioIo::new(stream), answer) => {}
        () = cut.notified() => {}
    }
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>, cut: &Rc<Notify>) -> Response<Said> {
        let token = request.headers().get(AUTHORIZATION).and_then(|said| said.to_str().ok());
        let token = token.and_then(|said| said.strip_prefix("Bearer ")).unwrap_or_default();
        let client = self.conf.borrow().client(token).cloned();
        let Some(client) = client else {
            let mut refused = failed(StatusCode::UNAUTHORIZED, "no token of api.toml: Authorization: Bearer TOKEN");
            refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return refused;
        };
        match (request.uri().path(), request.method()) {
            ("/control", &Method::POST) => self.control(request, &client.name, client.may_change).await,
            ("/events", &Method::GET) => self.events(&request, cut),
            ("/control", _) => not_so("POST"),
            ("/events", _) => not_so("GET"),
            _ => failed(StatusCode::NOT_FOUND, "there is POST /control, and GET /events"),
        }
    }

    /// One request of the command line's, and all that is said to it.
    async fn control(&self, request: Request<Incoming>, client: &Arc<str>, may_change: bool) -> Response<Said> {
        let body = match timeout(PATIENCE, Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => return failed(StatusCode::PAYLOAD_TOO_LARGE, "64 kB are enough for every request"),
            Err(_) => return failed(StatusCode::REQUEST_TIMEOUT, "the request did not come to an end"),
        };
        let mut ask: Ask = match serde_json::from_slice(&body) {
            Ok(Ask::Trace { follow: true, .. }) => {
                return failed(StatusCode::BAD_REQUEST, "nothing is followed here but GET /events");
            }
            Ok(ask) => ask,
            Err(why) => return failed(StatusCode::BAD_REQUEST, &format!("not understood: {why}; see docs/api.md")),
        };
        if ask.changes() && !may_change {
            let why = format!("{client} may look and change nothing; may_change = true in api.toml lets it");
            return failed(StatusCode::FORBIDDEN, &why);
        }
        ask.sign(client);
        let (answers, mut lines) = channel(UNREAD_MAX);
        let by = format!("api {client}").into();
        let said = async {
            let mut rows = Vec::new();
            self.inbox.send(Arrival::Asked { request: ask, by, answers }).await.ok()?;
            loop {
                match lines.recv().await? {
                    Line::Row(row) => rows.push(row),
                    Line::Done(done) => return Some(Ok(json!({ "rows": rows, "done": done }))),
                    Line::Failed(why) => return Some(Err(why)),
                }
            }
        };
        let said = timeout(ANSWER_TIME, said).await;
        self.journal.settle().await;
        match said {
            Ok(Some(Ok(said))) => document(StatusCode::OK, &said),
            Ok(Some(Err(why))) => failed(StatusCode::CONFLICT, &why),
            Ok(None) | Err(_) => failed(StatusCode::SERVICE_UNAVAILABLE, "the switch is too busy, or ends"),
        }
    }

    /// Server-sent events: what is written down, as it is. Who says what he had last gets first what came since.
    fn events(&self, request: &Request<Incoming>, cut: &Rc<Notify>) -> Response<Said> {
        let Ok(place) = self.readers.clone().try_acquire_owned() else {
            return failed(StatusCode::SERVICE_UNAVAILABLE, "so many follow what happens that nobody more may");
        };
        let last = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.parse::<u64>().ok());
        let (pieces, body) = channel(64);
        let (mut told, folder, cut) = (self.feed.follow(), self.folder.clone(), cut.clone());
        spawn_local(async move {
            let follows = async {
                pieces.send(Bytes::from_static(b": this is centrala\n\n")).await.ok()?;
                let mut had = last.unwrap_or(0);
                if let Some(last) = last {
                    let past = spawn_blocking(move || past(&folder, last)).await.ok()?;
                    let is_all = past.len() < PAST_MAX;
                    for one in past {
                        had = one.number;
                        timeout(PATIENCE, pieces.send(event(&one))).await.ok()?.ok()?;
                    }
                    if !is_all {
                        return None; // he comes again, with a later number
                    }
                }
                loop {
                    let piece = match timeout(HEARTBEAT, told.recv()).await {
                        Ok(Ok(one)) if one.number <= had => continue,
                        Ok(Ok(one)) => event(&one),
                        Ok(Err(_)) => return None::<()>, // too far behind, or the switch ends
                        Err(_) => Bytes::from_static(b":\n\n"),
                    };
                    timeout(PATIENCE, pieces.send(piece)).await.ok()?.ok()?;
                }
            };
            let slow = tokio::select! {
                _ = follows => !pieces.is_closed() && pieces.capacity() == 0,
                () = pieces.closed() => false,
            };
            if slow {
                cut.notify_one(); // what he has not taken will not be
            }
            drop(place);
        });
        let mut response = Response::new(Said::Pieces(body));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// What was written after this entry: the first of it.
fn past(folder: &std::path::Path, last: u64) -> Vec<Told> {
    let mut past = Vec::new();
    if let Ok(Some(store)) = Store::read_only(folder) {
        let _ = store.after(last, |entry| {
            past.push(Told { number: entry.number, line: entry_line(&entry).into() });
            past.len() < PAST_MAX
        });
    }
    past
}

fn event(told: &Told) -> Bytes {
    format!("id: {}\ndata: {}\n\n", told.number, told.line).into()
}

fn document(status: StatusCode, said: &Value) -> Response<Said> {
    let mut response = Response::new(Said::Text(Full::new(said.to_string().into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn failed(status: StatusCode, why: &str) -> Response<Said> {
    document(status, &json!({ "failed": why }))
}

fn not_so(method: &'static str) -> Response<Said> {
    let mut response = failed(StatusCode::METHOD_NOT_ALLOWED, &format!("{method} it"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    response
}

/// What is answered: at once, or piece by piece.
enum Said {
    Text(Full<Bytes>),
    Pieces(Receiver<Bytes>),
}

impl Body for Said {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Said::Text(text) => Pin::new(text).poll_frame(context),
            Said::Pieces(pieces) => pieces.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Said::Text(text) if text.is_end_stream())
    }
}
