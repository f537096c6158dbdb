//! What happened, as the service tells it to whoever listens.

use std::sync::Arc;

use super::{Message, Presence, RoomId, SessionId, User, UserId, Version};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A lasting change of a room. It is in the store and can be read again at any time.
    Room(RoomEvent),
    /// A passing signal. It is told to who listens now, and may be lost.
    Signal(Signal),
}

/// A lasting change of a room.
#[derive(Debug, Clone)]
pub struct RoomEvent {
    /// The room.
    pub room: RoomId,
    /// The room's version with this change.
    pub version: Version,
    /// What changed. [`Change::Many`] stands for a change too large to carry: read the store.
    pub change: Change,
}

/// What changed in a room.
#[derive(Debug, Clone)]
pub enum Change {
    /// A message was sent.
    Sent {
        /// The message.
        message: Arc<Message>,
        /// Who sent it.
        sender: Arc<User>,
        /// The socket it was sent over; none for HTTP and in-process sends, and where the change
        /// was read back from the store.
        origin: Option<SessionId>,
    },
    /// A message's text was edited.
    Edited {
        /// The message as it is now.
        message: Arc<Message>,
        /// Who sent it.
        sender: Arc<User>,
    },
    /// A message was deleted.
    Deleted {
        /// The message as it is now.
        message: Arc<Message>,
        /// Who sent it.
        sender: Arc<User>,
    },
    /// A message's reactions changed.
    Reacted {
        /// The message as it is now.
        message: Arc<Message>,
    },
    /// The status of these messages moved.
    Status {
        /// The messages as they are now, by `seq`.
        messages: Vec<Arc<Message>>,
    },
    /// These users joined.
    Joined {
        /// Who joined.
        users: Vec<UserId>,
    },
    /// This user left or was removed.
    Left {
        /// Who left.
        user: UserId,
    },
    /// The room's name, metadata or activity changed, or the room was made.
    Settings,
    /// More changed than an event carries; the store has it all.
    Many,
}

/// A passing signal.
#[derive(Debug, Clone)]
pub enum Signal {
    /// A user began or ended typing in a room.
    Typing {
        /// The room.
        room: RoomId,
        /// Who types.
        user: Arc<User>,
        /// Whether they do.
        is_typing: bool,
    },
    /// A user's first socket opened, or the last one closed.
    Presence {
        /// Who came or went.
        user: Arc<User>,
        /// Their presence now.
        presence: Presence,
    },
    /// A user's first socket in a room opened, or the last one there closed.
    Attendance {
        /// The room.
        room: RoomId,
        /// Who came or went.
        user: Arc<User>,
        /// Whether they are there now.
        present: bool,
    },
    /// Each open socket of the room is asked to tell its client about itself.
    HealthCheck {
        /// The room.
        room: RoomId,
    },
}
