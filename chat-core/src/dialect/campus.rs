//! `campus` (api/campus.md): chats of students and supervisors, whole arrays, single receipts.

mod endpoints;
mod errors;
mod frames;
mod socket;
mod views;

use super::Dialect;
use super::errors::BY_FIELD_OR_SENTENCE;
use crate::model::Kinds;

pub(super) static DIALECT: Dialect = Dialect {
    name: "campus",
    base: "/chat/",
    kinds: Kinds::ALL,
    visitors: false,
    schemes: &["Bearer"],
    endpoints: &endpoints::ENDPOINTS,
    sockets: &socket::ROUTES,
    codec: socket::CODEC,
    message_limit: |config| config.message_limit,
    refuse: errors::refuse,
    bad_request: BY_FIELD_OR_SENTENCE,
    index: 0,
};
