//! The [`Store`] trait: what the library asks of a database.
//!
//! Each method is one atomic step with a written contract; there are no transactions to hold and
//! no method needs another one to have been called before. `chat-store-memory` and
//! `chat-store-postgres` implement it, and `chat-conformance` has a test for every sentence here.
//!
//! # The laws that every method keeps
//! - **Committed means committed.** A method that returns `Ok` has made its change lasting.
//! - **One order per room.** A method that changes a room takes the room for itself, checks
//!   [`Access::permit`](crate::rules::Access::permit) with the facts of that moment, and gives the
//!   change the room's next [`Version`](crate::model::Version). So versions ascend in commit order
//!   and no reader sees a hole that is filled later.
//! - **All or nothing.** A method that returns `Err` has changed nothing, except that after
//!   [`StoreError::Unavailable`] the outcome may be unknown: sending again with the same key finds
//!   out.
//! - **Nothing is counted by walking.** No method's cost grows with the number of other rooms,
//!   or with the number of messages in the room.

mod erasure;
mod error;
mod messages;
mod receipts;
mod rooms;
mod search;
mod sessions;

pub use erasure::{
    Erase, Erased, ErasureStore, FIRST_FILE_PAUSE, FIRST_ROOM_PAUSE, ForgottenUser,
    LONGEST_FILE_PAUSE, LONGEST_ROOM_PAUSE,
};
pub use error::{StoreError, StoreResult};
pub use messages::{
    Anchor, Author, Changed, Changes, DeleteMessage, EditMessage, HistoryQuery, MessageStore,
    NewMessage, Once, React, Sent,
};
pub use receipts::{Mark, Marked, ReceiptKind, ReceiptStore, Targets};
pub use rooms::{
    Added, Left, ManageRoom, NewDirectRoom, NewRoom, RoomOrder, RoomQuery, RoomStats, RoomStore,
    StatsQuery,
};
pub use search::{MessageSearch, RoomCandidate, SearchStore};
pub use sessions::{Attendance, SessionStore};

/// Everything the library asks of a database, in six parts.
///
/// A type that implements the parts implements this by itself.
pub trait Store:
    RoomStore + MessageStore + ReceiptStore + SearchStore + SessionStore + ErasureStore
{
}

impl<T: RoomStore + MessageStore + ReceiptStore + SearchStore + SessionStore + ErasureStore> Store
    for T
{
}

/// The library keeps its store as this, so that no host's signatures carry its type.
const _: Option<&dyn Store> = None;
