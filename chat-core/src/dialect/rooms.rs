//! `rooms` (api/rooms.md): rooms and messages over HTTP alone, with cursors.

mod cursor;
mod endpoints;
mod errors;
mod views;

use super::Dialect;
use super::errors::BY_FIELD;
use crate::model::Kinds;
use crate::socket::Codec;

pub(super) static DIALECT: Dialect = Dialect {
    name: "rooms",
    base: "/api/chat/",
    kinds: Kinds::ALL,
    visitors: false,
    schemes: &["Bearer"],
    endpoints: &endpoints::ENDPOINTS,
    sockets: &[],
    codec: Codec::NONE,
    message_limit: |config| config.message_limit,
    refuse: errors::refuse,
    bad_request: BY_FIELD,
    index: 4,
};
