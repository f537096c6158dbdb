//! What is logged.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Cluster, Setup, Socket, token};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const TEXT: &str = "a text that is nobody else's business";

#[tokio::test]
async fn neither_tokens_nor_texts_are_logged_at_any_level() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    // One thread runs this test and all it spawns.
    let guard = tracing::subscriber::set_default(subscriber);

    let cluster = Cluster::start(Setup::default()).await;
    let room = cluster.direct_room(1, 2).await;
    let token = token(1, 3_600);
    let path = format!("/messenger/ws/chat/{room}/");
    let mut john = Socket::open_with(cluster.address(), &path, &token).await;
    john.expect("connection_established").await;
    john.send(&json!({ "type": "message", "content": TEXT, "temp_id": "1" })).await;
    john.expect("message").await;
    john.send(&json!({ "type": "nonsense", "content": TEXT })).await;
    john.expect("error").await;
    for path in ["/messenger/api/v1.0/chat/messages/", "/campus/chat/chats/1/messages/"] {
        let body = json!({ "room": room.get(), "content": TEXT }).to_string();
        let answer =
            ask(&cluster, "POST", path, &format!("Authorization: Bearer {token}\r\n"), &body).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
    let refused =
        ask(&cluster, "GET", &format!("/messenger/api/v1.0/chat/rooms/?token={token}"), "", "")
            .await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    assert!(!refused.contains(&token));
    drop(john);
    cluster.nodes[0].server.drain(crate::support::PATIENCE).await;
    drop(guard);

    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let logged = String::from_utf8_lossy(&bytes);
    assert!(!logged.is_empty(), "nothing was captured");
    assert!(!logged.contains(TEXT), "{logged}");
    // Any part of the token would do harm; its first part is the same in all tokens.
    let secret = token.split_once('.').expect("three parts").1;
    let slices = secret.as_bytes().windows(16).map(|slice| String::from_utf8_lossy(slice));
    for slice in slices {
        assert!(!logged.contains(&*slice), "{slice} is in {logged}");
    }
}

async fn ask(cluster: &Cluster, method: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(cluster.address()).await.expect("a connection");
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("a request is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}
