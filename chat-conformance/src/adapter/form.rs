//! How the paths of a run are written.

use std::fmt;

/// How the paths of a run are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) prefix: &'static str,
    /// Without the trailing slash.
    bare: bool,
}

impl Form {
    pub(super) const ALL: [Self; 4] = [
        Self { prefix: "", bare: false },
        Self { prefix: "", bare: true },
        Self { prefix: "/nested", bare: false },
        Self { prefix: "/nested", bare: true },
    ];

    /// A path and its query in this form, without the prefix.
    pub(super) fn write(self, target: &str, verbatim: bool) -> String {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (target, String::new()),
        };
        let bare = path.strip_suffix('/').filter(|path| self.bare && !verbatim && !path.is_empty());
        format!("{}{query}", bare.unwrap_or(path))
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.bare { "without" } else { "with" };
        write!(f, "under {:?} {slash} trailing slashes", self.prefix)
    }
}
