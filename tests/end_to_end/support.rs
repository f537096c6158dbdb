//! A chat on real servers, and clients for it.

mod cluster;
mod http;
mod person;
mod process;
mod socket;

pub(crate) use cluster::{Adapter, Cluster, Kept, Link, Node, SECRET, Setup, token};
pub(crate) use http::{ask, read};
pub(crate) use person::Person;
pub(crate) use process::{Running, example, server_command};
pub(crate) use socket::{PATIENCE, Socket};
