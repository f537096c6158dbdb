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
        let size = call.query("page_size").and_then(|text| positive(&text));
        let size =
            size.map_or(DEFAULT_SIZE, |size| usize::try_from(size).unwrap_or(MOST).min(MOST));
        Ok(Self { number, size })
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

/// A page as most dialects show it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Page_of_{T}")]
pub struct Envelope<T> {
    count: u64,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<T>,
}

/// A positive integer; one that is too large for the numbers is only past every end.
fn positive(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX)).filter(|number| *number > 0)
}
