//! Reading from the store what the events did not bring.

use std::sync::Arc;
use std::time::Duration;

use chat_core::Error;
use chat_core::model::{Cursor, RoomId};
use chat_core::service::Batch;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Hub, Room};
use crate::meters;

/// How many rows are read at once.
const ROWS: usize = 100;

/// How long to wait after the store did not answer.
const RETRY: Duration = Duration::from_secs(1);

/// How many rooms are asked for their version at once.
const ROOMS: usize = 1_000;

impl Hub {
    /// Reads, after some patience, what a room's sockets have not been told. The room has noted
    /// that somebody does.
    pub(super) fn catch_up(&self, room: RoomId, patience: Duration) {
        let Some(hub) = self.me.upgrade() else { return };
        self.runtime.spawn(async move {
            tokio::time::sleep(patience).await;
            loop {
                match hub.read(room).await {
                    Ok(false) => return,
                    Ok(true) => {}
                    Err(error) => {
                        tracing::warn!(%room, %error, "a room could not be caught up; trying again");
                        tokio::time::sleep(RETRY).await;
                    }
                }
            }
        });
    }

    /// What one socket has missed, for which its inbox had no room: half as much at once as an inbox
    /// holds, as it may fill meanwhile. Waits for a store that does not answer.
    pub(crate) fn missed(
        &self,
        room: RoomId,
        after: Cursor,
    ) -> BoxFuture<'static, Result<Batch, Error>> {
        let (chat, readers) = (self.chat.clone(), self.readers.clone());
        let reading = async move {
            // It is never closed.
            let _permit = readers.acquire().await;
            loop {
                match chat.changes(room, after, chat.config().queue_frames / 2).await {
                    Err(Error::Unavailable(_)) => tokio::time::sleep(RETRY).await,
                    read => return read,
                }
            }
        };
        reading.boxed()
    }

    /// Reads until nothing is missing; whether something is again by then.
    async fn read(self: &Arc<Self>, room: RoomId) -> Result<bool, Error> {
        let start = self.room_shard(room).get_mut(&room).and_then(Room::start_reading);
        let Some(mut after) = start else { return Ok(false) };
        meters::caught_up("room");
        loop {
            let batch = self.chat.changes(room, after, ROWS).await?;
            let mut shard = self.room_shard(room);
            let Some(state) = shard.get_mut(&room) else { return Ok(false) };
            let more = batch.more;
            after = batch.reached;
            state.take_batch(batch);
            if !more {
                return Ok(state.stop_reading());
            }
        }
    }

    /// Looks whether rooms with open sockets have gone further than was told, by their versions in
    /// the store.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        let rooms = self.rooms();
        meters::looked(|| self.load());
        for rooms in rooms.chunks(ROOMS) {
            for (room, version) in self.chat.versions(rooms).await? {
                self.reached(room, version);
            }
        }
        Ok(())
    }
}
