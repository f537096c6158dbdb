//! `campus` (api/campus.md): chats of students and supervisors, whole arrays, single receipts.

mod endpoints;
mod errors;
mod frames;
mod socket;
mod views;

use super::Dialect;
use crate::model::Kinds;

pub(super) static DIALECT: Dialect = Dialect {
    name: "campus",
    kinds: Kinds::ALL,
    visitors: false,
    schemes: &["Bearer"],
    endpoints: &endpoints::ENDPOINTS,
    sockets: &socket::ROUTES,
    codec: socket::CODEC,
    message_limit: |config| config.message_limit,
    refuse: errors::refuse,
    index: 0,
};
