//! The harness: a world with four users on virtual time, whose sockets are driven by hand.
#![allow(dead_code, unused_imports, reason = "every test file uses its own part of it")]

pub(crate) mod cast;
mod counted;
mod examples;
mod flaky;
mod golden;
mod http;
mod hub;
pub(crate) mod nasty;
mod pair;
mod peer;
pub(crate) mod scene;
mod shelf;
pub(crate) mod stage;
pub(crate) mod table;
mod team;
mod time;
pub(crate) mod tokens;
mod world;

pub(crate) use counted::Counted;
pub(crate) use examples::{assert_shape, client_frame, document, response, server_frame};
pub(crate) use flaky::Flaky;
pub(crate) use golden::golden;
pub(crate) use http::{
    Answer, HEALTH, MESSAGES, ROOMS, STATS, assert_detail, endpoints, fields, request,
};
pub(crate) use pair::{say, two};
pub(crate) use peer::Peer;
pub(crate) use shelf::Shelf;
pub(crate) use team::{TEAM_ROOMS, about, in_room, open_team, sent, team, uuid};
pub(crate) use time::Time;
pub(crate) use world::{SECRET, World, headers, now};
