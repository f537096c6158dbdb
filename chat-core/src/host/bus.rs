//! How nodes tell each other that something happened.

use futures::stream::{self, BoxStream, StreamExt};

use crate::model::{RoomId, UserId, Version};

/// What nodes tell each other: where to look, never what is there. A bus that loses, repeats,
/// reorders or forges hints costs time, never a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// The room has reached this version.
    Room(RoomId, Version),
    /// The user's presence may have changed.
    Presence(UserId),
    /// A user of that node types in the room, or no more.
    Typing(RoomId, UserId, bool),
    /// A user's attendance in the room may have changed; whether they are there now.
    Attendance(RoomId, UserId, bool),
    /// Sockets of the room are asked for their health.
    HealthCheck(RoomId),
    /// The user was signed out.
    SignedOut(UserId),
    /// Hints may have been lost: look everywhere.
    Missed,
}

/// How nodes that share a store tell each other that something happened.
pub trait Bus: Send + Sync + 'static {
    /// Tells the other nodes; they may or may not get it, in any order. Must not block: what
    /// cannot be told at once is queued within bounds, or lost.
    fn publish(&self, hint: Hint);

    /// What the other nodes tell, from now on. The stream ends with the bus.
    fn subscribe(&self) -> BoxStream<'static, Hint>;

    /// Whether it works as far as it knows; the `messenger` dialect's figures show it
    /// (`channel_layer_status`).
    fn is_available(&self) -> bool;
}

/// The bus of a single node: there is nobody else to tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBus;

impl Bus for NoBus {
    fn publish(&self, _: Hint) {}

    fn subscribe(&self) -> BoxStream<'static, Hint> {
        stream::pending().boxed()
    }

    fn is_available(&self) -> bool {
        true
    }
}
