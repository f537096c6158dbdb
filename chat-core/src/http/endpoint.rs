//! Endpoints as rows of data, and how a path finds its row.

use std::str::Split;

use futures::future::BoxFuture;
use http::Method;

use percent_encoding::percent_decode_str;

use super::shape::{Parameter, Shape};
use super::{Call, Rejection, Response};
use crate::model::UserId;

/// What runs for an endpoint.
pub type Handler = fn(Call) -> BoxFuture<'static, Result<Response, Rejection>>;

/// What an endpoint takes as its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Nothing; a body is not looked at.
    None,
    /// A JSON object.
    Json,
    /// A JSON object, or a form with files.
    JsonOrForm,
    /// Nothing; and who has no other credentials may come by a signed link.
    Link,
}

/// One endpoint of a dialect. The same row drives every adapter, the tests and the documentation.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The method. `GET` answers `HEAD` too.
    pub method: Method,
    /// The path from the root of the dialect, with `{names}` for what varies and a trailing slash,
    /// without which it works too.
    pub path: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What it takes as its body.
    pub input: Input,
    /// The status codes it can answer with, other than those that all endpoints share (401, 405,
    /// 429, 503).
    pub statuses: &'static [u16],
    /// The query parameters it heeds.
    pub(crate) query: &'static [Parameter],
    /// What it takes, where that is JSON.
    pub(crate) request: Option<Shape>,
    /// What it answers where it succeeds; none for no body, or one that is no JSON.
    pub(crate) response: Option<Shape>,
    /// What runs.
    pub handler: Handler,
}

/// What the varying parts of a path are, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(&'static str, String)>);

impl Params {
    /// The part of this name; empty where the path has none.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }
}

impl Params {
    /// The user id that a part names; none where it has the wrong form.
    pub fn user(&self, name: &str) -> Option<UserId> {
        let text = percent_decode_str(self.text(name)).decode_utf8().ok()?;
        UserId::new(text).ok()
    }
}

/// Matches a path with a template, with or without a trailing slash.
///
/// ```
/// # use chat_core::http::match_path;
/// let params = match_path("/rooms/{id}/messages/", "/rooms/7/messages").unwrap();
/// assert_eq!(params.text("id"), "7");
/// assert!(match_path("/rooms/{id}/", "/rooms/").is_none());
/// ```
pub fn match_path(template: &'static str, path: &str) -> Option<Params> {
    let (mut template, mut path) = (segments(template), segments(path));
    let mut params = Params::default();
    loop {
        match (template.next(), path.next()) {
            (None, None) => return Some(params),
            (Some(expected), Some(given)) => {
                match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                    Some(name) if !given.is_empty() => params.0.push((name, given.to_owned())),
                    None if expected == given => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

fn segments(path: &str) -> Split<'_, char> {
    path.strip_suffix('/').unwrap_or(path).split('/')
}

/// The rows that a path leads to, which differ in their method alone. Where a word of one template
/// stands in the place of a name of another, the word wins.
pub(super) fn find<'a>(
    endpoints: &'a [Endpoint],
    path: &str,
) -> Option<(Vec<&'a Endpoint>, Params)> {
    let matching = endpoints.iter().filter_map(|row| Some((row, match_path(row.path, path)?)));
    let (best, params) = matching.min_by_key(|(_, params)| params.0.len())?;
    let rows = endpoints.iter().filter(|row| row.path == best.path).collect();
    Some((rows, params))
}
