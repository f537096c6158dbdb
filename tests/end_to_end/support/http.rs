//! A client's requests.

use std::net::SocketAddr;

use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{PATIENCE, token};

/// Asks as a user, and returns the answer; a body that is empty is null.
pub(crate) async fn ask(
    address: SocketAddr,
    user: u64,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("host", address.to_string())
        .header("authorization", format!("Bearer {}", token(user, 3_600)))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.map(|body| body.to_string()).unwrap_or_default())));
    let answer = async {
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        let answer = sender.send_request(request.expect("a request")).await.expect("an answer");
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).expect("JSON")
        };
        (status, body)
    };
    tokio::time::timeout(PATIENCE, answer).await.expect("an answer within the time")
}

/// Reads as a user, which has to work.
pub(crate) async fn read(address: SocketAddr, user: u64, path: &str) -> Value {
    let (status, body) = ask(address, user, Method::GET, path, None).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}
