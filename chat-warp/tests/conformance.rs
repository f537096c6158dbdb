//! The suite that every adapter passes.

use std::convert::Infallible;
use std::net::SocketAddr;

use chat_conformance::adapter::{self, FALLBACK_BODY, HOST_BODY, HOST_HEADER, Site};
use chat_core::dialect;
use chat_store_memory::MemoryStore;
use warp::http::StatusCode;
use warp::{Filter, Rejection, Reply};

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
    let chat = chat_warp::filter(&site.server, site.dialect);
    let chat = match site.prefix.strip_prefix('/') {
        Some(prefix) => warp::path(prefix).and(chat).boxed(),
        None => chat.boxed(),
    };
    let host = warp::path!("host").map(|| HOST_BODY);
    let (name, value) = HOST_HEADER;
    let app = chat.or(host).recover(fall_back).with(warp::reply::with::header(name, value));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(warp::serve(app).incoming(listener).run());
    address
}

async fn fall_back(rejection: Rejection) -> Result<impl Reply, Infallible> {
    assert!(rejection.is_not_found(), "{rejection:?}");
    Ok(warp::reply::with_status(FALLBACK_BODY, StatusCode::NOT_FOUND))
}
