//! The suite that every adapter passes.

use std::net::SocketAddr;

use axum::http::StatusCode;
use axum::response::AppendHeaders;
use axum::routing::get;
use axum::{Router, middleware};
use chat_conformance::adapter::{self, FALLBACK_BODY, HOST_BODY, HOST_HEADER, Site};
use chat_core::dialect;
use chat_store_memory::MemoryStore;

#[tokio::test]
async fn messenger_is_answered_as_documented() {
    adapter::run(dialect::MESSENGER, async || MemoryStore::new(), mount).await;
}

#[tokio::test]
async fn campus_is_answered_as_documented() {
    adapter::run(dialect::CAMPUS, async || MemoryStore::new(), mount).await;
}

#[tokio::test]
async fn direct_is_answered_as_documented() {
    adapter::run(dialect::DIRECT, async || MemoryStore::new(), mount).await;
}

#[tokio::test]
async fn rooms_is_answered_as_documented() {
    adapter::run(dialect::ROOMS, async || MemoryStore::new(), mount).await;
}

#[tokio::test]
async fn team_is_answered_as_documented() {
    adapter::run(dialect::TEAM, async || MemoryStore::new(), mount).await;
}

async fn mount(site: Site) -> SocketAddr {
    let chat = chat_axum::router(&site.server, site.dialect);
    let host = Router::new().route("/host", get(HOST_BODY));
    let host = if site.prefix.is_empty() { host.merge(chat) } else { host.nest(site.prefix, chat) };
    let host = host
        .fallback((StatusCode::NOT_FOUND, FALLBACK_BODY))
        .layer(middleware::map_response(async |answer| (AppendHeaders([HOST_HEADER]), answer)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, host).await });
    address
}
