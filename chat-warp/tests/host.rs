//! What is the host's goes on working beside the chat's.

use bytes::Bytes;
use chat_core::dialect;
use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::http::Body;
use chat_core::{Chat, Error};
use chat_runtime::Server;
use chat_store_memory::MemoryStore;
use futures::{StreamExt, stream};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
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
