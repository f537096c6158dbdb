//! Bodies that stop on their way: of a request nothing comes any more, or too little, of a response
//! nothing is taken.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chat_core::http::{BodyError, Incoming};
use chat_core::{Config, Error};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
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

    /// A request's body, which breaks off once it was waited for longer than its pace allows.
    pub(crate) fn watch(&self, body: Incoming, pace: Pace, life: Arc<Life>) -> Incoming {
        let from = Some((body, pace, self.0.clone(), life));
        let watched = stream::unfold(from, move |from| async move {
            let (mut body, mut pace, stalled, life) = from?;
            let since = Instant::now();
            let piece = tokio::select! {
                piece = body.next() => piece?,
                () = life.silence(pace.left) => {
                    stalled.store(true, Ordering::Relaxed);
                    return Some((Err(BodyError("it has come too slowly".into())), None));
                }
            };
            pace.note(piece.as_ref().map_or(0, Bytes::len), since.elapsed());
            Some((piece, Some((body, pace, stalled, life))))
        });
        watched.boxed()
    }
}

/// How much longer a body is waited for. Waiting uses it up and what comes gives it back, so that
/// nothing is saved up for later by having been fast before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    left: Duration,
    most: Duration,
    /// In bytes a second.
    rate: NonZeroU32,
}

impl Pace {
    pub(crate) fn new(config: &Config) -> Self {
        let most = config.stall_timeout;
        Self { left: most, most, rate: config.body_rate }
    }

    /// Notes that so much came after so long.
    fn note(&mut self, bytes: usize, waited: Duration) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let won = Duration::from_secs(1) * bytes / self.rate.get();
        self.left = (self.left.saturating_sub(waited) + won).min(self.most);
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
