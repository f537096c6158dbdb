//! The reference server as its own process.

use std::process::{Command, Output};
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Running, SECRET, Socket, ask, server_command, token};

fn run(options: &[&str]) -> Output {
    server_command().args(options).output().expect("the server runs")
}

#[tokio::test]
async fn told_to_stop_it_says_so_to_open_sockets_and_ends_well() {
    let mut server = Running::start(&["--dialect", "messenger", "--jwt-secret", SECRET]);
    let mut socket = Socket::greeted(server.address, "/ws/chat/1/", 1).await;
    server.terminate();
    let hint = socket.expect("reconnect_suggested").await;
    assert_eq!((&hint["reason"], &hint["attempts"]), (&json!("server_restart"), &json!(0)));
    assert_eq!(socket.closed().await, 1012);
    assert_eq!(server.ended().await.code(), Some(0));
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn told_to_stop_it_says_so_at_once_and_lets_a_request_under_way_finish() {
    for adapter in ["axum", "warp"] {
        let options = ["--dialect", "campus", "--adapter", adapter, "--jwt-secret", SECRET];
        let mut server = Running::start(&options);
        let mut socket = Socket::settled(server.address, "/ws/chat/1/", 1).await;
        let body = json!({ "content": "hello" }).to_string();
        let head = format!(
            "POST /chat/chats/1/messages/ HTTP/1.1\r\nhost: chat\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            token(1, 60),
            body.len()
        );
        let mut request = TcpStream::connect(server.address).await.expect("a connection");
        request.write_all(head.as_bytes()).await.expect("a head");
        // An answer to another request says that this one is under way.
        ask(server.address, 1, Method::GET, "/chat/chats/", None).await;
        server.terminate();
        // Requests have ten seconds to finish, for which nobody else waits.
        let closed = timeout(Duration::from_secs(8), socket.closed()).await;
        assert_eq!(closed, Ok(1012), "{adapter}");
        drop(socket);
        request.write_all(body.as_bytes()).await.expect("a body");
        let mut answer = String::new();
        request.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 201"), "{adapter}: {answer}");
        assert_eq!(server.ended().await.code(), Some(0));
    }
}

#[tokio::test]
async fn what_it_prints_can_be_used_as_it_is() {
    let server = Running::start(&["--dialect", "messenger"]);
    let urls: Vec<&str> =
        server.printed.split('\'').filter(|part| part.starts_with("ws://")).collect();
    assert!(urls.len() >= 4, "{}", server.printed);
    for url in urls {
        let path = url.split_once(&server.address.to_string()).expect("its address").1;
        let (path, token) = path.split_once("?token=").expect("a token");
        let mut socket = Socket::open_with(server.address, path, token).await;
        socket.expect("connection_established").await;
    }
    let line = server.printed.lines().find(|line| line.contains("curl")).expect("a curl line");
    let curl = &line[line.find("curl").expect("curl")..];
    let answer = Command::new("sh").arg("-c").arg(format!("{curl} -s")).output().expect("sh");
    let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("JSON");
    assert!(answer["count"].as_u64() > Some(0), "{answer}");
}

#[test]
fn what_it_does_not_understand_is_said_on_standard_error() {
    let missing = ["--data", "/no/such/file"];
    let nonsense = ["--data", concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")];
    let cases: [&[&str]; 7] = [
        &["--nonsense"],
        &["--dialect", "nonsense"],
        &["--adapter", "nonsense"],
        &["--store", "nonsense"],
        &["--listen", "nonsense"],
        &missing,
        &nonsense,
    ];
    for options in cases {
        let output = run(options);
        assert!(!output.status.success(), "{options:?}");
        assert!(!output.stderr.is_empty(), "{options:?}");
        assert!(output.stdout.is_empty(), "{options:?}");
    }
}

#[test]
fn help_names_every_option() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    for option in ["--listen", "--dialect", "--adapter", "--store", "--jwt-secret", "--data"] {
        assert!(text.contains(option), "{option}");
    }
}

#[tokio::test]
async fn a_data_file_gives_users_and_rooms() {
    let file = std::env::temp_dir().join(format!("chat-data-{}.json", std::process::id()));
    let data = json!({
        "users": [
            { "id": 1, "username": "john_doe", "email": "john@example.com", "display_name": "John Doe",
              "first_name": "John", "last_name": "Doe", "role": "Student", "picture": null,
              "image_urls": ["https://example.com/avatar1.jpg"] },
            { "id": "user_2abc", "username": "jane" },
        ],
        "rooms": [
            { "kind": "direct", "members": [1, "user_2abc"], "metadata": { "match": 123 } },
            { "kind": "group", "name": "General", "members": [1, "user_2abc"], "created_by": 1 },
        ],
    });
    std::fs::write(&file, data.to_string()).expect("a temporary file");
    let options = ["--data", file.to_str().expect("text"), "--jwt-secret", SECRET];
    let server = Running::start(&options);
    let mut socket = Socket::greeted(server.address, "/messenger/ws/chat/1/", 1).await;
    socket.send(&json!({ "type": "message", "content": "hi" })).await;
    assert_eq!(socket.expect("message").await["message"]["sender_username"], "john_doe");
    let mut group = Socket::open(server.address, "/campus/ws/chat/2/", 1).await;
    group.send(&json!({ "type": "message", "content": "hi" })).await;
    assert_eq!(group.expect("message").await["sender"]["role"], "Student");
    // Nobody is anybody where users and secret are the operator's own.
    let (status, _) = ask(server.address, 1, Method::GET, "/demo/people", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    std::fs::remove_file(&file).expect("the temporary file");
}
