//! [`Chat`]: the use cases. The only caller of the store and of what the host supplies; every use
//! case checks permission.

mod actor;
mod changes;
mod chat;
mod comings;
mod erasure;
mod error;
mod files;
mod gone_files;
mod gone_rooms;
mod hints;
mod host_acts;
mod host_reads;
mod limiter;
mod messages;
mod outgoing;
mod people;
mod presence;
mod readers;
mod receipts;
mod rooms;
mod search;
mod sending;
mod sessions;
mod shards;
mod signature;
mod typing;
mod uploads;
mod whole;

pub use actor::Actor;
pub use changes::Batch;
pub use chat::{Chat, ChatBuilder, Listener};
pub use error::{Conflict, Error, FieldError, Problem};
pub use files::{Download, Upload};
pub use outgoing::{Outgoing, SendKey};
pub use people::{People, Person};
pub use presence::OpenSession;
pub(crate) use readers::Readers;
pub use rooms::{OpenedRoom, RoomList};
pub use sending::Delivered;
pub use signature::LinkProof;
pub use whole::Pages;
