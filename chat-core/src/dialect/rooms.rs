//! `rooms` (api/rooms.md): rooms and messages over HTTP alone, with cursors.

mod cursor;
mod endpoints;
mod errors;
mod views;

use super::Dialect;
use crate::model::Kinds;
use crate::socket::Codec;

pub(super) static DIALECT: Dialect = Dialect {
    name: "rooms",
    kinds: Kinds::ALL,
    visitors: false,
    schemes: &["Bearer"],
    endpoints: &endpoints::ENDPOINTS,
    sockets: &[],
    codec: Codec::NONE,
    message_limit: |config| config.message_limit,
    refuse: errors::refuse,
    index: 4,
};
