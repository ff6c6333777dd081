//! The web servers that know of callers or lead them: a thread of its own asks, and brings their answers.
//!
//! Where it stands: the control thread asks here and waits for nothing; what is answered comes in at its one inbox. A
//! question that cannot be asked is answered too, as one that failed: the caller then goes where the conf says.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base::CallId;
use bytes::Bytes;
use flow::{Answer, Ask};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tracing::{debug, info, warn};

use super::control::{Arrival, arrive};
use super::tls;
use crate::Input;

/// Questions on their way to the thread.
const WAITING_MAX: usize = 1024;
/// Questions under way at once; one more fails at once, as if nobody had answered.
const ASKING_MAX: usize = 512;
/// Longer answers are none.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Connections that are kept for the next question, to each server,
const IDLE_MAX: usize = 8;
/// and for how long.
const IDLE_TIME: Duration = Duration::from_secs(20);
/// Threads that look up names.
const NAMING_MAX: usize = 4;

/// A door to the thread.
pub(super) struct Web {
    asks: Sender<Ask>,
    inbox: Sender<Arrival>,
}

impl Web {
    /// Starts the thread. It ends when the door is gone.
    pub(super) fn start(inbox: Sender<Arrival>) -> io::Result<Web> {
        let (asks, wanted) = channel(WAITING_MAX);
        let answers = inbox.clone();
        thread::Builder::new().name("web".to_owned()).spawn(move || {
            let mut runtime = runtime::Builder::new_current_thread();
            let Ok(runtime) = runtime.enable_all().max_blocking_threads(NAMING_MAX).build() else { return };
            LocalSet::new().block_on(&runtime, Rc::new(Client::default()).serve(wanted, answers));
        })?;
        Ok(Web { asks, inbox })
    }

    /// Asks; the answer arrives later.
    pub(super) fn ask(&self, ask: Ask) {
        let (call, number) = (ask.call, ask.number);
        if self.asks.try_send(ask).is_err() {
            warn!(%call, "too many questions wait for web servers; one is not asked");
            arrive(&self.inbox, answered(call, number, Err("too many wait".to_owned())));
        }
    }
}

fn answered(call: CallId, number: u32, answer: Answer) -> Input {
    Input::Answered { call, number, answer }
}

type Connection = SendRequest<Full<Bytes>>;

/// Who asks.
#[derive(Default)]
struct Client {
    /// Connections that wait for the next question, by scheme and server.
    idle: RefCell<HashMap<String, Vec<(Instant, Connection)>>>,
    /// The servers that fail, and how often they have.
    failing: RefCell<HashMap<String, u64>>,
    tls: OnceCell<TlsConnector>,
}

impl Client {
    async fn serve(self: Rc<Self>, mut wanted: Receiver<Ask>, answers: Sender<Arrival>) {
        let places = Arc::new(Semaphore::new(ASKING_MAX));
        while let Some(ask) = wanted.recv().await {
            let place = places.clone().try_acquire_owned();
            let (client, answers) = (self.clone(), answers.clone());
            spawn_local(async move {
                let (call, number) = (ask.call, ask.number);
                let answer = match place {
                    Ok(_place) => match timeout(ask.limit, client.ask(&ask)).await {
                        Ok(answer) => answer,
                        Err(_) => Err(format!("no answer within {} ms", ask.limit.as_millis())),
                    },
                    Err(_) => Err(format!("{ASKING_MAX} questions are under way already")),
                };
                client.note(&ask, &answer);
                let _ = answers.send(Arrival::Input(answered(call, number, answer))).await;
            });
        }
    }

    async fn ask(&self, ask: &Ask) -> Answer {
        let uri: Uri = ask.url.parse().map_err(|why| format!("{why}"))?;
        let (Some(scheme), Some(server)) = (uri.scheme_str(), uri.authority()) else {
            return Err("no address".to_owned());
        };
        let place = format!("{scheme}://{server}");
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder()
            .method(if ask.body.is_some() { Method::POST } else { Method::GET })
            .uri(path)
            .header(HOST, server.as_str())
            .header(USER_AGENT, "centrala")
            .header(ACCEPT, "application/json");
        if let Some(token) = &ask.token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.reveal()));
        }
        let body = match &ask.body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Bytes::from(body.clone())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body)).map_err(|why| why.to_string())?;
        let (response, connection) = self.send(&place, &uri, request).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("it said {status}"));
        }
        let body =
            Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|why| why.to_string())?;
        self.keep(place, connection);
        let body = body.to_bytes();
        match body.is_empty() {
            true => Ok(serde_json::Value::Null),
            false => serde_json::from_slice(&body).map_err(|why| format!("its answer is no JSON: {why}")),
        }
    }

    /// On a connection that stands, or a new one.
    async fn send(
        &self,
        place: &str,
        uri: &Uri,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection), String> {
        while let Some(mut connection) = self.kept(place) {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok((response, connection)),
                // The server had closed it meanwhile.
                Err(mut unsent) => match unsent.take_message() {
                    Some(again) => request = again,
                    None => return Err(unsent.into_error().to_string()),
                },
            }
        }
        let mut connection = self.open(uri).await?;
        let response = connection.send_request(request).await.map_err(|why| why.to_string())?;
        Ok((response, connection))
    }

    async fn open(&self, uri: &Uri) -> Result<Connection, String> {
        let is_secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await.map_err(|why| format!("cannot be reached: {why}"))?;
        let _ = stream.set_nodelay(true);
        if is_secure {
            let name = ServerName::try_from(host.to_owned()).map_err(|why| why.to_string())?;
            let stream = self.tls()?.connect(name, stream).await.map_err(|why| format!("no TLS: {why}"))?;
            return handshake(TokioIo::new(stream)).await;
        }
        handshake(TokioIo::new(stream)).await
    }

    fn tls(&self) -> Result<&TlsConnector, String> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let tls = tls::web_client()?;
        Ok(self.tls.get_or_init(|| tls))
    }

    fn kept(&self, place: &str) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        let kept = idle.get_mut(place)?;
        kept.retain(|(since, connection)| since.elapsed() < IDLE_TIME && connection.is_ready());
        kept.pop().map(|(_, connection)| connection)
    }

    #[allow(clippy::disallowed_methods)] // tokio counts from its own now
    fn keep(&self, place: String, connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        let kept = idle.entry(place).or_default();
        if kept.len() < IDLE_MAX {
            kept.push((Instant::now(), connection));
        }
    }

    /// A server that fails is told of once, and once again when it is back.
    fn note(&self, ask: &Ask, answer: &Answer) {
        let call = ask.call;
        let server = ask.url.split(['?', '#']).next().unwrap_or_default().splitn(4, '/').take(3);
        let server = server.collect::<Vec<_>>().join("/");
        let mut failing = self.failing.borrow_mut();
        match answer {
            Ok(_) => {
                if let Some(times) = failing.remove(&server) {
                    info!(server, times, "a web server answers again");
                }
            }
            Err(why) => match failing.get_mut(&server) {
                Some(times) => {
                    *times += 1;
                    debug!(%call, server, "a web server fails: {why}");
                }
                None => {
                    warn!(%call, server, "a web server fails, and callers go where `otherwise` says: {why}");
                    failing.insert(server, 1);
                }
            },
        }
    }
}

async fn handshake<T>(stream: TokioIo<T>) -> Result<Connection, String>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    let (connection, served) = http1::Builder::new()
        .max_buf_size(ANSWER_BYTES_MAX)
        .handshake::<_, Full<Bytes>>(stream)
        .await
        .map_err(|why| why.to_string())?;
    spawn_local(async move { drop(served.await) });
    Ok(connection)
}

#[cfg(test)]
mod tests;
