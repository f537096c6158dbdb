//! Chat for your own service: the model, the rules, the use cases and the wire dialects, without
//! I/O.
pub mod host;
pub mod model;
pub mod rules;
pub mod store;
