//! The tables under `tests/authorisation/`: who is answered what.

use chat_core::dialect::Dialect;

use super::cast::{Place, Who};

/// One call and what it is answered.
#[derive(Debug)]
pub(crate) struct Row {
    /// The method of a request; `WS` for a socket, `FRAME` for what is sent on one.
    pub(crate) method: &'static str,
    /// The template of the path; with a query where it has one.
    pub(crate) path: &'static str,
    /// The body or frame, with `$words` for what varies.
    pub(crate) body: &'static str,
    pub(crate) cells: Vec<Cell>,
}

/// What somebody is answered somewhere.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) place: Place,
    pub(crate) who: Who,
    pub(crate) expected: &'static str,
}

impl Row {
    fn new(line: &'static str) -> Self {
        let (method, rest) = line.split_once(' ').expect("a method and more");
        let (path, body) = match method {
            "FRAME" => ("", rest),
            _ => rest.split_once(' ').unwrap_or((rest, "")),
        };
        Self { method, path, body, cells: Vec::new() }
    }

    fn add(&mut self, line: &'static str) {
        let words: Vec<_> = line.split_whitespace().collect();
        let places: Vec<_> = words.iter().map_while(|word| Place::parse(word)).collect();
        let expected = &words[places.len()..];
        let callers = if self.method == "FRAME" { &Who::MEMBERS[..] } else { &Who::SIGNED_IN[..] };
        assert!(!places.is_empty(), "{line}");
        assert!([1, callers.len()].contains(&expected.len()), "{line}");
        for place in places {
            // A member's removal is the same whoever it is.
            let callers = if place == Place::Removed { &[Who::Member] } else { callers };
            for (&who, expected) in callers.iter().zip(expected.iter().cycle()) {
                self.cells.push(Cell { place, who, expected });
            }
        }
    }

    /// The path without its query.
    pub(crate) fn template(&self) -> &'static str {
        self.path.split(['?', '$']).next().unwrap_or_default()
    }

    /// Where and by whom the call succeeds first, if anywhere.
    pub(crate) fn granted(&self) -> Option<&Cell> {
        let refused = ["4", "error"];
        self.cells.iter().find(|cell| !refused.iter().any(|it| cell.expected.starts_with(it)))
    }

    /// The call as it stands in the table.
    pub(crate) fn title(&self) -> String {
        format!("{} {} {}", self.method, self.path, self.body)
    }
}

/// The rows of a dialect's table.
pub(crate) fn table(dialect: &Dialect) -> Vec<Row> {
    let text = match dialect.name {
        "campus" => include_str!("../authorisation/campus.txt"),
        "direct" => include_str!("../authorisation/direct.txt"),
        "messenger" => include_str!("../authorisation/messenger.txt"),
        "team" => include_str!("../authorisation/team.txt"),
        "rooms" => include_str!("../authorisation/rooms.txt"),
        other => panic!("{other} has no table"),
    };
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("  ") {
            Some(cells) => rows.last_mut().expect("a call before its answers").add(cells),
            None => rows.push(Row::new(line)),
        }
    }
    rows
}
