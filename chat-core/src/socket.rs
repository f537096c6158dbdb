//! The protocol of one WebSocket, without I/O: a machine that is given what comes in and says what
//! is to go out, what work is to be done and when it wants to be woken.
//!
//! A driver owns the connection and does what [`Socket::poll`] says, until it says
//! [`Output::Wait`]; then it waits for the first of: a frame, a delivery, the end of the work it
//! was given or of the writing it was asked about, the deadline. It gives that to [`Socket::handle`] and polls again. There are no
//! callbacks and no clock in here, so every rule of wire.md is tested on virtual time.

mod codec;
mod command;
mod delivery;
mod frame;
mod history;
mod machine;
mod open;
mod own_messages;
mod timers;

pub use codec::{About, Codec, Heartbeat, Incoming, Link, Personal, Reply, TempId};
pub(crate) use codec::{BothShapes, FrameShapes};
pub use command::{Command, Performed};
pub use delivery::Delivery;
pub use frame::Frame;
pub use history::{HistoryPage, ReadHistory};
pub use machine::{Input, Output, Socket};
pub use open::{Close, Opening, SocketRoute, origin_allowed};
