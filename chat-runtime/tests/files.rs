//! Attachments on object stores.
#![cfg(feature = "files")]

use chat_conformance::files;
use chat_runtime::ObjectFiles;

#[tokio::test]
async fn in_memory() {
    files::check(&ObjectFiles::in_memory()).await;
}

#[tokio::test]
async fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    files::check(&ObjectFiles::in_folder(folder.path()).unwrap()).await;
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 4, "nothing is left of what broke off: {left:?}");
}

#[test]
fn a_folder_has_to_be_there() {
    assert!(ObjectFiles::in_folder("/no/such/folder").is_err());
}
