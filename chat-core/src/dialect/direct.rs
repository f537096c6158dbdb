//! `direct` (api/direct.md): direct rooms, whose sockets begin with everything so far.

mod endpoints;
mod errors;
mod frames;
mod socket;
mod views;

use super::Dialect;
use super::errors::BY_SENTENCE;
use crate::model::Kinds;

pub(super) static DIALECT: Dialect = Dialect {
    name: "direct",
    base: "/api/",
    kinds: Kinds::DIRECT,
    visitors: false,
    schemes: &["Bearer", "Token"],
    endpoints: &endpoints::ENDPOINTS,
    sockets: &socket::ROUTES,
    codec: socket::CODEC,
    message_limit: |config| config.message_limit,
    refuse: errors::refuse,
    bad_request: BY_SENTENCE,
    index: 1,
};
