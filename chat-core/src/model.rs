//! The nouns: ids, users, rooms, members, messages, receipts, sessions, pages and events.

mod cursor;
mod event;
mod ids;
mod member;
mod message;
mod page;
mod room;
mod seq_set;
mod session;
mod timestamp;
mod user;

pub use cursor::Cursor;
pub use event::{Change, Event, RoomEvent, Signal};
pub use ids::{InvalidId, MessageId, NodeId, RoomId, SessionId, UserId};
pub use member::{Member, Membership};
pub use message::{Attachment, Message, MessageKind, MessageVersions, Reaction, Status};
pub use page::{Page, Slice, Window};
pub use room::{Kinds, Room, RoomKind, RoomSummary};
pub use seq_set::SeqSet;
pub use session::{Presence, Session};
pub use timestamp::Timestamp;
pub use user::User;

/// The position of a message in its room: counts the room's messages from 1 without gaps
/// and is never reused.
pub type Seq = u64;

/// The position of a lasting change in its room: counts every message, edit, deletion, reaction,
/// status change, membership change and settings change from 1 without gaps.
///
/// Versions are handed out in commit order, so whoever has seen version V has seen everything
/// up to V, and "what changed since V" is exact after any absence.
pub type Version = u64;
