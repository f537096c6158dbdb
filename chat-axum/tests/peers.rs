//! Where a socket's connection comes from, as the host or the connection says.

mod people;

use std::future::ready;
use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::middleware;
use chat_core::Chat;
use chat_core::dialect::CAMPUS;
use chat_runtime::{PeerAddr, Server};
use chat_store_memory::MemoryStore;
use people::{Trusting, open, users};
use tokio::net::TcpListener;

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
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let _socket = open(address, "", room, "2").await;
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
