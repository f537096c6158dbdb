//! Bodies that stop on their way: of a request nothing comes any more, of a response nothing is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chat_core::Error;
use chat_core::http::{BodyError, Incoming};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::server::{Guard, Life};

/// The body of a response, as the client takes it.
pub(crate) type Pieces = BoxStream<'static, Result<Bytes, Error>>;

/// Whether a request's body has stopped.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stalled(Arc<AtomicBool>);

impl Stalled {
    pub(crate) fn has(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A request's body, which breaks off where nothing of it has come for so long.
    pub(crate) fn watch(&self, body: Incoming, limit: Duration, life: Arc<Life>) -> Incoming {
        let from = Some((body, self.0.clone(), life));
        let watched = stream::unfold(from, move |from| async move {
            let (mut body, stalled, life) = from?;
            let piece = tokio::select! {
                piece = body.next() => piece?,
                () = life.silence(limit) => {
                    stalled.store(true, Ordering::Relaxed);
                    return Some((Err(BodyError("nothing has come for too long".into())), None));
                }
            };
            Some((piece, Some((body, stalled, life))))
        });
        watched.boxed()
    }
}

/// A response's body, which breaks off where nothing of it was taken for so long. What it holds is
/// then let go of, though the connection may hold the rest.
///
/// It is under way until it was taken or let go of. Must be called inside a tokio runtime.
pub(crate) fn relay(mut pieces: Pieces, limit: Duration, guard: Guard) -> Pieces {
    let (sender, receiver) = mpsc::channel(1);
    let work = async move {
        let life = guard.life();
        loop {
            let piece = tokio::select! {
                () = sender.closed() => return,
                piece = pieces.next() => piece,
            };
            let goes_on = matches!(piece, Some(Ok(_)));
            tokio::select! {
                sent = sender.send(piece) => if sent.is_err() { return },
                () = life.silence(limit) => return,
            }
            if !goes_on {
                break;
            }
        }
        tokio::select! {
            () = sender.closed() => {}
            () = life.silence(limit) => {}
        }
        drop(guard);
    };
    tokio::spawn(work.in_current_span());
    let relayed = stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Some(Ok(piece))) => Some((Ok(piece), Some(receiver))),
            Some(Some(Err(error))) => Some((Err(error), None)),
            // Its end.
            Some(None) => None,
            None => Some((Err(Error::Unavailable("it was let go of".into())), None)),
        }
    });
    relayed.boxed()
}
