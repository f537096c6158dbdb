//! The running server that adapters mount.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chat_core::Chat;
use chat_core::dialect::Dialect;
use chat_core::http::{
    Answered, Body, Incoming, Rejection, Request, Response, detail, dispatch, drain_response,
    refuse,
};
use chat_core::service::{Error, Listener};
use futures::StreamExt;
use http::header::CONNECTION;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use crate::clock::now;
use crate::driver::CLOSE_TIMEOUT;
use crate::hub::Hub;
use crate::stalls::{Pace, Stalled, relay};
use crate::{meters, tasks, upgrade};

/// A running chat server: the open sockets of this process and what keeps them going. Cloning is
/// cheap. It ends with the last clone, and open sockets are then closed 1012; to wait for them there
/// is [`Server::drain`].
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    chat: Chat,
    hub: Arc<Hub>,
    listener: Arc<dyn Listener>,
    runtime: Handle,
    life: Arc<Life>,
    /// Ends the tasks when dropped.
    _tasks: JoinSet<()>,
}

/// How long, and beyond the largest file how much, is read of a request that is refused; and how
/// long its client may pause.
const UNREAD: Duration = Duration::from_secs(30);
const BEYOND: u64 = 8 * 1024 * 1024;
const PAUSE: Duration = Duration::from_secs(2);

/// What is going on, for the drain.
#[derive(Debug, Default)]
pub(crate) struct Life {
    draining: AtomicBool,
    /// When that begins.
    drain: Notify,
    busy: AtomicUsize,
    idle: Notify,
}

/// Something that a drain waits for: a socket or a request.
#[derive(Debug)]
pub(crate) struct Guard(Arc<Life>);

impl Guard {
    fn new(life: &Arc<Life>) -> Self {
        life.busy.fetch_add(1, Ordering::SeqCst);
        Self(life.clone())
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    pub(crate) fn life(&self) -> Arc<Life> {
        self.0.clone()
    }
}

impl Life {
    /// Until the server drains.
    async fn drained(&self) {
        let begun = self.drain.notified();
        if !self.draining.load(Ordering::SeqCst) {
            begun.await;
        }
    }

    /// How long a connection may do nothing: so long, and no longer than a socket that closes once
    /// the server drains.
    pub(crate) async fn silence(&self, limit: Duration) {
        let drained = async {
            self.drained().await;
            sleep(CLOSE_TIMEOUT).await;
        };
        tokio::select! {
            () = sleep(limit) => {}
            () = drained => {}
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drained {
    /// Every socket was closed and every request answered.
    Whole,
    /// So many sockets and requests were still there when the time was over.
    Cut(usize),
}

impl Server {
    /// Starts serving a chat. Must be called inside a tokio runtime with timers and I/O.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(chat: Chat) -> Self {
        let runtime = Handle::current();
        let hub = Hub::new(chat.clone(), runtime.clone());
        let listener: Arc<dyn Listener> = hub.clone();
        chat.add_listener(listener.clone());
        let tasks = tasks::start(&chat, &hub);
        let inner = Inner { chat, hub, listener, runtime, life: Arc::default(), _tasks: tasks };
        Self { inner: Arc::new(inner) }
    }

    /// The chat.
    pub fn chat(&self) -> &Chat {
        &self.inner.chat
    }

    /// How many sockets and requests are open now.
    pub fn open(&self) -> usize {
        self.inner.life.busy.load(Ordering::SeqCst)
    }

    /// Answers a request in a dialect. For adapters.
    ///
    /// The work goes on also when the client goes away and the future is dropped, so that what was
    /// stored is told. It is done in the span that this was called in.
    pub async fn respond(&self, dialect: &'static Dialect, request: Request) -> Response {
        let guard = Guard::new(&self.inner.life);
        if guard.is_draining() {
            return drain_response();
        }
        let chat = self.inner.chat.clone();
        let work = async move {
            let (limit, stalled) = (chat.config().stall_timeout, Stalled::default());
            let body = stalled.watch(request.body, Pace::new(chat.config()), guard.life());
            let request = Request { body, ..request };
            let Answered { response, unread } = dispatch(&chat, dialect, request, now()).await;
            if stalled.has() {
                return stalled_response();
            }
            if let Some(unread) = unread {
                let most = chat.config().uploads.max_bytes.saturating_add(BEYOND);
                // Whoever takes longer has to read in time.
                tokio::select! {
                    () = guard.0.drained() => {}
                    _ = timeout(UNREAD, discard(unread, most)) => {}
                }
            }
            response.map(|body| match body {
                Body::Full(bytes) => Body::Full(bytes),
                Body::Stream(pieces) => Body::Stream(relay(pieces, limit, guard)),
            })
        };
        let work = self.inner.runtime.spawn(work.in_current_span());
        let response = work.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a request was not answered");
            refuse(dialect, &Rejection::Chat(Error::Internal(error.into())))
        });
        meters::answered(dialect.name, response.status());
        response
    }

    /// Answers a WebSocket handshake, and runs the socket if it was accepted. For adapters. The
    /// request's URI is without the prefix that the dialect is mounted at, and its extensions must
    /// hold hyper's `OnUpgrade`, and may hold a [`PeerAddr`](crate::PeerAddr).
    pub fn upgrade(&self, dialect: &'static Dialect, request: Parts, prefix: &str) -> Response {
        let guard = Guard::new(&self.inner.life);
        if guard.is_draining() {
            return drain_response();
        }
        let (response, accepted) = upgrade::accept(&self.inner.chat, dialect, request, prefix);
        if let Some((accepted, connection)) = accepted {
            let hub = self.inner.hub.clone();
            let run = upgrade::run(accepted, connection, hub, guard);
            self.inner.runtime.spawn(run.in_current_span());
        }
        response
    }

    /// Stops serving: new requests are answered 503, open sockets get their dialect's hint and are
    /// closed 1012, requests under way and what sockets had sent are finished. Returns when all is
    /// done or the time is over.
    pub async fn drain(&self, patience: Duration) -> Drained {
        self.inner.end();
        let life = &self.inner.life;
        let idle = async {
            loop {
                let notified = life.idle.notified();
                if life.busy.load(Ordering::SeqCst) == 0 {
                    return;
                }
                notified.await;
            }
        };
        match timeout(patience, idle).await {
            Ok(()) => Drained::Whole,
            Err(_) => Drained::Cut(self.open()),
        }
    }
}

/// The answer to a request that has come too slowly, or not at all any more.
fn stalled_response() -> Response {
    let mut response = detail(StatusCode::REQUEST_TIMEOUT, "The request did not come in time.");
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Reads what a client still sends, so that it gets to know why it is refused.
async fn discard(mut body: Incoming, most: u64) {
    let mut read = 0;
    while let Ok(Some(Ok(piece))) = timeout(PAUSE, body.next()).await
        && read <= most
    {
        read += piece.len() as u64;
    }
}

impl Inner {
    /// Takes nothing new, and tells whoever is there to go.
    fn end(&self) {
        self.life.draining.store(true, Ordering::SeqCst);
        self.life.drain.notify_waiters();
        self.hub.drain();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Nothing is told to its sockets any more, and nobody vouches for them.
        self.end();
        self.chat.remove_listener(&self.listener);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("open", &self.open()).finish_non_exhaustive()
    }
}
