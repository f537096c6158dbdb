//! Chat for your own service: the model, the rules, the use cases and the wire dialects, without
//! I/O.
//!
//! A host brings its users ([`host::Directory`]), its sign-in ([`host::Authenticator`]) and a place
//! to keep things ([`store::Store`]). [`Chat`] is what it gets: rooms, messages, receipts, typing
//! and presence as use cases, each checked against one table of who may do what
//! ([`rules::Access`]). Over HTTP and WebSockets the same use cases are reached through a
//! [`dialect`], one documented API each.
//!
//! Nothing in this crate opens a socket, reads a clock of its own or needs a runtime. `chat-runtime`
//! drives it on tokio, `chat-axum` mounts it into an app, and `chat-store-memory` keeps the
//! messages.
//!
//! # In the same process
//! What goes over the wire goes in process too, with the same checks and guarantees:
//!
//! ```
//! use chat_core::Chat;
//! use chat_core::host::{JwtAuthenticator, StaticDirectory};
//! use chat_core::model::{Slice, User};
//! use chat_core::store::Anchor;
//! use chat_store_memory::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), chat_core::Error> {
//! let users = StaticDirectory::from_iter([User::new(1.into(), "john"), User::new(2.into(), "jane")]);
//! let sign_in = JwtAuthenticator::hs256(b"at least 32 random bytes, kept safe");
//! let chat = Chat::new(MemoryStore::new(), users, sign_in);
//!
//! let room = chat.acting_as("1").direct_room("2").await?;
//! chat.acting_as("1").send(room.id, "Hello, Jane").await?;
//!
//! let jane = chat.acting_as("2");
//! assert_eq!(jane.room(room.id).await?.unread, 1);
//! let page = jane.history(room.id, Anchor::Newest, Slice::first(50)).await?;
//! assert_eq!(page.items[0].content, "Hello, Jane");
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//! | module | what it holds |
//! | --- | --- |
//! | [`model`] | the nouns: ids, users, rooms, messages, sessions, events |
//! | [`rules`] | pure functions: who may do what, what may be said, how long typing lasts |
//! | [`store`] | the [`Store`](store::Store) trait and its contracts |
//! | [`host`] | what a host supplies, with defaults |
//! | [`service`] | [`Chat`] and [`Actor`], the use cases |
//! | [`http`] | endpoints as rows of data, and everything decided around them |
//! | [`socket`] | the protocol of one WebSocket as a machine without I/O |
//! | [`dialect`] | the documented APIs |
//! | [`openapi`], [`asyncapi`] | each of them as documents for tools |
//!
//! # Features
//! `jwt-aws-lc` (default) and `jwt-rust-crypto` bring [`host::JwtAuthenticator`] with one of the two
//! backends of `jsonwebtoken`; without either, a host brings its own
//! [`host::Authenticator`].

pub mod asyncapi;
pub mod dialect;
pub mod host;
pub mod http;
pub mod model;
pub mod openapi;
pub mod rules;
pub mod service;
pub mod socket;
pub mod store;

mod config;

pub use config::{Config, RateLimit};
pub use service::{Actor, Chat, ChatBuilder, Error, Outgoing};
