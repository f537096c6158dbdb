//! The half of the bus that hears.

use std::convert::Infallible;
use std::sync::Arc;

use chat_core::host::{Hint, Packet};
use sqlx::postgres::PgListener;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{PAUSE, SILENCE, Shared};

/// Why a listener is replaced.
#[derive(Debug, thiserror::Error)]
enum Deaf {
    #[error("it does not hear its own node")]
    Silent,
    #[error("its connection has ended")]
    Ended,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Listens, with another listener where one is deaf.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        let Err(error) = listen(&shared).await;
        shared.set_available(false);
        tracing::warn!(%error, "the listener to the other nodes is replaced");
        sleep(PAUSE).await;
    }
}

async fn listen(shared: &Shared) -> Result<Infallible, Deaf> {
    let connect = async {
        let mut listener = PgListener::connect_with(&shared.database.lone()).await?;
        // It would come back without a word about what it missed.
        listener.eager_reconnect(false);
        listener.listen(shared.database.schema()).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    let mut listener = timeout(SILENCE, connect).await.map_err(|_| Deaf::Silent)??;
    // Whatever was told before this moment was not heard.
    shared.hear(Hint::Missed);
    shared.wake.notify_one();
    let mut until = Instant::now() + SILENCE;
    loop {
        let next = timeout_at(until, listener.try_recv()).await;
        let notification = next.map_err(|_| Deaf::Silent)??.ok_or(Deaf::Ended)?;
        let Some(packet) = Packet::parse(notification.payload()) else { continue };
        if packet.from == shared.me {
            shared.set_available(true);
            until = Instant::now() + SILENCE;
        } else {
            packet.hints.into_iter().for_each(|hint| shared.hear(hint));
        }
    }
}
