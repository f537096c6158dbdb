//! The tokio driver of [`chat_core`]: fan-out to open sockets, the WebSocket upgrade and pump,
//! presence leases, the bus between nodes, graceful drain.
//!
//! A host starts one [`Server`] for its [`Chat`](chat_core::Chat) and mounts dialects through an
//! adapter such as `chat-axum`. Adapters call [`Server::respond`] and [`Server::upgrade`];
//! everything else is in here, once for all of them.
//!
//! ```
//! use std::time::Duration;
//!
//! use chat_core::Chat;
//! use chat_core::host::{JwtAuthenticator, StaticDirectory};
//! use chat_runtime::{Drained, Server};
//! use chat_store_memory::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let users = StaticDirectory::from_iter([]);
//! # let sign_in = JwtAuthenticator::hs256(b"at least 32 random bytes, kept safe");
//! let server = Server::start(Chat::new(MemoryStore::new(), users, sign_in));
//! // Mount it, serve, and when the process is told to stop:
//! let drained = server.drain(Duration::from_secs(10)).await;
//! assert_eq!(drained, Drained::Whole);
//! # }
//! ```
//!
//! # What a socket costs
//! A socket that waits takes about 6 KiB. Each has an inbox of at most
//! [`queue_frames`](chat_core::Config::queue_frames) or
//! [`queue_bytes`](chat_core::Config::queue_bytes); who reads more slowly than others write first
//! loses typing and presence, and is then caught up: from what the node keeps of what the room was
//! told while one of its sockets is behind
//! ([`tail_bytes`](chat_core::Config::tail_bytes) for all rooms together), or else from the store.
//! It is closed 1013 once it has taken nothing for
//! [`stall_timeout`](chat_core::Config::stall_timeout), or where it falls back while it is
//! caught up from the store ([`lag_limit`](chat_core::Config::lag_limit)). It never slows others.
//!
//! # What is counted
//! With the feature `metrics`, through the facade of the `metrics` crate, so that any exporter can
//! show it. The exporter is to be installed before [`Server::start`].
//!
//! | name | kind | what |
//! | --- | --- | --- |
//! | `chat_messages_total` | counter | messages sent on this node |
//! | `chat_deliveries_total` | counter | deliveries to sockets of this node |
//! | `chat_requests_total{dialect, status}` | counter | requests answered |
//! | `chat_sockets{dialect}` | gauge | open sockets |
//! | `chat_rooms` | gauge | rooms with open sockets |
//! | `chat_queued_deliveries` | gauge | deliveries that wait for their sockets |
//! | `chat_longest_queue` | gauge | deliveries that wait for the slowest socket, of [`queue_frames`](chat_core::Config::queue_frames) at most |
//! | `chat_lag_changes` | gauge | changes of rooms that are known of and have not been told |
//! | `chat_closes_total{code}` | counter | sockets closed or refused from here |
//! | `chat_catch_ups_total{of}` | counter | readings of what a room, or a slow socket, was not told |
//! | `chat_kept_bytes` | gauge | what is kept for sockets that are behind, of [`tail_bytes`](chat_core::Config::tail_bytes) at most |
//! | `chat_bus_available` | gauge | whether other nodes are heard |
//! | `chat_failed_sweeps_total` | counter | looks at the store that failed |

mod bus;
mod clock;
mod driver;
#[cfg(feature = "files")]
mod files;
mod host;
mod hub;
mod inbox;
mod meters;
mod server;
mod stalls;
mod stream;
mod tasks;
mod upgrade;

pub use bus::LocalBus;
pub use clock::TokioClock;
#[cfg(feature = "files")]
pub use files::ObjectFiles;
pub use server::{Drained, Server};
pub use upgrade::PeerAddr;
