//! The suite for file stores.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! chat_conformance::files::check(&chat_runtime::ObjectFiles::in_memory()).await;
//! # }
//! ```

use bytes::Bytes;
use chat_core::host::{FileError, FileStore, Pieces};
use futures::stream::{self, StreamExt, TryStreamExt};

/// Holds a file store to its contract.
///
/// # Panics
/// Where it breaks it.
pub async fn check(store: &dyn FileStore) {
    what_was_put_is_read(store).await;
    a_part_is_read(store).await;
    a_file_that_breaks_off_is_not_there(store).await;
    what_is_deleted_is_gone(store).await;
    files_do_not_meet(store).await;
}

fn pieces(of: Vec<Result<Vec<u8>, &'static str>>) -> Pieces {
    let piece = |piece: Result<Vec<u8>, &'static str>| piece.map(Bytes::from).map_err(Into::into);
    stream::iter(of.into_iter().map(piece)).boxed()
}

/// Twelve megabytes in small pieces, no two of which are alike.
fn large() -> Vec<Vec<u8>> {
    let piece = |number: u32| number.to_le_bytes().repeat(16 * 1024);
    (0..192).map(piece).collect()
}

async fn content(store: &dyn FileStore, key: &str) -> Result<Vec<u8>, FileError> {
    let file = store.get(key).await?;
    let content: Vec<Bytes> = file.pieces.try_collect().await.expect("a file can be read");
    let content = content.concat();
    assert_eq!(content.len() as u64, file.size, "the size is that of the content");
    Ok(content)
}

async fn what_was_put_is_read(store: &dyn FileStore) {
    for (number, all) in
        [vec![], vec![b"one".to_vec(), vec![], b"two".to_vec()], large()].into_iter().enumerate()
    {
        let key = format!("read-{number}");
        store
            .put(&key, pieces(all.iter().cloned().map(Ok).collect()))
            .await
            .expect("a file is put");
        assert!(content(store, &key).await.expect("it is there") == all.concat());
    }
}

async fn a_part_is_read(store: &dyn FileStore) {
    let all = large().concat();
    store.put("part", pieces(large().into_iter().map(Ok).collect())).await.expect("a file is put");
    let size = all.len();
    for part in [0..1, 10..20, 65_530..200_001, 65_536..131_072, size - 1..size, 0..size] {
        let range = part.start as u64..part.end as u64;
        let read = store.get_range("part", range).await.expect("it is there");
        let read: Vec<Bytes> = read.try_collect().await.expect("a part can be read");
        assert!(read.concat() == all[part.clone()], "{part:?}");
    }
    let none = store.get_range("never", 0..1).await;
    assert!(matches!(none.map(drop), Err(FileError::NotFound)));
    store.delete("part").await.expect("a file is deleted");
}

async fn a_file_that_breaks_off_is_not_there(store: &dyn FileStore) {
    let broken = large().into_iter().map(Ok).chain([Err("the client went away")]).collect();
    let put = store.put("broken", pieces(broken)).await;
    assert!(matches!(put, Err(FileError::Broken(_))), "{put:?}");
    assert!(matches!(store.get("broken").await, Err(FileError::NotFound)));
}

async fn what_is_deleted_is_gone(store: &dyn FileStore) {
    store.put("gone", pieces(vec![Ok(b"here".to_vec())])).await.expect("a file is put");
    store.delete("gone").await.expect("a file is deleted");
    assert!(matches!(store.get("gone").await, Err(FileError::NotFound)));
    store.delete("gone").await.expect("what is not there is deleted already");
    assert!(matches!(store.get("never").await, Err(FileError::NotFound)));
}

async fn files_do_not_meet(store: &dyn FileStore) {
    let put = |key: &'static str| store.put(key, pieces(vec![Ok(key.as_bytes().to_vec())]));
    let (first, second) = futures::join!(put("meet-1"), put("meet-2"));
    first.and(second).expect("files are put at once");
    assert_eq!(content(store, "meet-1").await.expect("it is there"), b"meet-1");
    store.delete("meet-1").await.expect("a file is deleted");
    assert_eq!(content(store, "meet-2").await.expect("it is there"), b"meet-2");
}
