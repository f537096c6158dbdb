//! The accept loop: what the frameworks' own leave out (header timeout, connection cap).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_runtime::PeerAddr;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::{Service, ServiceExt};

/// How long a client may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How many connections are open at once at the most.
const CONNECTIONS: usize = 20_000;

/// How long requests under way have once no new ones are taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connections that are open once no new ones are taken.
pub(crate) struct Open(GracefulShutdown);

impl Open {
    /// Lets the requests under way finish.
    pub(crate) async fn finish(self) {
        let _ = tokio::time::timeout(PATIENCE, self.0.shutdown()).await;
    }
}

/// Serves until told to stop; then takes no new connection.
pub(crate) async fn serve<S, B>(
    listener: TcpListener,
    app: S,
    stop: impl Future<Output = ()>,
) -> Open
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);

    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, peer, slot)) = accepted else { continue };
        let app = app.clone();
        let service =
            service_fn(move |request: Request<Incoming>| call(app.clone(), request, peer));
        let connection =
            builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off is no news.
            let _ = watched.await;
            drop(slot);
        });
    }
    Open(graceful)
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, slot)),
        Err(error) => {
            // Out of file descriptors, say: it passes when connections close.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Answers a request, and logs it without its query, which may hold a token.
async fn call<S, B>(
    app: S,
    mut request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<B>, Infallible>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    request.extensions_mut().insert(PeerAddr(peer));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let begun = Instant::now();
    let response = app.oneshot(request).await?;
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    tracing::info!(%method, path, status, ?took, "request");
    Ok(response)
}
