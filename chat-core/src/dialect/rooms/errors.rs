//! From a refusal to a status and a body.

use crate::dialect::errors::by_field;
use crate::http::{Endpoint, Rejection, Response};

pub(super) fn refuse(rejection: &Rejection, _: Option<&Endpoint>) -> Response {
    by_field(rejection, |field| if field == "members" { "participants" } else { field })
}
