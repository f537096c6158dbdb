//! Hints between processes: gathered, bounded, and as text.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Hint;
use crate::model::{NodeId, RoomId, UserId, Version};

/// Hints that wait to be told to other processes: each once, the latest of its kind, and within
/// bounds. For buses that cross processes.
///
/// ```
/// use chat_core::host::{Hint, Outbox, Packet};
/// use chat_core::model::{NodeId, RoomId};
///
/// let room = RoomId::new(7).unwrap();
/// let mut outbox = Outbox::default();
/// outbox.push(Hint::Room(room, 1));
/// outbox.push(Hint::Room(room, 2));
/// let texts = outbox.take(NodeId::random(), 8_000);
/// assert_eq!(Packet::parse(&texts[0]).unwrap().hints, [Hint::Room(room, 2)]);
/// ```
#[derive(Debug, Default)]
pub struct Outbox {
    versions: HashMap<RoomId, Version>,
    others: HashMap<Subject, Hint>,
    missed: bool,
}

/// What a hint is about: a later one of the same subject takes its place.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Subject {
    Presence(UserId),
    Typing(RoomId, UserId),
    Attendance(RoomId, UserId),
    HealthCheck(RoomId),
    SignedOut(UserId),
}

impl Outbox {
    /// The most hints that wait. Where more come, all are given up for [`Hint::Missed`], but for up
    /// to half as many about who was signed out.
    pub const MOST: usize = 10_000;

    /// Adds a hint.
    pub fn push(&mut self, hint: Hint) {
        let subject = match &hint {
            Hint::Room(room, version) => {
                let known = self.versions.entry(*room).or_default();
                *known = (*known).max(*version);
                None
            }
            Hint::Presence(user) => Some(Subject::Presence(user.clone())),
            Hint::Typing(room, user, _) => Some(Subject::Typing(*room, user.clone())),
            Hint::Attendance(room, user, _) => Some(Subject::Attendance(*room, user.clone())),
            Hint::HealthCheck(room) => Some(Subject::HealthCheck(*room)),
            Hint::SignedOut(user) => Some(Subject::SignedOut(user.clone())),
            Hint::Missed => {
                self.missed = true;
                None
            }
        };
        if let Some(subject) = subject {
            self.others.insert(subject, hint);
        }
        if self.versions.len() + self.others.len() > Self::MOST {
            // Nobody finds that out who looks.
            let is_sign_out = |subject: &Subject| matches!(subject, Subject::SignedOut(_));
            self.others.retain(|subject, _| is_sign_out(subject));
            self.versions.clear();
            self.missed = true;
            if self.others.len() > Self::MOST / 2 {
                self.others.clear();
            }
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.others.is_empty() && !self.missed
    }

    /// Takes everything out, as texts for [`Packet::parse`] of at most so many bytes each. They
    /// name the process that tells, so that it knows its own. A single hint takes less than 1,000
    /// bytes.
    pub fn take(&mut self, from: NodeId, bytes: usize) -> Vec<String> {
        let Self { versions, others, missed } = std::mem::take(self);
        let versions = versions.into_iter().map(|(room, version)| Hint::Room(room, version));
        let missed = missed.then_some(Hint::Missed);
        let mut texts = Vec::new();
        let head = format!(r#"{{"from":"{}","hints":["#, from.0);
        let mut text = String::new();
        for hint in versions.chain(others.into_values()).chain(missed) {
            let Ok(word) = serde_json::to_string(&Word::from(hint)) else { continue };
            if !text.is_empty() && text.len() + word.len() + 3 > bytes {
                texts.push(std::mem::take(&mut text) + "]}");
            }
            text.push_str(if text.is_empty() { &head } else { "," });
            text.push_str(&word);
        }
        if !text.is_empty() {
            texts.push(text + "]}");
        }
        texts
    }

    /// Takes back texts that may not have been told, all of them or in part: [`Hint::Missed`] in
    /// their place, and who was signed out, which nobody finds out who looks.
    pub fn take_back(&mut self, texts: &[String]) {
        let hints = texts.iter().filter_map(|text| Packet::parse(text)).flat_map(|it| it.hints);
        hints.filter(|hint| matches!(hint, Hint::SignedOut(_))).for_each(|hint| self.push(hint));
        self.push(Hint::Missed);
    }
}

/// What one process tells the others at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Who tells.
    pub from: NodeId,
    /// What.
    pub hints: Vec<Hint>,
}

impl Packet {
    /// A packet that tells nothing but that its sender is there.
    pub fn heartbeat(from: NodeId) -> String {
        format!(r#"{{"from":"{}","hints":[]}}"#, from.0)
    }

    /// Reads a text of [`Outbox::take`]; `None` where it is none. Hints of kinds that are not known
    /// here are left out, so that processes of different versions can share a bus.
    pub fn parse(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            from: Uuid,
            #[serde(borrow)]
            hints: Vec<&'a RawValue>,
        }
        let wire: Wire<'_> = serde_json::from_str(text).ok()?;
        let hints = wire.hints.into_iter().filter_map(|word| {
            let word: Value = serde_json::from_str(word.get()).ok()?;
            serde_json::from_value::<Word>(word).ok()?.hint()
        });
        Some(Self { from: NodeId(wire.from), hints: hints.collect() })
    }
}

/// A hint as it is written.
#[derive(Serialize, Deserialize)]
enum Word {
    #[serde(rename = "r")]
    Room(u64, Version),
    #[serde(rename = "p")]
    Presence(String),
    #[serde(rename = "t")]
    Typing(u64, String, bool),
    #[serde(rename = "a")]
    Attendance(u64, String, bool),
    #[serde(rename = "h")]
    HealthCheck(u64),
    #[serde(rename = "o")]
    SignedOut(String),
    #[serde(rename = "m")]
    Missed,
}

impl From<Hint> for Word {
    fn from(hint: Hint) -> Self {
        match hint {
            Hint::Room(room, version) => Self::Room(room.get(), version),
            Hint::Presence(user) => Self::Presence(user.to_string()),
            Hint::Typing(room, user, on) => Self::Typing(room.get(), user.to_string(), on),
            Hint::Attendance(room, user, on) => Self::Attendance(room.get(), user.to_string(), on),
            Hint::HealthCheck(room) => Self::HealthCheck(room.get()),
            Hint::SignedOut(user) => Self::SignedOut(user.to_string()),
            Hint::Missed => Self::Missed,
        }
    }
}

impl Word {
    fn hint(self) -> Option<Hint> {
        Some(match self {
            Self::Room(room, version) => Hint::Room(RoomId::new(room)?, version),
            Self::Presence(user) => Hint::Presence(user.try_into().ok()?),
            Self::Typing(room, user, on) => {
                Hint::Typing(RoomId::new(room)?, user.try_into().ok()?, on)
            }
            Self::Attendance(room, user, on) => {
                Hint::Attendance(RoomId::new(room)?, user.try_into().ok()?, on)
            }
            Self::HealthCheck(room) => Hint::HealthCheck(RoomId::new(room)?),
            Self::SignedOut(user) => Hint::SignedOut(user.try_into().ok()?),
            Self::Missed => Hint::Missed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(id: u64) -> RoomId {
        RoomId::new(id).unwrap()
    }

    fn heard(texts: &[String]) -> Vec<Hint> {
        texts.iter().flat_map(|text| Packet::parse(text).unwrap().hints).collect()
    }

    #[test]
    fn every_kind_of_hint_comes_back_as_it_was() {
        let strange = UserId::new("\"\\ \u{202e}é\u{1f600}").unwrap();
        let hints = [
            Hint::Room(room(1), 5),
            Hint::Presence(strange.clone()),
            Hint::Typing(room(2), strange.clone(), true),
            Hint::Attendance(room(3), strange.clone(), false),
            Hint::HealthCheck(room(4)),
            Hint::SignedOut(strange),
            Hint::Missed,
        ];
        for hint in hints {
            let mut outbox = Outbox::default();
            outbox.push(hint.clone());
            assert_eq!(heard(&outbox.take(NodeId::random(), 8_000)), [hint]);
            assert!(outbox.is_empty());
        }
    }

    #[test]
    fn the_latest_of_a_subject_is_told_and_the_highest_version() {
        let user = UserId::from(1);
        let mut outbox = Outbox::default();
        for version in [3, 9, 4] {
            outbox.push(Hint::Room(room(1), version));
        }
        outbox.push(Hint::Typing(room(1), user.clone(), true));
        outbox.push(Hint::Typing(room(1), user.clone(), false));
        let told = heard(&outbox.take(NodeId::random(), 8_000));
        assert_eq!(told, [Hint::Room(room(1), 9), Hint::Typing(room(1), user, false)]);
    }

    #[test]
    fn texts_stay_within_the_bytes_and_leave_nothing_out() {
        let longest = "\"".repeat(UserId::MAX_BYTES);
        let mut outbox = Outbox::default();
        for id in 1..=500 {
            outbox.push(Hint::Typing(room(id), longest.as_str().try_into().unwrap(), true));
        }
        let texts = outbox.take(NodeId::random(), 1_000);
        assert!(texts.iter().all(|text| text.len() <= 1_000));
        assert_eq!(heard(&texts).len(), 500);
    }

    #[test]
    fn too_many_become_a_single_word() {
        let mut outbox = Outbox::default();
        for id in 1..=Outbox::MOST as u64 + 1 {
            outbox.push(Hint::HealthCheck(room(id)));
        }
        assert_eq!(heard(&outbox.take(NodeId::random(), 8_000)), [Hint::Missed]);
    }

    #[test]
    fn who_was_signed_out_is_told_however_much_else_there_is() {
        let mut outbox = Outbox::default();
        let john = UserId::from(1);
        outbox.push(Hint::SignedOut(john.clone()));
        for id in 1..=Outbox::MOST as u64 {
            outbox.push(Hint::Room(room(id), 1));
        }
        let told = heard(&outbox.take(NodeId::random(), 8_000));
        assert_eq!(told, [Hint::SignedOut(john), Hint::Missed]);
        for id in 0..=Outbox::MOST as u64 {
            outbox.push(Hint::SignedOut(id.into()));
        }
        assert_eq!(heard(&outbox.take(NodeId::random(), 8_000)), [Hint::Missed]);
    }

    #[test]
    fn what_may_be_lost_is_told_again_as_a_single_word_but_for_who_was_signed_out() {
        let mut outbox = Outbox::default();
        outbox.push(Hint::Room(room(1), 5));
        outbox.push(Hint::SignedOut(1.into()));
        outbox.push(Hint::SignedOut(2.into()));
        let texts = outbox.take(NodeId::random(), 70);
        assert!(texts.len() > 1);
        outbox.push(Hint::SignedOut(1.into()));
        outbox.take_back(&texts);
        let mut told = heard(&outbox.take(NodeId::random(), 8_000));
        assert_eq!(told.pop(), Some(Hint::Missed));
        told.sort_by_key(|hint| format!("{hint:?}"));
        assert_eq!(told, [Hint::SignedOut(1.into()), Hint::SignedOut(2.into())]);
    }

    #[test]
    fn what_nobody_here_wrote_is_passed_over() {
        for text in ["", "1", "{}", "[]", r#"{"from":"x","hints":[]}"#, "\u{0}"] {
            assert_eq!(Packet::parse(text), None, "{text}");
        }
        let node = NodeId::random();
        let hints = r#"{"new":1},{"r":[0,1]},{"r":[1,-1]},{"p":""},{"r":[1,1]},7,{"r":[1,2]}"#;
        let text = format!(r#"{{"from":"{}","hints":[{hints}]}}"#, node.0);
        let known = vec![Hint::Room(room(1), 1), Hint::Room(room(1), 2)];
        assert_eq!(Packet::parse(&text), Some(Packet { from: node, hints: known }));
        assert_eq!(Packet::parse(&Packet::heartbeat(node)).unwrap().hints, []);
    }
}
