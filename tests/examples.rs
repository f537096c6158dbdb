//! The examples of embedding do what they say.

#[path = "../examples/in_process.rs"]
mod in_process;
#[path = "../examples/mount_axum.rs"]
mod mount_axum;
#[path = "../examples/mount_warp.rs"]
mod mount_warp;
#[path = "../examples/two_nodes.rs"]
mod two_nodes;

use std::net::SocketAddr;

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A GET with headers, and the whole answer.
async fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

#[tokio::test]
async fn chat_lives_in_an_axum_app_beside_what_was_there() {
    let (app, server) = mount_axum::app(mount_axum::Service::with_two_accounts());
    let room = server.chat().acting_as("u-1").direct_room("u-2").await.expect("a room");
    server.chat().acting_as("u-2").send(room.id, "hi").await.expect("a message");
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let rooms = get(address, "/chat/api/chat/rooms/", "Cookie: a=b; session=of-john\r\n").await;
    assert!(rooms.starts_with("HTTP/1.1 200") && rooms.contains("\"content\":\"hi\""), "{rooms}");
    for cookie in ["", "Cookie: session=of-nobody\r\n"] {
        let refused = get(address, "/chat/api/chat/rooms/", cookie).await;
        assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    }
    let home = get(address, "/", "").await;
    assert!(home.ends_with("2 accounts") && home.contains("x-service: ours"), "{home}");
    let nothing = get(address, "/chat/nothing", "").await;
    assert!(
        nothing.starts_with("HTTP/1.1 404") && nothing.ends_with("nothing of ours"),
        "{nothing}"
    );
}

#[tokio::test]
async fn chat_lives_in_a_warp_app_beside_what_was_there() {
    let server = mount_warp::server();
    server.chat().acting_as("1").direct_room("2").await.expect("a room");
    let (listener, address) = listener().await;
    tokio::spawn(warp::serve(mount_warp::app(&server)).incoming(listener).run());

    let claims = json!({ "sub": "1", "exp": 4_000_000_000_u64 });
    let key = EncodingKey::from_secret(mount_warp::KEY);
    let token = encode(&Header::default(), &claims, &key).expect("a token");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let rooms = get(address, "/api/v1.0/chat/rooms/", &bearer).await;
    assert!(rooms.starts_with("HTTP/1.1 200") && rooms.contains("\"count\":1"), "{rooms}");
    assert!(get(address, "/", "").await.ends_with("home"));
    let nothing = get(address, "/nothing", "").await;
    assert!(
        nothing.starts_with("HTTP/1.1 404") && nothing.ends_with("nothing of ours"),
        "{nothing}"
    );
}

#[tokio::test]
async fn chat_goes_on_in_process() {
    let pushed = in_process::ship().await.expect("an order ships");
    let told = [
        "user 1 is in room 1",
        "user 2 is in room 1",
        "a message from seller",
        "a message from buyer",
    ];
    assert_eq!(pushed, told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_on_one_server_is_heard_on_the_other() {
    let cluster = chat_test_postgres::Cluster::start();
    let heard = two_nodes::converse(&cluster.url()).await.expect("a conversation");
    assert!(heard.contains("Can you hear me over there?"), "{heard}");
}
