//! `messenger` (api/messenger.md): direct rooms, statuses, typing, presence, heartbeats in frames.

mod endpoints;
mod errors;
mod frames;
mod socket;
mod views;

use super::Dialect;
use super::errors::BY_FIELD;
use crate::model::Kinds;

pub(super) static DIALECT: Dialect = Dialect {
    name: "messenger",
    base: "/api/v1.0/chat/",
    kinds: Kinds::DIRECT,
    visitors: false,
    schemes: &["Bearer"],
    endpoints: &endpoints::ENDPOINTS,
    sockets: &socket::ROUTES,
    codec: socket::CODEC,
    message_limit: |config| config.messenger_message_limit,
    refuse: errors::refuse,
    bad_request: BY_FIELD,
    index: 2,
};
