//! Questions to real servers on real sockets.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;

use flow::Token;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

type Reply = (StatusCode, String);

/// A server that answers so, and how many connections it was opened.
async fn serve(
    tls: Option<TlsAcceptor>,
    keeps: bool,
    answer: impl AsyncFn(Request<Incoming>) -> Reply + Clone + 'static,
) -> (SocketAddr, Rc<Cell<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (address, count) = (listener.local_addr().expect("bound"), Rc::new(Cell::new(0)));
    let counted = count.clone();
    spawn_local(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            counted.set(counted.get() + 1);
            let (answer, tls) = (answer.clone(), tls.clone());
            spawn_local(async move {
                let service = service_fn(|request| {
                    let answer = answer.clone();
                    async move {
                        let (status, body) = answer(request).await;
                        let mut response = Response::new(Full::new(Bytes::from(body)));
                        *response.status_mut() = status;
                        Ok::<_, Infallible>(response)
                    }
                });
                let mut http = server::Builder::new();
                http.keep_alive(keeps);
                let _ = match tls {
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
                        Err(_) => return,
                    },
                    None => http.serve_connection(TokioIo::new(stream), service).await,
                };
            });
        }
    });
    (address, count)
}

fn ask(url: String, body: Option<&str>) -> Ask {
    Ask {
        call: "0000000000001".parse().expect("a call's number"),
        number: 1,
        url,
        body: body.map(str::to_owned),
        token: Some(Token::new("let-me-in")),
        limit: Duration::from_millis(300),
    }
}

/// What the thread's own loop makes of a question.
async fn asked(client: Client, asks: Vec<Ask>) -> Vec<Answer> {
    let (sender, wanted) = channel(1);
    let (answers, mut inbox) = channel(1);
    spawn_local(Rc::new(client).serve(wanted, answers));
    let mut said = Vec::new();
    for ask in asks {
        sender.send(ask).await.expect("it is served");
        match inbox.recv().await {
            Some(Arrival::Input(Input::Answered { number: 1, answer, .. })) => said.push(answer),
            _ => panic!("no answer"),
        }
    }
    said
}

fn run<T>(what: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, what)
}

async fn mirror(request: Request<Incoming>) -> Reply {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    let body = body.collect().await.expect("a body").to_bytes();
    let said = json!({
        "method": parts.method.as_str(), "path": parts.uri.to_string(), "token": header(AUTHORIZATION),
        "type": header(CONTENT_TYPE), "body": String::from_utf8_lossy(&body),
    });
    (StatusCode::OK, said.to_string())
}

#[test]
fn a_question_reaches_the_server_whole_and_the_connection_is_kept() {
    run(async {
        let (server, connections) = serve(None, true, mirror).await;
        let get = ask(format!("http://{server}/of?number=%2B1"), None);
        let post = ask(format!("http://{server}"), Some(r#"{"a":1}"#));
        let said = asked(Client::default(), vec![get, post]).await;
        let wanted = json!({ "method": "GET", "path": "/of?number=%2B1", "token": "Bearer let-me-in", "type": null, "body": "" });
        assert_eq!(said[0], Ok(wanted));
        let wanted = json!({
            "method": "POST", "path": "/", "token": "Bearer let-me-in", "type": "application/json", "body": r#"{"a":1}"#,
        });
        assert_eq!(said[1], Ok(wanted));
        assert_eq!(connections.get(), 1);
    });
}

#[test]
fn a_server_that_keeps_no_connection_is_asked_by_new_ones() {
    run(async {
        let (server, connections) = serve(None, false, mirror).await;
        let url = format!("http://{server}/");
        let said = asked(Client::default(), vec![ask(url.clone(), Some("1")), ask(url, Some("2"))]).await;
        assert!(said.iter().all(Result::is_ok), "{said:?}");
        assert_eq!(connections.get(), 2);
    });
}

#[test]
fn what_is_no_answer_fails() {
    for (status, body, why) in [
        (StatusCode::NOT_FOUND, "{}".to_owned(), "404"),
        (StatusCode::FOUND, "{}".to_owned(), "302"),
        (StatusCode::OK, "<html>".to_owned(), "no JSON"),
        (StatusCode::OK, " ".repeat(ANSWER_BYTES_MAX + 1), "limit"),
        (StatusCode::OK, "[".repeat(10_000), "no JSON"),
    ] {
        run(async {
            let answer = async move |_| (status, body.clone());
            let (server, _) = serve(None, true, answer).await;
            let said = asked(Client::default(), vec![ask(format!("http://{server}/"), None)]).await;
            assert!(said[0].as_ref().is_err_and(|said| said.contains(why)), "{why}: {said:?}");
        });
    }
    run(async {
        let (server, _) = serve(None, true, async |_| std::future::pending().await).await;
        let said = asked(Client::default(), vec![ask(format!("http://{server}/"), None)]).await;
        assert_eq!(said[0], Err("no answer within 300 ms".to_owned()));
    });
    run(async {
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
        let said = asked(Client::default(), vec![ask(format!("http://{closed}/"), None)]).await;
        assert!(said[0].as_ref().is_err_and(|said| said.starts_with("cannot be reached")), "{said:?}");
    });
}

#[test]
fn a_server_is_asked_by_tls_if_it_shows_who_it_is() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).expect("a key");
    let chain = vec![made.cert.der().clone()];
    let builder = ServerConfig::builder_with_provider(tls::provider()).with_safe_default_protocol_versions();
    let builder = builder.expect("versions").with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain.clone(), key).expect("they fit")));
    for trusted in [true, false] {
        let mut roots = RootCertStore::empty();
        if trusted {
            roots.add(chain[0].clone()).expect("a root");
        }
        let builder = ClientConfig::builder_with_provider(tls::provider()).with_safe_default_protocol_versions();
        let client = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
        let client = Client { tls: OnceCell::from(TlsConnector::from(Arc::new(client))), ..Client::default() };
        let acceptor = acceptor.clone();
        run(async {
            let (server, _) = serve(Some(acceptor), true, mirror).await;
            let said = asked(client, vec![ask(format!("https://localhost:{}/", server.port()), None)]).await;
            assert_eq!(said[0].is_ok(), trusted, "{said:?}");
        });
    }
}
