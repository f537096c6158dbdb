//! The bus between several chats in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chat_core::host::{Bus, Hint};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How many hints may wait for a node that is busy; then it is told that it missed some.
const CAPACITY: usize = 4096;

/// The bus between several chats in one process that share a store.
///
/// Each node holds its own handle, made by [`LocalBus::join`], and hears all others but itself.
///
/// ```
/// # use chat_runtime::LocalBus;
/// let first = LocalBus::new();
/// let second = first.join();
/// ```
#[derive(Debug)]
pub struct LocalBus {
    sender: broadcast::Sender<(u64, Hint)>,
    members: Arc<AtomicU64>,
    me: u64,
}

impl LocalBus {
    /// A new bus with one node.
    pub fn new() -> Self {
        Self { sender: broadcast::channel(CAPACITY).0, members: Arc::new(AtomicU64::new(1)), me: 0 }
    }

    /// Another node on the same bus.
    #[must_use]
    pub fn join(&self) -> Self {
        let me = self.members.fetch_add(1, Ordering::Relaxed);
        Self { sender: self.sender.clone(), members: self.members.clone(), me }
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Bus for LocalBus {
    fn publish(&self, hint: Hint) {
        // Without a receiver there is nobody to tell.
        let _ = self.sender.send((self.me, hint));
    }

    fn subscribe(&self) -> BoxStream<'static, Hint> {
        let me = self.me;
        let hints = stream::unfold(self.sender.subscribe(), |mut receiver| async {
            match receiver.recv().await {
                Ok(hint) => Some((Some(hint), receiver)),
                Err(RecvError::Lagged(_)) => Some((None, receiver)),
                Err(RecvError::Closed) => None,
            }
        });
        let heard = move |hint: Option<(u64, Hint)>| async move {
            match hint {
                Some((origin, _)) if origin == me => None,
                Some((_, hint)) => Some(hint),
                None => Some(Hint::Missed),
            }
        };
        hints.filter_map(heard).boxed()
    }

    fn is_available(&self) -> bool {
        true
    }
}
