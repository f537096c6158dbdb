//! Mounts chat into a [`warp`] app: [`filter`] is all there is.
//!
//! No rule lives in here. The paths are those of the dialect; requests go to
//! [`Server::respond`], handshakes to [`Server::upgrade`].
//!
//! ```no_run
//! use chat_core::dialect;
//! use chat_runtime::Server;
//! use warp::Filter;
//!
//! async fn serve(server: Server) {
//!     let hello = warp::path!("hello").map(|| "of the host");
//!     let app = chat_warp::filter(&server, dialect::MESSENGER).or(hello);
//!     warp::serve(app).run(([127, 0, 0, 1], 8080)).await;
//! }
//! ```

use std::convert::Infallible;

use bytes::{Buf, Bytes};
use chat_core::dialect::Dialect;
use chat_core::host::Identity;
use chat_core::http::{self as core, BodyError, match_path};
use chat_runtime::{PeerAddr, Server};
use futures::{Stream, StreamExt};
use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Method};
use hyper::upgrade::OnUpgrade;
use sync_wrapper::SyncStream;
use warp::path::{FullPath, Peek};
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

/// The paths of a dialect, to be joined to a host's filters with [`or`](Filter::or), or put under a
/// prefix of its with `warp::path("prefix").and(…)`.
///
/// Any other path is rejected as not found, with the body untouched, so that the filters after this
/// one have their turn. Several dialects can be mounted at once, each under its own prefix.
///
/// Where the host puts a [`PeerAddr`] into the request's extensions, a user's sessions show where
/// they come from. An [`Identity`] that is there reaches the authenticator, such as
/// [`PreAuthenticated`](chat_core::host::PreAuthenticated).
pub fn filter(
    server: &Server,
    dialect: &'static Dialect,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + use<> + 'static {
    respond(server, dialect).or(upgrade(server, dialect)).unify()
}

type Answer = (Response,);

fn respond(
    server: &Server,
    dialect: &'static Dialect,
) -> impl Filter<Extract = Answer, Error = Rejection> + Clone + Send + Sync + use<> + 'static {
    let server = server.clone();
    at(move |path| answers(dialect, path)).and(head()).and(warp::body::stream()).then(
        move |Place { uri, prefix }, head: Head, body| {
            let server = server.clone();
            async move {
                let parts = head.parts(uri);
                let body = pieces(body).boxed();
                into_response(server.respond(dialect, core::Request { parts, prefix, body }).await)
            }
        },
    )
}

fn upgrade(
    server: &Server,
    dialect: &'static Dialect,
) -> impl Filter<Extract = Answer, Error = Rejection> + Clone + Send + Sync + use<> + 'static {
    let server = server.clone();
    at(move |path| dialect.sockets.iter().any(|socket| match_path(socket.path, path).is_some()))
        .and(head())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::optional::<PeerAddr>())
        .map(move |Place { uri, prefix }, head: Head, connection, peer| {
            let mut parts = head.parts(uri);
            if let Some(connection) = connection {
                parts.extensions.insert::<OnUpgrade>(connection);
            }
            if let Some(peer) = peer {
                parts.extensions.insert::<PeerAddr>(peer);
            }
            into_response(server.upgrade(dialect, parts, &prefix))
        })
}

/// Whether a path is one of the dialect's endpoints or documents.
fn answers(dialect: &Dialect, path: &str) -> bool {
    dialect.endpoints.iter().any(|row| match_path(row.path, path).is_some())
        || [dialect.openapi_path(), dialect.asyncapi_path()].iter().any(|known| *known == path)
}

/// Where a request goes: its path and query below the prefix, and the prefix.
struct Place {
    uri: Uri,
    prefix: String,
}

/// The request's place, where its path is one of the dialect's.
fn at(
    is_ours: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
) -> impl Filter<Extract = (Place,), Error = Rejection> + Clone + Send + Sync + 'static {
    let query = warp::query::raw().map(Some).or(warp::any().map(|| None)).unify();
    warp::path::peek().and(warp::path::full()).and(query).and_then(
        move |rest: Peek, full: FullPath, query: Option<String>| {
            let path = format!("/{}", rest.as_str());
            let place = is_ours(&path).then(|| place(path, &full, query)).flatten();
            std::future::ready(place.ok_or_else(warp::reject::not_found))
        },
    )
}

fn place(path: String, full: &FullPath, query: Option<String>) -> Option<Place> {
    let prefix = full.as_str().strip_suffix(&path).unwrap_or_default().to_owned();
    let target = match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let uri = PathAndQuery::try_from(target).ok()?.into();
    Some(Place { uri, prefix })
}

/// The request's method and headers, and whom the host has recognised.
struct Head {
    method: Method,
    headers: HeaderMap,
    identity: Option<Identity>,
}

impl Head {
    fn parts(self, uri: Uri) -> http::request::Parts {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.method = self.method;
        parts.uri = uri;
        parts.headers = self.headers;
        if let Some(identity) = self.identity {
            parts.extensions.insert(identity);
        }
        parts
    }
}

/// Warp does not hand out the URI: the authority of one that has it goes where the core finds it
/// too, unless there is a `Host` already.
fn head()
-> impl Filter<Extract = (Head,), Error = Infallible> + Clone + Send + Sync + use<> + 'static {
    let host = warp::host::optional().or(warp::any().map(|| None)).unify();
    let identity = warp::ext::optional();
    warp::method().and(warp::header::headers_cloned()).and(host).and(identity).map(
        |method, mut headers: HeaderMap, host: Option<Authority>, identity| {
            let host = host.and_then(|host| HeaderValue::from_str(host.as_str()).ok());
            if let Some(host) = host.filter(|_| !headers.contains_key(HOST)) {
                headers.insert(HOST, host);
            }
            Head { method, headers, identity }
        },
    )
}

fn pieces(
    body: impl Stream<Item = Result<impl Buf, warp::Error>> + Send,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    body.map(|piece| match piece {
        Ok(mut piece) => Ok(piece.copy_to_bytes(piece.remaining())),
        Err(error) => Err(BodyError(error.into())),
    })
}

/// A response of the core as one of warp, for hosts that answer in the same shape themselves.
pub fn into_response(response: core::Response) -> Response {
    response.map(|body| match body {
        core::Body::Full(bytes) => bytes.into(),
        core::Body::Stream(stream) => {
            warp::reply::stream(SyncStream::new(stream)).into_response().into_body()
        }
    })
}
