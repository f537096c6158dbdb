//! Everything together, over real connections: adapters, stores, several nodes.

mod support;

mod abuse;
mod crash;
mod dialects;
mod fan_out;
mod logs;
mod nodes;
mod outage;
mod reference_server;
mod slow_reader;
mod soak;
mod tools;
