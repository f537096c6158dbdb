//! A chat on real servers, and clients for it.

mod cluster;
mod socket;

pub(crate) use cluster::{Cluster, Kept, SECRET, Setup, token};
pub(crate) use socket::{PATIENCE, Socket};
