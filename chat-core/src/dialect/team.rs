//! `team` (api/team.md): rooms of every kind, reactions, replies, search, sessions.

mod endpoints;
mod errors;
mod fields;
mod frames;
mod messages;
mod rooms;
mod socket;
mod views;

use super::Dialect;
use crate::model::Kinds;

pub(super) static DIALECT: Dialect = Dialect {
    name: "team",
    kinds: Kinds::ALL,
    visitors: true,
    schemes: &["Bearer"],
    endpoints: &endpoints::ENDPOINTS,
    sockets: &socket::ROUTES,
    codec: socket::CODEC,
    message_limit: |config| config.message_limit,
    refuse: errors::refuse,
    index: 3,
};
