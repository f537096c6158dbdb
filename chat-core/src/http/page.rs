//! Page numbers, as query parameters give them.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Call, Rejection};
use crate::model::Slice;

/// Items on a page unless the client says otherwise, and the most it can ask for.
const DEFAULT_SIZE: usize = 50;
const MOST: usize = 100;

/// Which page is asked for (wire.md, "Pages").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageNumber {
    number: u64,
    size: usize,
}

impl PageNumber {
    /// Reads `page` and `page_size`.
    ///
    /// # Errors
    /// [`Rejection::InvalidPage`] where `page` is no positive integer. A `page_size` that is none
    /// counts as not given.
    pub fn of(call: &Call) -> Result<Self, Rejection> {
        let number = match call.query("page") {
            None => 1,
            Some(text) => positive(&text).ok_or(Rejection::InvalidPage)?,
        };
        Ok(Self { number, size: size(call, "page_size") })
    }

    /// The page as a part of the whole list.
    pub fn slice(self) -> Slice {
        Slice::page(self.number, self.size)
    }

    /// The envelope of a page with links to its neighbours.
    ///
    /// # Errors
    /// [`Rejection::InvalidPage`] where the page lies past the end; page 1 of nothing does not.
    pub fn envelope<T>(
        self,
        call: &Call,
        count: u64,
        results: Vec<T>,
    ) -> Result<Envelope<T>, Rejection> {
        let before = self.slice().skip;
        if self.number > 1 && before >= count {
            return Err(Rejection::InvalidPage);
        }
        let link =
            |number: u64| call.links.with(&[("page", (number > 1).then(|| number.to_string()))]);
        let next = (before.saturating_add(self.size as u64) < count).then(|| link(self.number + 1));
        let previous = (self.number > 1).then(|| link(self.number - 1));
        Ok(Envelope { count, next, previous, results })
    }
}

/// Which part of a list is asked for by `limit` and `offset` (wire.md, "Pages").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    offset: u64,
    limit: usize,
}

impl Offset {
    /// Reads `limit` and `offset`. What is no number counts as not given.
    pub fn of(call: &Call) -> Self {
        let offset = call.query("offset").and_then(|text| number(&text)).unwrap_or(0);
        Self { offset, limit: size(call, "limit") }
    }

    /// The part of the list.
    pub fn slice(self) -> Slice {
        Slice { skip: self.offset, take: self.limit }
    }

    /// The envelope of the part with links to its neighbours.
    pub fn envelope<T>(self, call: &Call, count: u64, results: Vec<T>) -> Envelope<T> {
        let limit = self.limit as u64;
        let link = |offset: u64| {
            let offset = (offset > 0).then(|| offset.to_string());
            call.links.with(&[("limit", Some(limit.to_string())), ("offset", offset)])
        };
        let end = self.offset.saturating_add(limit);
        let next = (end < count).then(|| link(end));
        let previous = (self.offset > 0).then(|| link(self.offset.saturating_sub(limit)));
        Envelope { count, next, previous, results }
    }
}

/// A page as most dialects show it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Page_of_{T}")]
pub struct Envelope<T> {
    count: u64,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<T>,
}

/// How many items are asked for.
fn size(call: &Call, name: &str) -> usize {
    let size = call.query(name).and_then(|text| positive(&text));
    size.map_or(DEFAULT_SIZE, |size| usize::try_from(size).unwrap_or(MOST).min(MOST))
}

/// A positive integer; one that is too large for the numbers is only past every end.
pub(crate) fn positive(text: &str) -> Option<u64> {
    number(text).filter(|number| *number > 0)
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}
