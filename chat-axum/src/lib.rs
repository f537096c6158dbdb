//! Mounts chat into an [`axum`] app: [`router`] is all there is.
//!
//! No rule lives in here. The routes are those of the dialect; requests go to
//! [`Server::respond`], handshakes to [`Server::upgrade`].
//!
//! ```no_run
//! use chat_core::host::{JwtAuthenticator, StaticDirectory};
//! use chat_core::model::User;
//! use chat_core::{Chat, dialect};
//! use chat_runtime::Server;
//! use chat_store_memory::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let users = StaticDirectory::from_iter([User::new(1.into(), "john"), User::new(2.into(), "jane")]);
//! let sign_in = JwtAuthenticator::hs256(b"at least 32 random bytes, kept safe");
//! let server = Server::start(Chat::new(MemoryStore::new(), users, sign_in));
//!
//! let app = axum::Router::new()
//!     .route("/", axum::routing::get(|| async { "home" }))
//!     .merge(chat_axum::router(&server, dialect::MESSENGER));
//! axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8080").await?, app).await
//! # }
//! ```

use axum::body::Body;
use axum::extract::{ConnectInfo, OriginalUri, Request};
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use chat_core::dialect::Dialect;
use chat_core::http::{self as core, BodyError};
use chat_runtime::{PeerAddr, Server};
use futures::StreamExt;
use std::net::SocketAddr;

/// The routes of a dialect, to be merged into a host's router or nested under a prefix of its.
///
/// They bring no fallback, layer or state of their own, so that the host's stay as they are and
/// apply. Several dialects can be mounted at once, each under its own prefix.
///
/// Where the host serves with `into_make_service_with_connect_info::<SocketAddr>()`, or puts a
/// [`PeerAddr`] into the request's extensions, a user's sessions show where they come from. The
/// latter counts where both are there: a host behind a proxy knows better than the connection.
///
/// # Panics
/// Like axum itself, where routes are merged that are there already.
pub fn router<S: Clone + Send + Sync + 'static>(
    server: &Server,
    dialect: &'static Dialect,
) -> axum::Router<S> {
    let mut router = axum::Router::new();
    for path in dialect.http_paths() {
        router = route(router, &path, respond(server, dialect));
    }
    for socket in dialect.sockets {
        router = route(router, socket.path, upgrade(server, dialect));
    }
    router
}

/// A path; one that ends in a slash without it too.
fn route<S: Clone + Send + Sync + 'static>(
    router: axum::Router<S>,
    path: &str,
    handler: MethodRouter<S>,
) -> axum::Router<S> {
    match path.strip_suffix('/') {
        Some(bare) => router.route(path, handler.clone()).route(bare, handler),
        None => router.route(path, handler),
    }
}

fn respond<S: Clone + Send + Sync + 'static>(
    server: &Server,
    dialect: &'static Dialect,
) -> MethodRouter<S> {
    let server = server.clone();
    any(move |request: Request| async move {
        let prefix = prefix(&request);
        let (parts, body) = request.into_parts();
        let body = body
            .into_data_stream()
            .map(|piece| piece.map_err(|error| BodyError(error.into())))
            .boxed();
        into_response(server.respond(dialect, core::Request { parts, prefix, body }).await)
    })
}

fn upgrade<S: Clone + Send + Sync + 'static>(
    server: &Server,
    dialect: &'static Dialect,
) -> MethodRouter<S> {
    let server = server.clone();
    any(move |request: Request| async move {
        let prefix = prefix(&request);
        let (mut parts, _) = request.into_parts();
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>().copied();
        if let Some(ConnectInfo(address)) = connection
            && parts.extensions.get::<PeerAddr>().is_none()
        {
            parts.extensions.insert(PeerAddr(address));
        }
        into_response(server.upgrade(dialect, parts, &prefix))
    })
}

/// Under which prefix the routes were nested: what the path was longer before.
fn prefix(request: &Request) -> String {
    let path = request.uri().path();
    let original =
        request.extensions().get::<OriginalUri>().map_or(path, |original| original.0.path());
    original.strip_suffix(path).unwrap_or_default().to_owned()
}

/// A response of the core as one of axum, for hosts that answer in the same shape themselves.
pub fn into_response(response: core::Response) -> Response {
    response.map(|body| match body {
        core::Body::Full(bytes) => Body::from(bytes),
        core::Body::Stream(stream) => Body::from_stream(stream),
    })
}
