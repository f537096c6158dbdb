//! Files that hold what is expected.

use std::path::Path;

use serde_json::Value;

/// Compares a document with a file under `tests/`. Set `UPDATE_GOLDEN` to write the file anew, then
/// read what changed in it.
pub(crate) fn golden(name: &str, document: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let text = serde_json::to_string_pretty(document).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(expected == text, "{name} differs: UPDATE_GOLDEN=1 writes it anew");
}
