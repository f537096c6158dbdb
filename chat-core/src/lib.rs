//! Chat for your own service: the model, the rules, the use cases and the wire dialects, without
//! I/O.

pub mod dialect;
pub mod host;
pub mod http;
pub mod model;
pub mod rules;
pub mod service;
pub mod socket;
pub mod store;

mod config;

pub use config::Config;
pub use service::{Actor, Chat, ChatBuilder, Error, Outgoing};
