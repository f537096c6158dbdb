//! What the cases have met.

use std::collections::BTreeSet;

use chat_core::asyncapi;
use chat_core::dialect::Dialect;
use chat_core::http::{Endpoint, Params, match_path};
use serde_json::Value;

use super::case::Suite;

/// The statuses that every endpoint has beside those of its row. 429 takes a limit that a host has
/// configured, and 503 a store that is down, which no store is asked to be.
const SHARED: [u16; 2] = [401, 405];

/// What the cases have met.
#[derive(Debug)]
pub(super) struct Coverage {
    dialect: &'static Dialect,
    client_frames: Vec<String>,
    server_frames: Vec<String>,
    met: BTreeSet<String>,
}

impl Coverage {
    pub(super) fn new(dialect: &'static Dialect) -> Self {
        let frames = |side| frames(dialect, side);
        let (client_frames, server_frames) = (frames("client_"), frames("server_"));
        Self { dialect, client_frames, server_frames, met: BTreeSet::new() }
    }

    /// Notes the answer to a request, whose path is without the prefix.
    pub(super) fn note_answer(&mut self, method: &str, path: &str, status: u16) {
        let varying = |params: &Params, row: &Endpoint| {
            names(row.path).filter(|name| !params.text(name).is_empty()).count()
        };
        let matching = self
            .dialect
            .endpoints
            .iter()
            .filter_map(|row| Some((row, match_path(row.path, path)?)));
        let Some((best, _)) = matching.min_by_key(|(row, params)| varying(params, row)) else {
            return;
        };
        let method = if method == "HEAD" { "GET" } else { method };
        for row in self.dialect.endpoints.iter().filter(|row| row.path == best.path) {
            // A method that is not taken is a matter of the path, not of one of its rows.
            if row.method == method || status == 405 {
                self.met.insert(answer(row, status));
            }
        }
    }

    pub(super) fn note_sent(&mut self, frame: &Value) {
        self.met.insert(sent(name_of(frame, &self.client_frames)));
    }

    pub(super) fn note_received(&mut self, frame: &Value) {
        self.met.insert(received(name_of(frame, &self.server_frames)));
    }

    pub(super) fn note_close(&mut self, code: u16) {
        self.met.insert(close(code));
    }

    /// What should have been met and was not; and what was met and should not have been.
    pub(super) fn missing(&self, suite: &Suite) -> Vec<String> {
        let manifest = &suite.manifest;
        let rows = self.dialect.endpoints.iter();
        let answers = rows.flat_map(|row| {
            row.statuses.iter().chain(&SHARED).map(move |status| answer(row, *status))
        });
        let missing = answers
            .chain(self.client_frames.iter().map(|name| sent(name)))
            .chain(self.server_frames.iter().map(|name| received(name)))
            .chain(manifest.closes.iter().map(|code| close(*code)))
            .filter(|what| !self.met.contains(what))
            .map(|what| format!("no case met: {what}"));
        let known: Vec<_> = self.server_frames.iter().map(|name| received(name)).collect();
        let unknown = self.met.iter().filter(|what| what.starts_with(RECEIVED));
        let unknown = unknown
            .filter(|what| !known.contains(what))
            .map(|what| format!("met, but not in the manifest: {what}"));
        missing.chain(unknown).collect()
    }
}

fn names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// The frames of one side, as the dialect's AsyncAPI document names them.
fn frames(dialect: &Dialect, side: &str) -> Vec<String> {
    let document = asyncapi::document(dialect, "").unwrap_or_default();
    let messages = document["components"]["messages"].as_object();
    let names = messages.into_iter().flatten().map(|(name, _)| name);
    names.filter_map(|name| name.strip_prefix(side)).map(str::to_owned).collect()
}

/// A frame's `type`, or where it has none the key that frames like it are named by.
fn name_of<'a>(frame: &'a Value, names: &'a [String]) -> &'a str {
    let keyed = || names.iter().find(|name| frame.get(name).is_some()).map(String::as_str);
    frame.get("type").and_then(Value::as_str).or_else(keyed).unwrap_or_default()
}

fn answer(row: &Endpoint, status: u16) -> String {
    format!("{} {} {status}", row.method, row.path)
}

fn sent(name: &str) -> String {
    format!("the client's frame {name}")
}

const RECEIVED: &str = "the server's frame";

fn received(name: &str) -> String {
    format!("{RECEIVED} {name}")
}

fn close(code: u16) -> String {
    format!("the close code {code}")
}

#[cfg(test)]
mod tests {
    use chat_core::dialect;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_case_met_is_missing_until_one_does() {
        let suite = Suite::of(dialect::MESSENGER);
        let mut coverage = Coverage::new(dialect::MESSENGER);
        let is_missing = |coverage: &Coverage, what: &str| {
            coverage.missing(&suite).contains(&format!("no case met: {what}"))
        };
        for row in dialect::MESSENGER.endpoints {
            assert!(is_missing(&coverage, &answer(row, 401)), "{}", row.path);
        }
        coverage.note_answer("HEAD", "/api/v1.0/chat/rooms/7", 404);
        assert!(!is_missing(&coverage, "GET /api/v1.0/chat/rooms/{room_id}/ 404"));
        assert!(is_missing(&coverage, "GET /api/v1.0/chat/rooms/ 404"));

        coverage.note_sent(&json!({ "type": "typing" }));
        assert!(is_missing(&coverage, "the server's frame typing"));
        coverage.note_received(&json!({ "type": "typing" }));
        assert!(!is_missing(&coverage, "the server's frame typing"));

        assert!(is_missing(&coverage, "the close code 4403"));
        coverage.note_close(4403);
        assert!(!is_missing(&coverage, "the close code 4403"));
    }

    #[test]
    fn what_should_not_have_been_met_is_named() {
        let suite = Suite::of(dialect::MESSENGER);
        let mut coverage = Coverage::new(dialect::MESSENGER);
        coverage.note_received(&json!({ "type": "novelty" }));
        let missing = coverage.missing(&suite);
        assert!(missing.iter().any(|what| what.ends_with("the server's frame novelty")));
    }
}
