//! What of a file a client asks for, and whether it knows it already (RFC 9110, sections 13 and 14).

use std::ops::Range;

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};

/// What of a file a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: also where it asks for several parts, or in a way that is not known.
    Whole,
    /// These bytes, at least one of them.
    Part(Range<u64>),
    /// What the file does not have.
    Nothing,
    /// Nothing, as the client has it.
    Known,
    /// Nothing, as the client means another file.
    Other,
}

impl Wanted {
    /// What the headers of a `GET` ask for of a file that has so many bytes, and that this tag names
    /// as it is now.
    pub(crate) fn of(headers: &HeaderMap, size: u64, tag: &str) -> Self {
        if names(headers, &IF_MATCH, tag) == Some(false) {
            return Self::Other;
        }
        // Tags are compared weakly here, and strongly everywhere else.
        let weak = format!("W/{tag}");
        if [tag, &weak].iter().any(|tag| names(headers, &IF_NONE_MATCH, tag) == Some(true)) {
            return Self::Known;
        }
        let is_other = headers.get(IF_RANGE).is_some_and(|value| value != tag);
        let range = headers.get(RANGE).filter(|_| !is_other).and_then(|value| value.to_str().ok());
        range.and_then(|range| part(range, size)).unwrap_or(Self::Whole)
    }
}

/// Whether one of the tags that a header lists is this one, or any is meant; none without the header.
/// Our tags have no commas.
fn names(headers: &HeaderMap, name: &HeaderName, tag: &str) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let mut tags = values.filter_map(|value| value.to_str().ok()).flat_map(|tags| tags.split(','));
    Some(tags.any(|listed| listed.trim() == tag || listed.trim() == "*"))
}

/// The one part that a range names; none where it names none or several.
fn part(range: &str, size: u64) -> Option<Wanted> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-').filter(|_| is_bytes(unit))?;
    let part = match (first, last) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..size.min(last.saturating_add(1))
        }
    };
    Some(if part.is_empty() { Wanted::Nothing } else { Wanted::Part(part) })
}

fn is_bytes(unit: &str) -> bool {
    unit.trim().eq_ignore_ascii_case("bytes")
}

/// A number however long: no file has more bytes than the largest one.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn wanted(range: &str, size: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(range).unwrap());
        Wanted::of(&headers, size, "\"1\"")
    }

    #[test]
    fn one_part_is_found_where_it_is() {
        for (range, part) in [
            ("bytes=0-", 0..10),
            ("bytes=0-0", 0..1),
            ("bytes=3-5", 3..6),
            ("bytes=3-99", 3..10),
            ("bytes=9-18446744073709551616", 9..10),
            ("bytes=-1", 9..10),
            ("bytes=-99", 0..10),
            ("Bytes= 4-4 ", 4..5),
        ] {
            assert_eq!(wanted(range, 10), Wanted::Part(part), "{range}");
        }
    }

    #[test]
    fn what_the_file_does_not_have_is_nothing() {
        for (range, size) in
            [("bytes=10-", 10), ("bytes=10-11", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
        {
            assert_eq!(wanted(range, size), Wanted::Nothing, "{range} of {size}");
        }
    }

    #[test]
    fn several_parts_and_what_is_no_range_are_the_whole() {
        for range in [
            "bytes=0-1,3-4",
            "bytes=5-3",
            "bytes=-",
            "bytes=",
            "bytes",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1--2",
            "lines=0-1",
            "0-1",
            "",
        ] {
            assert_eq!(wanted(range, 10), Wanted::Whole, "{range}");
        }
        assert_eq!(Wanted::of(&HeaderMap::new(), 10, "\"1\""), Wanted::Whole);
    }

    #[test]
    fn a_part_is_of_the_file_that_the_client_knows() {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
        for (tag, expected) in [
            ("\"1\"", Wanted::Part(0..1)),
            ("\"2\"", Wanted::Whole),
            ("Sat, 01 Jan 2000 00:00:00 GMT", Wanted::Whole),
        ] {
            headers.insert(IF_RANGE, HeaderValue::from_static(tag));
            assert_eq!(Wanted::of(&headers, 10, "\"1\""), expected, "{tag}");
        }
    }

    #[test]
    fn conditions_are_looked_at_before_the_part() {
        let wanted = |name: HeaderName, tags: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
            headers.insert(name, HeaderValue::from_static(tags));
            Wanted::of(&headers, 10, "\"1\"")
        };
        for (tags, same) in
            [("\"1\"", true), ("*", true), ("\"0\", \"1\"", true), ("\"0\"", false), ("", false)]
        {
            let matched = if same { Wanted::Part(0..1) } else { Wanted::Other };
            assert_eq!(wanted(IF_MATCH, tags), matched, "{tags}");
            let unmatched = if same { Wanted::Known } else { Wanted::Part(0..1) };
            assert_eq!(wanted(IF_NONE_MATCH, tags), unmatched, "{tags}");
        }
        assert_eq!(wanted(IF_MATCH, "W/\"1\""), Wanted::Other);
        assert_eq!(wanted(IF_NONE_MATCH, "W/\"1\""), Wanted::Known);
    }

    proptest! {
        #[test]
        fn a_part_is_within_the_file_whatever_is_asked(range in "(bytes=)?[-0-9, a]{0,24}", size: u64) {
            if let Wanted::Part(part) = wanted(&range, size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }
    }
}
