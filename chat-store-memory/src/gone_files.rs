//! The files that are still to be deleted.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chat_core::model::Timestamp;
use chat_core::store::{FIRST_FILE_PAUSE, LONGEST_FILE_PAUSE};

/// The files that are still to be deleted, by their keys.
#[derive(Default)]
pub(crate) struct GoneFiles {
    files: HashMap<String, Due>,
    due: BTreeSet<(Timestamp, String)>,
}

/// When to delete a file, and how long to wait before that is tried again.
struct Due {
    at: Timestamp,
    pause: Duration,
}

impl GoneFiles {
    /// Notes a file that is to be deleted from a moment on, unless it is noted.
    pub(crate) fn note(&mut self, key: &str, at: Timestamp) {
        if !self.files.contains_key(key) {
            self.files.insert(key.to_owned(), Due { at, pause: FIRST_FILE_PAUSE });
            self.due.insert((at, key.to_owned()));
        }
    }

    /// Takes those that are due, the longest first. They are due again after a pause.
    pub(crate) fn take(&mut self, now: Timestamp, limit: usize) -> Vec<String> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now).take(limit);
        let taken: Vec<String> = due.map(|(_, key)| key.clone()).collect();
        for key in &taken {
            let Some(file) = self.files.get_mut(key) else { continue };
            self.due.remove(&(file.at, key.clone()));
            file.at = now.after(file.pause);
            file.pause = LONGEST_FILE_PAUSE.min(file.pause * 2);
            self.due.insert((file.at, key.clone()));
        }
        taken
    }

    /// Forgets a file.
    pub(crate) fn forget(&mut self, key: &str) {
        if let Some(file) = self.files.remove(key) {
            self.due.remove(&(file.at, key.to_owned()));
        }
    }
}
