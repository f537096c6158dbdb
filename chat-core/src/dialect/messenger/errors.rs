//! From a refusal to a status and a body.

use crate::dialect::errors::by_field;
use crate::http::{Rejection, Response};

pub(super) fn refuse(rejection: &Rejection) -> Response {
    by_field(rejection, |field| field)
}
