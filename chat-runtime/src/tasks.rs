//! What runs beside the sockets: the sweep, the leases, the end of typing, the bus.

use std::sync::{Arc, Weak};
use std::time::Duration;

use chat_core::host::Hint;
use chat_core::{Chat, Error};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::host::caught;
use crate::hub::Hub;
use crate::meters;

/// How often the versions of rooms with open sockets are compared with the store's. A bus that
/// loses everything delays a message by this much.
const SWEEP: Duration = Duration::from_secs(1);

/// How many times a lease is renewed before it would be over.
const RENEWALS: u32 = 4;

/// Starts all of it. It ends with the set, or with the hub. Where the host's own code panics, the
/// rest goes on.
pub(crate) fn start(chat: &Chat, hub: &Arc<Hub>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(sweep(chat.clone(), Arc::downgrade(hub)));
    tasks.spawn(renew_sessions(chat.clone()));
    tasks.spawn(end_typing(chat.clone()));
    tasks.spawn(hear(chat.clone(), chat.bus().subscribe(), Arc::downgrade(hub)));
    tasks
}

async fn sweep(chat: Chat, hub: Weak<Hub>) {
    loop {
        sleep(SWEEP).await;
        let Some(hub) = hub.upgrade() else { return };
        let swept =
            async { if chat.bus().is_available() { hub.sweep().await } else { look(&hub).await } };
        if let Err(error) = caught(swept).await {
            meters::failed_sweep();
            tracing::warn!(%error, "the rooms could not be swept; trying again");
        }
    }
}

/// Looks into the store for all that other nodes may have said and that was not heard.
async fn look(hub: &Hub) -> Result<(), Error> {
    hub.sweep().await?;
    hub.sweep_presence().await
}

async fn renew_sessions(chat: Chat) {
    loop {
        sleep(chat.config().session_lease / RENEWALS).await;
        if let Err(error) = caught(chat.renew_sessions()).await {
            tracing::warn!(%error, "the sessions could not be renewed; trying again");
        }
    }
}

async fn end_typing(chat: Chat) {
    loop {
        // Typing that begins while this sleeps ends no earlier than a whole limit later.
        let next = chat.poll_typing_timeout().map(Instant::from_std);
        sleep_until(next.unwrap_or_else(|| Instant::now() + chat.config().typing_limit)).await;
        chat.handle_typing_timeout(Instant::now().into_std());
    }
}

async fn hear(chat: Chat, mut hints: BoxStream<'static, Hint>, hub: Weak<Hub>) {
    while let Some(hint) = hints.next().await {
        let Some(hub) = hub.upgrade() else { return };
        let heard = match hint {
            Hint::Room(room, version) => {
                hub.reached(room, version);
                Ok(())
            }
            Hint::Missed => caught(look(&hub)).await,
            hint => caught(chat.handle_hint(hint, Instant::now().into_std())).await,
        };
        if let Err(error) = heard {
            tracing::warn!(%error, "a hint could not be followed");
        }
    }
}
