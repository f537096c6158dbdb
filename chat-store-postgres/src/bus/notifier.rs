//! The half of the bus that tells.

use std::sync::Arc;
use std::time::Duration;

use chat_core::host::Packet;
use sqlx::PgConnection;
use tokio::time::{sleep, timeout};

use super::{HEARTBEAT, PAUSE, Shared};
use crate::connection::PATIENCE;
use crate::sql::bus as sql;

/// The largest payload, in bytes: Postgres takes less than 8,000.
const PAYLOAD: usize = 7_900;

/// How long what comes after something was told gathers, as each telling wakes every node.
const GATHER: Duration = Duration::from_millis(5);

/// Tells all that waits, again and again; where nothing does for a while, that somebody is there.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut connection = None;
    loop {
        let _ = timeout(HEARTBEAT, shared.wake.notified()).await;
        let mut payloads = shared.waiting(PAYLOAD);
        if payloads.is_empty() {
            payloads.push(Packet::heartbeat(shared.me));
        }
        match timeout(PATIENCE, notify(&shared, connection.take(), &payloads)).await {
            Ok(Ok(kept)) => {
                connection = Some(kept);
                sleep(GATHER).await;
            }
            failed => {
                if let Ok(Err(error)) = failed {
                    tracing::warn!(%error, "the other nodes could not be told; trying again");
                }
                sleep(PAUSE).await;
                shared.tell_again(&payloads);
            }
        }
    }
}

async fn notify(
    shared: &Shared,
    connection: Option<PgConnection>,
    payloads: &[String],
) -> Result<PgConnection, sqlx::Error> {
    let mut connection = if let Some(connection) = connection {
        connection
    } else {
        let mut connection = shared.database.dedicated().await?;
        // Nothing of it has to survive a crash.
        sqlx::query(sql::SET_UP).execute(&mut connection).await?;
        connection
    };
    let notify = sqlx::query(sql::NOTIFY).bind(shared.database.schema()).bind(payloads);
    notify.execute(&mut connection).await?;
    Ok(connection)
}
