//! What is the host's goes on working beside the chat's.

use std::net::SocketAddr;

use bytes::Bytes;
use chat_core::dialect;
use chat_core::host::{Identity, JwtAuthenticator, PreAuthenticated, StaticDirectory};
use chat_core::http::Body;
use chat_core::model::User;
use chat_core::{Chat, Error};
use chat_runtime::{PeerAddr, Server};
use chat_store_memory::MemoryStore;
use futures::{StreamExt, stream};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;
use warp::filters::BoxedFilter;
use warp::reject::Reject;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

const STATS: &str = "/api/v1.0/chat/stats/";

fn chat() -> BoxedFilter<(Response,)> {
    let authenticator = JwtAuthenticator::hs256(b"a secret of this test's own");
    let chat = Chat::new(MemoryStore::new(), StaticDirectory::default(), authenticator);
    chat_warp::filter(&Server::start(chat), dialect::MESSENGER).boxed()
}

async fn ask(
    app: impl Filter<Extract = (impl Reply + 'static,), Error = Rejection> + Clone + Send + 'static,
    method: Method,
    path: &str,
    body: &'static str,
) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).body(Full::<Bytes>::from(body));
    let answer = warp::service(app).oneshot(request.unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status, String::from_utf8(bytes.to_vec()).unwrap())
}

fn echo() -> BoxedFilter<(String,)> {
    let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
    warp::path!("echo" / ..).and(warp::body::bytes()).map(text).boxed()
}

#[tokio::test]
async fn a_filter_of_the_hosts_gets_its_whole_request_on_either_side() {
    for app in [
        chat().or(echo()).map(Reply::into_response).boxed(),
        echo().or(chat()).map(Reply::into_response).boxed(),
    ] {
        let echoed = ask(app.clone(), Method::POST, "/echo/a/b?c=d", "of the host").await;
        assert_eq!(echoed, (StatusCode::OK, "of the host".to_owned()));
        let (status, _) = ask(app, Method::GET, STATS, "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_path_of_nobody_is_rejected_as_not_found() {
    let recovered = async |rejection: Rejection| {
        assert!(rejection.is_not_found(), "{rejection:?}");
        Ok::<_, Rejection>(warp::reply::with_status("nowhere", StatusCode::GONE))
    };
    let nested = warp::path("chat").and(chat());
    let app = nested.or(echo()).recover(recovered).boxed();
    for path in ["/", "/chat", "/chat/", STATS, "/chat/echo", "/chat/chat/api/v1.0/chat/stats/"] {
        let answer = ask(app.clone(), Method::GET, path, "").await;
        assert_eq!(answer, (StatusCode::GONE, "nowhere".to_owned()), "{path}");
    }
}

#[derive(Debug)]
struct Closed;

impl Reject for Closed {}

#[tokio::test]
async fn the_hosts_own_rejections_reach_its_recover() {
    let closed = warp::path("closed")
        .and_then(async || Err::<Response, _>(warp::reject::custom(Closed)))
        .boxed();
    let recovered = async |rejection: Rejection| match rejection.find::<Closed>() {
        Some(Closed) => Ok(warp::reply::with_status("closed", StatusCode::LOCKED)),
        None => Err(rejection),
    };
    let app = chat().or(closed).recover(recovered).boxed();
    let answer = ask(app.clone(), Method::GET, "/closed", "").await;
    assert_eq!(answer, (StatusCode::LOCKED, "closed".to_owned()));
    assert_eq!(ask(app, Method::GET, "/open", "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_chats_own_refusals_are_answers_and_no_rejections() {
    let app = chat().or(warp::any().map(|| "the next filter")).boxed();
    for (method, path) in [
        (Method::GET, STATS),
        (Method::DELETE, STATS),
        (Method::POST, "/api/v1.0/chat/messages/"),
        (Method::GET, "/api/v1.0/chat/rooms/abc/"),
    ] {
        let (status, body) = ask(app.clone(), method, path, "no JSON").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}: {body}");
    }
}

#[tokio::test]
async fn a_streamed_body_comes_piece_by_piece_and_breaks_off_where_it_fails() {
    let unavailable = || Error::Unavailable("gone".into());
    let pieces = [Ok(Bytes::from("one")), Ok(Bytes::from("two")), Err(unavailable())];
    let response = http::Response::new(Body::Stream(stream::iter(pieces).boxed()));
    let mut body = chat_warp::into_response(response).into_body();
    for expected in ["one", "two"] {
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), expected);
    }
    assert!(body.frame().await.unwrap().is_err());
}

#[tokio::test]
async fn whom_a_layer_has_recognised_is_let_in_and_nobody_else() {
    let users = StaticDirectory::from_iter([User::new(1.into(), "john")]);
    let chat = Chat::new(MemoryStore::new(), users, PreAuthenticated);
    let app = warp::service(chat_warp::filter(&Server::start(chat), dialect::MESSENGER));
    let recognise = |user: u64| Identity::new(user);
    for (identity, status) in [
        (Some(recognise(1)), StatusCode::OK),
        (Some(recognise(2)), StatusCode::UNAUTHORIZED),
        (None, StatusCode::UNAUTHORIZED),
    ] {
        let mut request = Request::get(STATS).body(Full::<Bytes>::default()).unwrap();
        if let Some(identity) = identity {
            request.extensions_mut().insert(identity);
        }
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), status);
    }
}

/// What a layer puts into the extensions reaches a socket too: the user, and where they come from.
#[tokio::test]
async fn who_opens_a_socket_and_from_where_is_as_a_layer_says() {
    let users = StaticDirectory::from_iter([1, 2].map(|id: u64| User::new(id.into(), "user")));
    let chat = Chat::new(MemoryStore::new(), users, PreAuthenticated);
    let room = chat.acting_as("1").direct_room("2").await.unwrap().id;
    let client = SocketAddr::from(([203, 0, 113, 7], 4_000));
    let app = warp::service(chat_warp::filter(&Server::start(chat.clone()), dialect::MESSENGER));
    let app = app.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Identity::new(1));
        request.extensions_mut().insert(PeerAddr(client));
        request
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(app);
        http1::Builder::new()
            .serve_connection(TokioIo::new(connection), service)
            .with_upgrades()
            .await
    });
    let stream = TcpStream::connect(address).await.unwrap();
    let url = format!("ws://{address}/ws/chat/{room}/");
    let _socket = tokio_tungstenite::client_async(url, stream).await.unwrap();
    loop {
        if let [session] = &chat.acting_as("1").sessions().await.unwrap()[..] {
            assert_eq!(session.ip_address, Some(client.ip()));
            return;
        }
        tokio::task::yield_now().await;
    }
}
