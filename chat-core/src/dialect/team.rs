//! `team` (api/team.md): rooms of every kind, reactions, replies, search, sessions.

mod endpoints;
mod errors;
mod fields;
mod files;
mod frames;
mod messages;
mod rooms;
mod socket;
mod views;

use super::Dialect;
use super::errors::BY_SENTENCE;
use crate::model::Kinds;

pub(super) static DIALECT: Dialect = Dialect {
    name: "team",
    base: "/api/chat/",
    kinds: Kinds::ALL,
    visitors: true,
    schemes: &["Bearer"],
    endpoints: &endpoints::ENDPOINTS,
    sockets: &socket::ROUTES,
    codec: socket::CODEC,
    message_limit: |config| config.message_limit,
    refuse: errors::refuse,
    bad_request: BY_SENTENCE,
    index: 3,
};
