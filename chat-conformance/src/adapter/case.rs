//! The cases, as the files have them.

use std::collections::BTreeMap;
use std::time::Duration;

use chat_core::Config;
use chat_core::dialect::Dialect;
use serde::Deserialize;
use serde_json::Value;

use super::step::Step;

/// The cases of one dialect.
pub(super) struct Suite {
    files: Vec<(&'static str, Vec<Case>)>,
    pub(super) manifest: Manifest,
}

/// What the cases of a dialect have in common, and what they have to meet between them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Where a socket opens unless a case says otherwise.
    pub(super) socket: Option<String>,
    /// The pattern of a socket's first frame; none where there is none.
    pub(super) greeting: Option<Value>,
    /// Patterns by name.
    pub(super) shapes: BTreeMap<String, Value>,
    /// The `type` of every frame that clients send.
    pub(super) client_frames: Vec<String>,
    /// The `type` of every frame that the server sends.
    pub(super) server_frames: Vec<String>,
    /// The codes with which the server closes.
    pub(super) closes: Vec<u16>,
    /// What no case can meet, as `METHOD path status`, with the reason.
    pub(super) out_of_reach: Vec<(String, String)>,
}

/// A sequence of steps in a world of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What it shows, in a sentence.
    pub(super) name: String,
    /// The figures that differ from the defaults.
    #[serde(default)]
    pub(super) config: Settings,
    pub(super) steps: Vec<Step>,
}

/// Figures that a case may change, as in [`Config`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    typing_limit_ms: Option<u64>,
    ping_interval_ms: Option<u64>,
    ping_timeout_ms: Option<u64>,
    lifetime_ms: Option<u64>,
    max_missed_pings: Option<u32>,
    sockets_per_user: Option<usize>,
    allowed_origins: Vec<String>,
}

impl Settings {
    pub(super) fn config(&self) -> Config {
        let mut config = Config::default();
        let mut set = |figure: fn(&mut Config) -> &mut Duration, millis: Option<u64>| {
            if let Some(millis) = millis {
                *figure(&mut config) = Duration::from_millis(millis);
            }
        };
        set(|config| &mut config.typing_limit, self.typing_limit_ms);
        set(|config| &mut config.ping_interval, self.ping_interval_ms);
        set(|config| &mut config.ping_timeout, self.ping_timeout_ms);
        set(|config| &mut config.lifetime, self.lifetime_ms);
        config.max_missed_pings = self.max_missed_pings.unwrap_or(config.max_missed_pings);
        config.sockets_per_user = self.sockets_per_user.unwrap_or(config.sockets_per_user);
        config.allowed_origins.clone_from(&self.allowed_origins);
        config
    }
}

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        (
            include_str!(concat!("../../cases/", $folder, "/manifest.json")),
            &[$((
                concat!($folder, "/", $name, ".json"),
                include_str!(concat!("../../cases/", $folder, "/", $name, ".json")),
            )),*],
        )
    };
}

/// A file's name and its text.
type File = (&'static str, &'static str);

const CAMPUS: (&str, &[File]) =
    files!("campus": "chats", "credentials", "frames", "messages", "sockets");

const DIRECT: (&str, &[File]) =
    files!("direct": "chats", "credentials", "frames", "history", "sockets", "users");

const ROOMS: (&str, &[File]) = files!("rooms": "credentials", "messages", "rooms");

const MESSENGER: (&str, &[File]) = files!(
    "messenger":
    "credentials",
    "health",
    "idempotency",
    "messages",
    "pages",
    "presence",
    "receipts",
    "rooms",
    "sockets",
    "frames",
    "heartbeat",
    "stats",
    "typing",
);

impl Suite {
    /// The cases of a dialect.
    pub(super) fn of(dialect: &Dialect) -> Self {
        let (manifest, files) = match dialect.name {
            "campus" => CAMPUS,
            "direct" => DIRECT,
            "messenger" => MESSENGER,
            "rooms" => ROOMS,
            name => panic!("there are no cases of {name}"),
        };
        let files = files.iter().map(|&(name, text)| (name, read(name, text))).collect();
        Self { files, manifest: read("manifest.json", manifest) }
    }

    /// Each case and the file it stands in.
    pub(super) fn cases(&self) -> impl Iterator<Item = (&'static str, &Case)> {
        self.files.iter().flat_map(|(name, cases)| cases.iter().map(|case| (*name, case)))
    }
}

fn read<T: for<'de> Deserialize<'de>>(name: &str, text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_can_be_read_and_has_a_name_of_its_own() {
        let suite = Suite::of(chat_core::dialect::MESSENGER);
        let mut names: Vec<_> = suite.cases().map(|(_, case)| &case.name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "two cases have the same name");
    }
}
