//! HTTP without a framework: a table of endpoints, matching, and everything that is decided before
//! and after a handler runs (credentials, methods, bodies, errors).

mod body;
mod call;
mod dispatch;
mod endpoint;
mod form;
mod links;
mod object;
mod page;
mod range;
mod rejection;
mod shape;

pub use body::{
    Body, BodyError, Incoming, Items, Request, Response, json, json_array, json_page, no_content,
};
pub use call::{Call, Fields, Problems};
pub use dispatch::{Answered, dispatch, drain_response, refuse};
pub use endpoint::{Endpoint, Handler, Input, Params, match_path};
pub use form::{Form, Part};
pub use links::Links;
pub use page::{Envelope, Offset, PageNumber};
pub use rejection::{Rejection, detail, standard};

pub(crate) use call::canonical;
pub(crate) use object::Object;
pub(crate) use page::positive;
pub(crate) use range::Wanted;
pub(crate) use rejection::sentence;
pub(crate) use shape::{Parameter, Shape};
