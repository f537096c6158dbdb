//! "Noted as one to be deleted": the files of what was deleted, until they are gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chat_core::model::Timestamp;
use chat_core::rules::Denial;
use chat_core::store::{FIRST_FILE_PAUSE, LONGEST_FILE_PAUSE, NewMessage, Store};
use futures::future::join_all;

use super::world::{Refusal, World, at, attachment};

async fn take(store: &Arc<dyn Store>, now: Timestamp) -> Vec<String> {
    store.take_gone_files(now, 1_000).await.unwrap()
}

fn keys<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

/// "Its file is noted as one to be deleted from `at` on".
pub async fn the_file_of_a_deleted_message_is_to_be_deleted(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let room = world.group([1, 2]).await;
    let file = attachment("notes");
    let key = file.key.clone();
    let sent = NewMessage { attachment: Some(file), ..world.text(room, 1, "look") };
    let sent = world.send(sent).await;
    let refused = world.refuses(room, world.delete(room, 2, sent.id)).await;
    assert_eq!(refused, Refusal::Denied(Denial::NotSender));
    assert!(take(&store, at(1_000_000)).await.is_empty(), "nothing is deleted");

    let (deleted, _) = world.delete(room, 1, sent.id).await.unwrap();
    let deleted_at = deleted.deleted_at.unwrap();
    let early = deleted_at.before(Duration::from_micros(1));
    assert!(take(&store, early).await.is_empty());
    assert_eq!(take(&store, deleted_at).await, [key]);
}

/// A message without a file leaves none.
pub async fn only_files_are_to_be_deleted(store: Arc<dyn Store>) {
    let world = World::new(store.clone());
    let room = world.group([1, 2]).await;
    let sent = world.say(room, 1, "hello").await;
    world.delete(room, 1, sent.id).await.unwrap();
    assert!(take(&store, at(1_000_000)).await.is_empty());
}

/// "It comes again [...] after each further time twice as long, at most [`LONGEST_FILE_PAUSE`]".
pub async fn a_file_that_was_taken_comes_again_after_growing_pauses(store: Arc<dyn Store>) {
    store.note_gone_files(&keys(["a"]), at(1)).await.unwrap();
    let (mut now, mut pause) = (at(1), FIRST_FILE_PAUSE);
    for _ in 0..12 {
        assert_eq!(take(&store, now).await, ["a"]);
        let again = now.after(pause);
        assert!(take(&store, again.before(Duration::from_micros(1))).await.is_empty());
        now = again;
        pause = LONGEST_FILE_PAUSE.min(2 * pause);
    }
    assert_eq!(pause, LONGEST_FILE_PAUSE, "it has grown that far");
}

/// "Until it is forgotten"; those that are not noted are none.
pub async fn a_file_that_is_forgotten_does_not_come_again(store: Arc<dyn Store>) {
    store.note_gone_files(&keys(["a", "b"]), at(1)).await.unwrap();
    assert_eq!(take(&store, at(1)).await.len(), 2);
    store.forget_gone_files(&keys(["a", "c"])).await.unwrap();
    assert_eq!(take(&store, at(1_000_000)).await, ["b"]);
}

/// "A file that is noted already stays as it is."
pub async fn a_file_that_is_noted_twice_comes_once(store: Arc<dyn Store>) {
    store.note_gone_files(&keys(["a", "a"]), at(10)).await.unwrap();
    store.note_gone_files(&keys(["a"]), at(1)).await.unwrap();
    assert!(take(&store, at(9)).await.is_empty());
    assert_eq!(take(&store, at(10)).await, ["a"]);
    store.note_gone_files(&keys(["a"]), at(10)).await.unwrap();
    assert!(take(&store, at(10)).await.is_empty());
}

/// "Those that are due longest first; at most `limit`."
pub async fn the_file_that_is_due_longest_comes_first(store: Arc<dyn Store>) {
    for (key, due) in [("a", 3), ("b", 1), ("c", 2), ("d", 9)] {
        store.note_gone_files(&keys([key]), at(due)).await.unwrap();
    }
    assert_eq!(store.take_gone_files(at(5), 2).await.unwrap(), ["b", "c"]);
    assert_eq!(store.take_gone_files(at(5), 2).await.unwrap(), ["a"]);
    assert!(store.take_gone_files(at(5), 0).await.unwrap().is_empty());
}

/// "Of callers at once each file is taken by one."
pub async fn of_many_who_take_files_at_once_each_goes_to_one(store: Arc<dyn Store>) {
    let all: Vec<String> = (0..40).map(|number| format!("file-{number}")).collect();
    store.note_gone_files(&all, at(1)).await.unwrap();
    let takers = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                let some = store.take_gone_files(at(2), 3).await.unwrap();
                if some.is_empty() {
                    return taken;
                }
                taken.extend(some);
            }
        })
    });
    let taken: Vec<String> = join_all(takers).await.into_iter().flat_map(Result::unwrap).collect();
    // Whoever finds all of them held by others stops looking, so some may be left.
    let rest = take(&store, at(2)).await;
    assert_eq!(taken.len() + rest.len(), 40);
    assert_eq!(taken.into_iter().chain(rest).collect::<BTreeSet<_>>().len(), 40);
}
