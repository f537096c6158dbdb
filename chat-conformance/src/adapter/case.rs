//! The cases, as the files have them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use chat_core::Config;
use chat_core::dialect::Dialect;
use serde::Deserialize;
use serde_json::Value;

use super::step::Step;

/// The cases of one dialect.
pub(super) struct Suite {
    files: Vec<(String, Vec<Case>)>,
    pub(super) manifest: Manifest,
}

/// What the cases of a dialect have in common, and what they have to meet between them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Where a socket opens unless a case says otherwise; none where the dialect has no sockets.
    pub(super) socket: Option<String>,
    /// The pattern of a socket's first frame; none where there is none.
    pub(super) greeting: Option<Value>,
    /// Patterns by name.
    pub(super) shapes: BTreeMap<String, Value>,
    /// The codes with which the server closes.
    pub(super) closes: Vec<u16>,
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
    frame_limit: Option<usize>,
    body_limit: Option<usize>,
    message_limit: Option<usize>,
    messenger_message_limit: Option<usize>,
    trust_forwarded: bool,
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
        let mut set = |figure: fn(&mut Config) -> &mut usize, value: Option<usize>| {
            if let Some(value) = value {
                *figure(&mut config) = value;
            }
        };
        set(|config| &mut config.sockets_per_user, self.sockets_per_user);
        set(|config| &mut config.frame_limit, self.frame_limit);
        set(|config| &mut config.body_limit, self.body_limit);
        set(|config| &mut config.message_limit, self.message_limit);
        set(|config| &mut config.messenger_message_limit, self.messenger_message_limit);
        config.trust_forwarded = self.trust_forwarded;
        config.allowed_origins.clone_from(&self.allowed_origins);
        config
    }
}

impl Suite {
    /// The cases of a dialect: all files of its folder.
    pub(super) fn of(dialect: &Dialect) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(dialect.name);
        let entries = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("there are no cases of {}: {error}", dialect.name));
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let manifest = folder.join(MANIFEST);
        paths.retain(|path| *path != manifest);
        let files = paths.iter().map(|path| (name(dialect, path), read(path))).collect();
        Self { files, manifest: read(&manifest) }
    }

    /// Each case and the file it stands in.
    pub(super) fn cases(&self) -> impl Iterator<Item = (&str, &Case)> {
        self.files.iter().flat_map(|(name, cases)| cases.iter().map(|case| (name.as_str(), case)))
    }
}

const MANIFEST: &str = "manifest.json";

fn name(dialect: &Dialect, path: &Path) -> String {
    let file = path.file_name().unwrap_or_default();
    format!("{}/{}", dialect.name, file.display())
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> T {
    let read = fs::read(path).map_err(|error| error.to_string());
    read.and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
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
