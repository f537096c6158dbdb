//! The [`Store`](chat_core::store::Store) of the chat library in memory: for tests,
//! demonstrations and services of one process that may forget.
//!
//! It keeps every contract that the Postgres store keeps, except that what it holds ends with the
//! process. It is bounded only by memory: nothing is ever thrown away but what callers delete.
//!
//! Rooms do not wait for each other: each has one lock, and what is shared between them is cut
//! into shards. No call walks all rooms or all messages of a room. No lock is held across an
//! `.await`; the methods are `async` only because the traits are.
//!
//! # Examples
//! ```
//! use chat_core::model::{Kinds, MessageKind, RoomKind, Timestamp, UserId};
//! use chat_core::rules::{Action, Caller, Content};
//! use chat_core::store::{Anchor, HistoryQuery, MessageStore, NewMessage, NewRoom, RoomStore};
//! use chat_core::model::Slice;
//! use chat_store_memory::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new();
//! let ada = Caller { user: UserId::new("ada")?, kinds: Kinds::ALL };
//! let at = Timestamp::from_seconds(1_735_122_600);
//!
//! let room = store
//!     .create_room(NewRoom {
//!         kind: RoomKind::Group,
//!         name: None,
//!         creator: Some(ada.user.clone()),
//!         members: vec![UserId::new("bob")?],
//!         member_limit: 100,
//!         metadata: Default::default(),
//!         at,
//!     })
//!     .await?;
//! let hello = NewMessage {
//!     room,
//!     by: ada.clone().into(),
//!     kind: MessageKind::Text,
//!     content: Content::parse("hello", 1_000)?,
//!     attachment: None,
//!     reply_to: None,
//!     once: None,
//!     at,
//! };
//! assert_eq!(store.send(hello).await?.message.seq, 1);
//!
//! let newest = HistoryQuery {
//!     room,
//!     by: Some(ada),
//!     anchor: Anchor::Newest,
//!     slice: Slice::first(50),
//!     deleted: false,
//! };
//! let page = store.history(newest).await?.ok_or("no such room")?.permit(Action::ReadHistory)?;
//! assert_eq!((page.count, page.items[0].content.as_str()), (1, "hello"));
//! # Ok(())
//! # }
//! ```

mod attendance;
mod erasure;
mod gone_files;
mod gone_rooms;
mod index;
mod messages;
mod receipts;
mod room_state;
mod rooms;
mod search;
mod sessions;
mod shards;
mod state;
#[cfg(test)]
mod tests;
mod timeline;

use std::fmt;
use std::sync::Arc;

use crate::state::State;

/// A [`Store`](chat_core::store::Store) that keeps everything in memory.
///
/// Clones are cheap and share what they hold, which is gone with the last of them.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<State>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

/// How much it holds, and nothing of what was said.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("rooms", &self.state.rooms.given())
            .field("messages", &self.state.places.given())
            .finish_non_exhaustive()
    }
}

const fn keeps_the_contract<T: chat_core::store::Store>() {}
const _: () = keeps_the_contract::<MemoryStore>();
