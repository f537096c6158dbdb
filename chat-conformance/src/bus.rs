//! The suite for buses.
//!
//! ```
//! use std::sync::Arc;
//!
//! use chat_core::host::Bus;
//! use chat_runtime::LocalBus;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let bus = LocalBus::new();
//! chat_conformance::bus::check(async || Arc::new(bus.join()) as Arc<dyn Bus>).await;
//! # }
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chat_core::host::{Bus, Hint};
use chat_core::model::{RoomId, UserId};
use futures::stream::{BoxStream, StreamExt};
use tokio::time::{sleep, timeout};

/// How long anything may take. Only a failure waits for so long.
const PATIENCE: Duration = Duration::from_mins(2);

/// Holds a bus to its contract, on nodes of which `join` makes one more with each call.
///
/// # Panics
/// Where it breaks it.
pub async fn check(join: impl AsyncFn() -> Arc<dyn Bus>) {
    let nodes = [join().await, join().await, join().await];
    for node in &nodes {
        available(node.as_ref()).await;
    }
    every_hint_is_heard_by_all_others_as_it_was(&nodes).await;
    a_node_does_not_hear_itself(&nodes).await;
    all_who_listen_on_a_node_hear(&nodes).await;
    the_last_of_very_many_is_heard(&nodes).await;
    what_is_told_of_many_rooms_reaches_all_of_them(&nodes).await;
}

async fn available(node: &dyn Bus) {
    let wait = async {
        while !node.is_available() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("a bus that works says so");
}

/// The next hint that this is about; [`Hint::Missed`] may come at any time.
async fn heard(hints: &mut BoxStream<'static, Hint>) -> Hint {
    let next = async {
        loop {
            let hint = hints.next().await.expect("the stream goes on");
            if hint != Hint::Missed {
                return hint;
            }
        }
    };
    timeout(PATIENCE, next).await.expect("the hint is heard")
}

fn room(id: u64) -> RoomId {
    RoomId::new(id).expect("a small id")
}

async fn every_hint_is_heard_by_all_others_as_it_was(nodes: &[Arc<dyn Bus>; 3]) {
    let strange = "\"\\'; drop \u{202e}\u{1f600}é%_".repeat(8);
    let longest = "\u{1f600}".repeat(UserId::MAX_BYTES / 4);
    for text in ["1", &strange, &longest] {
        let user = UserId::new(text).expect("a user id");
        let last = room((1 << 48) - 1);
        let hints = [
            Hint::Room(room(1), 1),
            Hint::Room(last, i64::MAX.unsigned_abs()),
            Hint::Presence(user.clone()),
            Hint::Typing(room(1), user.clone(), true),
            Hint::Typing(last, user.clone(), false),
            Hint::Attendance(room(1), user.clone(), true),
            Hint::Attendance(last, user, false),
            Hint::HealthCheck(last),
        ];
        let mut second = nodes[1].subscribe();
        let mut third = nodes[2].subscribe();
        for hint in hints {
            nodes[0].publish(hint.clone());
            assert_eq!(heard(&mut second).await, hint);
            assert_eq!(heard(&mut third).await, hint);
        }
    }
}

async fn a_node_does_not_hear_itself(nodes: &[Arc<dyn Bus>; 3]) {
    let mut first = nodes[0].subscribe();
    let mut second = nodes[1].subscribe();
    nodes[0].publish(Hint::Room(room(2), 1));
    assert_eq!(heard(&mut second).await, Hint::Room(room(2), 1));
    nodes[1].publish(Hint::Room(room(2), 2));
    assert_eq!(heard(&mut first).await, Hint::Room(room(2), 2));
}

async fn all_who_listen_on_a_node_hear(nodes: &[Arc<dyn Bus>; 3]) {
    let mut listeners = [nodes[1].subscribe(), nodes[1].subscribe()];
    nodes[0].publish(Hint::HealthCheck(room(3)));
    for hints in &mut listeners {
        assert_eq!(heard(hints).await, Hint::HealthCheck(room(3)));
    }
}

async fn the_last_of_very_many_is_heard(nodes: &[Arc<dyn Bus>; 3]) {
    const MANY: u64 = 100_000;
    let mut hints = nodes[1].subscribe();
    // More than any queue holds, and nobody waits for it.
    for version in 1..=MANY {
        nodes[0].publish(Hint::Room(room(4), version));
    }
    let mut reached = 0;
    let until_the_last = async {
        while reached < MANY {
            match hints.next().await.expect("the stream goes on") {
                Hint::Room(_, version) => reached = version,
                Hint::Missed => return,
                other => panic!("nobody told {other:?}"),
            }
        }
    };
    timeout(PATIENCE, until_the_last)
        .await
        .expect("the last version is told, or that some are not");
}

async fn what_is_told_of_many_rooms_reaches_all_of_them(nodes: &[Arc<dyn Bus>; 3]) {
    const ROOMS: u64 = 2_000;
    let mut hints = nodes[2].subscribe();
    for version in 1..=3 {
        for id in 1..=ROOMS {
            nodes[0].publish(Hint::Room(room(1_000 + id), version));
        }
    }
    let mut reached = BTreeMap::new();
    let until_all = async {
        while reached.len() < 2_000 || reached.values().any(|version| *version < 3) {
            match hints.next().await.expect("the stream goes on") {
                // Whoever hears this looks into the store for all rooms.
                Hint::Missed => return,
                Hint::Room(room, version) if room.get() > 1_000 => {
                    reached.insert(room, version);
                }
                _ => {}
            }
        }
    };
    timeout(PATIENCE, until_all).await.expect("every room is told, or that some are not");
}
