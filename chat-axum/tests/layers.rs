//! What layers of the host's find out about a request reaches the chat.

mod people;

use std::future::ready;
use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::middleware;
use chat_core::Chat;
use chat_core::dialect::CAMPUS;
use chat_core::host::{Identity, PreAuthenticated};
use chat_runtime::{PeerAddr, Server};
use chat_store_memory::MemoryStore;
use futures::StreamExt;
use people::{Trusting, open, users};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The address at which an app is served.
async fn serve(app: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// The address shown of a socket, where the host knows one from a proxy, or does not.
async fn shown(forwarded: Option<SocketAddr>) -> Option<IpAddr> {
    let chat = Chat::new(MemoryStore::default(), users(), Trusting);
    let room = chat.acting_as("1").direct_room("2").await.unwrap().id;
    let server = Server::start(chat.clone());
    let app = axum::Router::<()>::new().merge(chat_axum::router(&server, CAMPUS));
    let app = app.layer(middleware::map_request(move |mut request: Request| {
        if let Some(address) = forwarded {
            request.extensions_mut().insert(PeerAddr(address));
        }
        ready(request)
    }));
    let _socket = open(serve(app).await, "", room, "2").await;
    loop {
        if let [session] = &chat.acting_as("2").sessions().await.unwrap()[..] {
            return session.ip_address;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_session_shows_the_address_of_its_connection_or_that_which_the_host_has_found_out() {
    assert_eq!(shown(None).await, Some([127, 0, 0, 1].into()));
    let client = SocketAddr::from(([203, 0, 113, 7], 4_000));
    assert_eq!(shown(Some(client)).await, Some(client.ip()));
}

/// Recognises user 1 by a header, as a layer of the host's would by a session.
async fn recognise(mut request: Request) -> Request {
    if request.headers().get(AUTHORIZATION).is_some_and(|value| value == "1") {
        request.extensions_mut().insert(Identity::new(1));
    }
    request
}

#[tokio::test]
async fn whom_a_layer_has_recognised_is_let_in_and_nobody_else() {
    let chat = Chat::new(MemoryStore::default(), users(), PreAuthenticated);
    let room = chat.acting_as("1").direct_room("2").await.unwrap().id;
    let server = Server::start(chat.clone());
    let app = axum::Router::new().merge(chat_axum::router(&server, CAMPUS));
    let address = serve(app.layer(middleware::map_request(recognise))).await;
    for (user, status) in [("1", StatusCode::OK), ("2", StatusCode::UNAUTHORIZED)] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /chat/chats/ HTTP/1.1\r\nhost: x\r\n{AUTHORIZATION}: {user}\r\n\
             {COOKIE}: user=1\r\nconnection: close\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {}", status.as_u16())), "{user}: {answer}");
    }
    let mut known = open(address, "", room, "1").await;
    chat.acting_as("2").send(room, "hello").await.unwrap();
    let frame = known.next().await.unwrap().unwrap();
    assert!(frame.to_text().unwrap().contains("hello"), "{frame:?}");
    let mut unknown = open(address, "", room, "2").await;
    let frame = unknown.next().await.unwrap().unwrap();
    let tokio_tungstenite::tungstenite::Message::Close(Some(close)) = frame else {
        panic!("{frame:?}")
    };
    assert_eq!(u16::from(close.code), 4401);
}
