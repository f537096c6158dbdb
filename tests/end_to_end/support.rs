//! A chat on real servers, and clients for it.

mod cluster;
mod http;
mod person;
mod socket;

pub(crate) use cluster::{Adapter, Cluster, Kept, Link, SECRET, Setup, token};
pub(crate) use person::Person;
pub(crate) use socket::{PATIENCE, Socket};
