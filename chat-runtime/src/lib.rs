//! The tokio driver of [`chat_core`]: fan-out to open sockets, the WebSocket upgrade and pump,
//! presence leases, the bus between nodes, graceful drain.
//!
//! A host starts one [`Server`] for its [`Chat`](chat_core::Chat) and mounts dialects through an
//! adapter (`chat-axum`, `chat-warp`). Adapters call [`Server::respond`] and
//! [`Server::upgrade`]; everything else is in here, once for all of them.

mod bus;
mod driver;
mod hub;
mod inbox;
mod server;
mod stream;
mod tasks;
mod upgrade;

pub use bus::LocalBus;
pub use server::{Drained, Server};
pub use upgrade::PeerAddr;
