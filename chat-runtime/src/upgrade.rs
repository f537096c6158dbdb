//! From a handshake request to a running driver.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chat_core::Chat;
use chat_core::dialect::Dialect;
use chat_core::http::{Body, Links, Params, Rejection, Response, detail, match_path, refuse};
use chat_core::socket::{Close, Opening, Socket, SocketRoute, origin_allowed};
use futures::{FutureExt, SinkExt, StreamExt};
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use hyper::upgrade::OnUpgrade;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::clock::now;
use crate::driver::{CLOSE_TIMEOUT, Driver, close_message};
use crate::host::LIMIT;
use crate::hub::{Hub, Subscription};
use crate::inbox::Inbox;
use crate::meters;
use crate::server::Guard;
use crate::stream::Stream;

/// The address a request came from. An adapter or host that knows it puts it into the request's
/// extensions; it is shown in the list of a user's sessions.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddr(pub SocketAddr);

/// Memory for reading and for writing that a socket holds while it is idle, in bytes.
const READ_BUFFER: usize = 2 * 1024;
const WRITE_BUFFER: usize = 4 * 1024;

/// A handshake that was accepted: what is needed once the connection has been handed over.
pub(crate) struct Accepted {
    pub(crate) chat: Chat,
    pub(crate) dialect: &'static Dialect,
    pub(crate) route: &'static SocketRoute,
    pub(crate) params: Params,
    pub(crate) handshake: Parts,
    /// With what links in its frames begin.
    pub(crate) base: String,
}

/// Checks a handshake (RFC 6455, section 4.2) and answers it; the second part is there if it was
/// accepted.
pub(crate) fn accept(
    chat: &Chat,
    dialect: &'static Dialect,
    mut parts: Parts,
    prefix: &str,
) -> (Response, Option<(Accepted, OnUpgrade)>) {
    let refused = |rejection| (refuse(dialect, &rejection), None);
    let path = parts.uri.path();
    let found =
        dialect.sockets.iter().find_map(|route| Some((route, match_path(route.path, path)?)));
    let Some((route, params)) = found else { return refused(Rejection::NoSuchPath) };
    if parts.method != Method::GET {
        return refused(Rejection::MethodNotAllowed(vec![Method::GET]));
    }
    let token = |name, word: &str| {
        let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut tokens = values.flat_map(|value| value.split(',')).map(str::trim);
        tokens.find(|token| token.eq_ignore_ascii_case(word))
    };
    let has = |name, word| token(name, word).is_some();
    let version = has(SEC_WEBSOCKET_VERSION, "13");
    let key = parts.headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let (true, true, Some(key), Some(upgrade)) =
        (has(CONNECTION, "upgrade") && has(UPGRADE, "websocket"), version, key, upgrade)
    else {
        let mut response =
            detail(StatusCode::UPGRADE_REQUIRED, "This is a WebSocket: upgrade with version 13.");
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return (response, None);
    };
    if !origin_allowed(&parts.headers, chat.config()) {
        return (detail(StatusCode::FORBIDDEN, "This origin may not connect."), None);
    }
    let mut response = http::Response::new(Body::Full(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    // As they wrote it: clients give up where the answer is none of what they offered.
    if let Some(Ok(bearer)) = token(SEC_WEBSOCKET_PROTOCOL, "bearer").map(HeaderValue::from_str) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, bearer);
    }
    let trusts = chat.config().trust_forwarded;
    let links = Links::new(&parts.uri, &parts.headers, prefix, trusts);
    let accepted = Accepted {
        base: links.base().to_owned(),
        chat: chat.clone(),
        dialect,
        route,
        params,
        handshake: parts,
    };
    (response, Some((accepted, upgrade)))
}

/// Runs a socket from the moment its connection is handed over to its end.
pub(crate) fn run(
    accepted: Accepted,
    upgrade: OnUpgrade,
    hub: Arc<Hub>,
    guard: Guard,
) -> impl Future<Output = ()> {
    // In a box, as a future is as large as the largest of its states for all its life: what
    // opening takes is given back while the socket is idle.
    let dialect = accepted.dialect.name;
    let opening = Box::pin(begin(accepted, upgrade, hub));
    async move {
        let Some((mut driver, subscription)) = opening.await else { return };
        let open = meters::Open::new(dialect);
        if guard.is_draining() {
            // The drain may have passed before the subscription was there to be told.
            driver.drain();
        }
        std::future::poll_fn(|cx| driver.poll(cx)).await;
        drop((subscription, open));
        Box::pin(driver.leave()).await;
    }
}

/// Opens a socket, or closes it where it may not stay.
async fn begin(
    accepted: Accepted,
    upgrade: OnUpgrade,
    hub: Arc<Hub>,
) -> Option<(Driver, Subscription)> {
    let (stream, read) = Stream::from_upgraded(upgrade.await.ok()?);
    let figures = accepted.chat.config();
    let limit = figures.frame_limit;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        // A frame is put in only where all before it was taken.
        .max_write_buffer_size(figures.largest_frame())
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    let mut stream =
        WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config)).await;
    let inbox = Arc::new(Inbox::new(figures));
    // Who is signed out meanwhile is remembered for longer.
    let opening = AssertUnwindSafe(open(&accepted, &hub, &inbox)).catch_unwind();
    let opened = timeout(LIMIT, opening).await.unwrap_or(Ok(Err(Close::UNAVAILABLE)));
    match opened.unwrap_or(Err(Close::FAULT)) {
        Ok((socket, subscription)) => {
            tracing::debug!(
                dialect = accepted.dialect.name,
                room = %socket.room(),
                session = ?socket.session().id(),
                "a socket opened"
            );
            Some((Driver::new(stream, socket, inbox, hub), subscription))
        }
        Err(close) => {
            meters::closed(close.code);
            tracing::debug!(
                dialect = accepted.dialect.name,
                code = close.code,
                reason = close.reason,
                "a socket was refused"
            );
            let goodbye = async {
                stream.send(close_message(close)).await?;
                while stream.next().await.transpose()?.is_some() {}
                Ok::<_, tungstenite::Error>(())
            };
            let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
            None
        }
    }
}

/// Subscribes first, then reads what the socket has to know: nothing falls between.
async fn open(
    accepted: &Accepted,
    hub: &Arc<Hub>,
    inbox: &Arc<Inbox>,
) -> Result<(Socket, Subscription), Close> {
    let Accepted { chat, dialect, route, params, handshake, base } = accepted;
    let (params, since) = (params.clone(), now());
    let opening = Opening::recognise(chat, dialect, route, params, handshake, since).await?;
    let mut subscription = hub.subscribe(opening.room(), inbox.clone());
    subscription.belong_to(opening.user(), since);
    let ip_address = handshake.extensions.get::<PeerAddr>().map(|peer| peer.0.ip());
    let headers = &handshake.headers;
    let (socket, watched) = opening.enter(headers, ip_address, base, now()).await?;
    subscription.begin(socket.cursor().version, watched);
    Ok((socket, subscription))
}
