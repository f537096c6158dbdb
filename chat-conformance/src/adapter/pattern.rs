//! The language of the cases: placeholders in what is sent, patterns for what is received.
//!
//! In what is sent, and in patterns, `{name}` stands for a value that was captured or belongs to
//! the world; a string that is nothing but `{name}` becomes the value itself, a number too.
//! `{name|uuid}` is an id as a UUID of version 8, `{name|text}` a number as a string.
//! `{x*1000}` stands for a thousand `x`.
//!
//! A pattern matches what is equal to it, an object by exactly its keys. Strings in it that begin
//! with `$` match more: `$any`, `$int`, `$number`, `$string`, `$bool`, `$timestamp`,
//! `$null_or_timestamp`, `$absent` (no body at all) and `$like=…`, a text in which `#` is a digit
//! and `*` anything; any other word is one of the suite's shapes, which are patterns by name.
//! `$name:int` captures what matches as `{name}`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Values by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    values: BTreeMap<String, Value>,
    shapes: BTreeMap<String, Value>,
}

impl Names {
    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.values.insert(name.into(), value.into());
    }

    pub(super) fn set_shapes(&mut self, shapes: &BTreeMap<String, Value>) {
        self.shapes.clone_from(shapes);
    }

    /// A value with all names replaced.
    pub(super) fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let whole = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
                let known = whole.and_then(|name| self.values.get(name));
                known.cloned().unwrap_or_else(|| Value::String(self.fill_text(text)))
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (self.fill_text(key), self.fill(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// A text with all names replaced.
    pub(super) fn fill_text(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            rest = after;
            let inner = after.split_once('}').and_then(|(inner, after)| {
                let replaced = self.named(inner).or_else(|| repeated(inner))?;
                Some((replaced, after))
            });
            match inner {
                Some((replaced, after)) => {
                    filled.push_str(&replaced);
                    rest = after;
                }
                None => filled.push('{'),
            }
        }
        filled.push_str(rest);
        filled
    }

    fn named(&self, name: &str) -> Option<String> {
        let (name, form) = name.split_once('|').unwrap_or((name, "text"));
        let value = self.values.get(name)?;
        match (form, value) {
            ("text", Value::String(text)) => Some(text.clone()),
            ("text", other) => Some(other.to_string()),
            ("uuid", other) => Some(format!("00000000-0000-8000-8000-{:012x}", other.as_u64()?)),
            _ => None,
        }
    }

    /// Whether a value is as a pattern has it; captures what the pattern names.
    ///
    /// # Errors
    /// Where they differ, and how.
    pub(super) fn check(&mut self, pattern: &Value, got: &Value) -> Result<(), String> {
        self.check_at("", pattern, got)
    }

    fn check_at(&mut self, path: &str, pattern: &Value, got: &Value) -> Result<(), String> {
        match (pattern, got) {
            (Value::String(text), _) if text.starts_with('$') => self.check_kind(path, text, got),
            (Value::Object(pattern), Value::Object(fields)) => {
                self.check_fields(path, pattern, fields)
            }
            (Value::Array(pattern), Value::Array(items)) if pattern.len() == items.len() => {
                for (index, (pattern, item)) in pattern.iter().zip(items).enumerate() {
                    self.check_at(&format!("{path}[{index}]"), pattern, item)?;
                }
                Ok(())
            }
            _ => {
                let expected = self.fill(pattern);
                if expected == *got { Ok(()) } else { Err(differ(path, &expected, got)) }
            }
        }
    }

    fn check_fields(
        &mut self,
        path: &str,
        pattern: &Map<String, Value>,
        fields: &Map<String, Value>,
    ) -> Result<(), String> {
        if let Some(key) = fields.keys().find(|key| !pattern.contains_key(*key)) {
            return Err(format!("at {path}: the key {key:?} is too much"));
        }
        // What is captured can be used in the same object, wherever its key stands.
        let captures = |pattern: &Value| pattern.as_str().is_some_and(is_capture);
        let (first, then): (Vec<_>, Vec<_>) =
            pattern.iter().partition(|(_, pattern)| captures(pattern));
        for (key, pattern) in first.into_iter().chain(then) {
            let field = fields.get(key).ok_or_else(|| format!("at {path}: no key {key:?}"))?;
            self.check_at(&format!("{path}.{key}"), pattern, field)?;
        }
        Ok(())
    }

    fn check_kind(&mut self, path: &str, text: &str, got: &Value) -> Result<(), String> {
        let plain = &text[1..];
        let (name, kind) = match plain.split_once(':') {
            Some((name, kind)) if is_capture(text) => (Some(name), kind),
            _ => (None, plain),
        };
        if let Some(shape) = self.shapes.get(kind).cloned() {
            self.check_at(path, &shape, got)?;
        }
        let matches = match (kind, got) {
            ("any", _) => true,
            (kind, _) if self.shapes.contains_key(kind) => true,
            ("int", got) => got.is_u64() || got.is_i64(),
            ("number", got) => got.is_number(),
            ("string", got) => got.is_string(),
            ("bool", got) => got.is_boolean(),
            ("null_or_timestamp", Value::Null) => true,
            ("timestamp" | "null_or_timestamp", Value::String(text)) => is_timestamp(text),
            (kind, got) => match (kind.strip_prefix("like="), got) {
                (Some(like), Value::String(text)) => is_like(&self.fill_text(like), text),
                _ => false,
            },
        };
        if !matches {
            return Err(differ(path, &Value::String(text.to_owned()), got));
        }
        if let Some(name) = name {
            self.set(name, got.clone());
        }
        Ok(())
    }
}

/// Whether a pattern is `$name:kind`.
fn is_capture(text: &str) -> bool {
    text.starts_with('$') && text.contains(':') && !text.starts_with("$like=")
}

fn differ(path: &str, expected: &Value, got: &Value) -> String {
    format!("at {path}: expected {}, got {}", brief(&expected.to_string()), brief(&got.to_string()))
}

/// A text short enough to be read.
pub(super) fn brief(text: &str) -> String {
    const MOST: usize = 1_000;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// `x*1000` as a thousand `x`.
fn repeated(text: &str) -> Option<String> {
    let (unit, times) = text.rsplit_once('*')?;
    let plain = !unit.is_empty() && !unit.contains(['{', '"']);
    plain.then(|| Some(unit.repeat(times.parse().ok()?))).flatten()
}

/// RFC 3339 in UTC, ending in `Z`, with microseconds at the most.
fn is_timestamp(text: &str) -> bool {
    let Some(text) = text.strip_suffix('Z') else { return false };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    is_like("####-##-##T##:##:##", whole)
        && (1..=6).contains(&fraction.len())
        && digits(fraction)
        && matches!(whole[5..7].parse(), Ok(1..=12))
        && matches!(whole[8..10].parse(), Ok(1..=31))
        && matches!(whole[11..13].parse(), Ok(0..=23))
        && matches!(whole[14..16].parse(), Ok(0..=59))
}

/// Whether a text is like a template, in which `#` is a digit and `*` anything.
fn is_like(template: &str, text: &str) -> bool {
    let mut rest = text.chars();
    let mut characters = template.chars();
    while let Some(character) = characters.next() {
        let fits = match character {
            '*' => {
                let template = characters.as_str();
                let mut ends = rest.as_str().char_indices().map(|(at, _)| at);
                return is_like(template, "")
                    || ends.any(|at| is_like(template, &rest.as_str()[at..]));
            }
            '#' => rest.next().is_some_and(|next| next.is_ascii_digit()),
            _ => rest.next() == Some(character),
        };
        if !fits {
            return false;
        }
    }
    rest.as_str().is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_has_exactly_the_keys_of_its_pattern() {
        let mut names = Names::default();
        let pattern = json!({ "a": "$int", "b": [{ "c": null }] });
        assert_eq!(names.check(&pattern, &json!({ "a": 1, "b": [{ "c": null }] })), Ok(()));
        for got in [
            json!({ "a": 1 }),
            json!({ "a": 1, "b": [{ "c": null }], "d": 1 }),
            json!({ "a": "1", "b": [{ "c": null }] }),
            json!({ "a": 1, "b": [] }),
            json!({ "a": 1, "b": [{ "c": 0 }] }),
        ] {
            assert!(names.check(&pattern, &got).is_err(), "{got}");
        }
    }

    #[test]
    fn what_was_captured_can_be_used_as_a_value_and_in_a_text() {
        let mut names = Names::default();
        assert_eq!(names.check(&json!("$id:int"), &json!(7)), Ok(()));
        assert_eq!(
            names.fill(&json!(["{id}", "m{id}", "{x*3}", "{no}"])),
            json!([7, "m7", "xxx", "{no}"])
        );
        assert_eq!(names.check(&json!("{id}"), &json!(7)), Ok(()));
        assert!(names.check(&json!("{id}"), &json!("7")).is_err());
        assert_eq!(names.check(&json!("$like=msg_{id}_#.#"), &json!("msg_7_1.2")), Ok(()));
    }

    #[test]
    fn what_is_captured_can_be_used_in_the_same_object() {
        let mut names = Names::default();
        let pattern = json!({ "a": "{at}", "z": "$at:string" });
        assert_eq!(names.check(&pattern, &json!({ "a": "x", "z": "x" })), Ok(()));
        assert!(names.check(&pattern, &json!({ "a": "x", "z": "y" })).is_err());
    }

    #[test]
    fn an_id_has_other_forms() {
        let mut names = Names::default();
        names.set("id", 255);
        assert_eq!(
            names.fill(&json!(["{id}", "{id|text}", "{id|uuid}", "{id|no}"])),
            json!([255, "255", "00000000-0000-8000-8000-0000000000ff", "{id|no}"])
        );
    }

    #[test]
    fn json_as_text_keeps_its_braces() {
        let mut names = Names::default();
        names.set("id", 7);
        assert_eq!(
            names.fill_text(r#"{"a": {"b": "{x*2}"}, "c": {id}}"#),
            r#"{"a": {"b": "xx"}, "c": 7}"#
        );
    }

    #[test]
    fn a_timestamp_is_in_utc_with_microseconds_at_the_most() {
        for text in ["2024-12-25T10:30:00Z", "2024-12-25T10:30:00.123456Z"] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "2024-12-25T10:30:00",
            "2024-12-25T10:30:00+00:00",
            "2024-12-25T10:30:00.1234567Z",
            "2024-12-25 10:30:00Z",
            "2024-13-25T10:30:00Z",
            "2024-12-25T10:30:00.Z",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }

    #[test]
    fn a_star_is_anything() {
        assert!(is_like("a*c", "abbc") && is_like("*", "") && is_like("a*", "a"));
        assert!(!is_like("a*c", "abb") && !is_like("#", "x") && !is_like("a", "ab"));
    }
}
