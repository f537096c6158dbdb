//! From a refusal to a status and a body.

use super::endpoints::START;
use crate::dialect::errors::{by_field, by_sentence};
use crate::http::{Endpoint, Rejection, Response};

pub(super) fn refuse(rejection: &Rejection, endpoint: Option<&Endpoint>) -> Response {
    // The one endpoint whose 400 the document shows as a sentence.
    if endpoint.is_some_and(|endpoint| endpoint.path == START) {
        return by_sentence(rejection);
    }
    by_field(rejection, |field| field)
}
