//! Batched commits, while connections break and the server crashes.

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chat_core::model::{Attachment, RoomId, RoomKind, Slice, UserId};
use chat_core::rules::{Action, Denial};
use chat_core::store::{
    Anchor, HistoryQuery, MessageStore, NewMessage, NewRoom, Once, RoomStore, StoreError,
};
use chat_store_postgres::PgStore;
use chat_test_postgres::Cluster;
use common::{AT, LIMIT, caller, group, text};
use futures::future::join_all;
use sqlx::Connection;

async fn store(cluster: &Cluster) -> (PgStore, RoomId) {
    let store = PgStore::connect(&cluster.url()).await.unwrap();
    store.migrate().await.unwrap();
    let room = group(&store).await;
    (store, room)
}

/// How often each text is in the room. Positions have no gaps, or this fails.
async fn texts(store: &PgStore, room: RoomId) -> HashMap<String, usize> {
    let all = HistoryQuery {
        room,
        by: Some(caller("ada")),
        anchor: Anchor::AfterSeq(0),
        slice: Slice::first(1_000_000),
        deleted: true,
    };
    let page = store.history(all).await.unwrap().unwrap().permit(Action::ReadHistory).unwrap();
    let mut counts = HashMap::new();
    for (place, message) in page.items.iter().enumerate() {
        assert_eq!(message.seq, place as u64 + 1);
        *counts.entry(message.content.clone()).or_default() += 1;
    }
    counts
}

/// After a few executions Postgres would plan without looking at the parameters, for ten rows where
/// there are hundreds: such a batch took longer than a statement may.
#[tokio::test(flavor = "multi_thread")]
async fn a_hot_room_of_many_members_takes_batch_after_batch() {
    let cluster = Cluster::start();
    let (store, _) = store(&cluster).await;
    let members: Vec<UserId> = (0..200u64).map(UserId::from).collect();
    let room = NewRoom {
        kind: RoomKind::Group,
        name: None,
        creator: None,
        members: members.clone(),
        member_limit: LIMIT,
        metadata: serde_json::Map::new(),
        at: AT,
    };
    let room = store.create_room(room).await.unwrap();
    for round in 0..8 {
        let sends = members.iter().map(|user| {
            let key = [round; 16];
            let once = Some(Once { key, content: key });
            let new = NewMessage { once, ..text(room, user.as_str(), "hello") };
            let store = store.clone();
            tokio::spawn(async move { store.send(new).await })
        });
        for sent in join_all(sends).await {
            sent.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_bad_message_of_a_batch_is_refused_alone() {
    let cluster = Cluster::start();
    let (store, room) = store(&cluster).await;
    let sends = (0..60).map(|number| {
        let mut new = text(room, "ada", &number.to_string());
        match number % 20 {
            // What the database itself refuses, and what the rules do.
            5 => {
                new.attachment = Some(Attachment {
                    key: "\0".to_owned(),
                    name: String::new(),
                    content_type: String::new(),
                    size: 0,
                });
            }
            6 => new.by = caller("eve").into(),
            _ => {}
        }
        store.send(new)
    });
    for (number, sent) in join_all(sends).await.into_iter().enumerate() {
        match number % 20 {
            5 => assert!(matches!(sent, Err(StoreError::Internal(_))), "{number}"),
            6 => assert!(matches!(sent, Err(StoreError::Denied(Denial::NotMember))), "{number}"),
            _ => assert_eq!(sent.unwrap().message.content, number.to_string()),
        }
    }
    let texts = texts(&store, room).await;
    assert_eq!(texts.len(), 54);
    assert!(texts.values().all(|count| *count == 1));
}

#[tokio::test]
async fn messages_of_a_batch_that_take_too_long_are_refused_alone() {
    let cluster = Cluster::start();
    let (store, room) = store(&cluster).await;
    let slow = "create function chat.slow() returns trigger language plpgsql as $$ begin \
            perform pg_sleep(60) where new.content = 'slow'; return new; end $$; \
        create trigger slow before insert on chat.messages for each row execute function chat.slow()";
    let mut admin = sqlx::PgConnection::connect(&cluster.url()).await.unwrap();
    sqlx::raw_sql(slow).execute(&mut admin).await.unwrap();
    // At first the room is not known to its lane, and then it is.
    for round in 0..2 {
        let all = ["one", "slow", "slow", "two", "three"];
        let sends = join_all(all.map(|words| store.send(text(room, "ada", words)))).await;
        for (words, sent) in all.into_iter().zip(sends) {
            match sent {
                Err(StoreError::Unavailable(_)) => assert_eq!(words, "slow", "in round {round}"),
                sent => assert_eq!(sent.unwrap().message.content, words),
            }
        }
        for _ in 0..2 {
            store.send(text(room, "ada", "after")).await.unwrap();
        }
    }
}

/// Sends from many tasks until told to stop; returns which texts were acknowledged.
async fn load(store: &PgStore, room: RoomId, stop: &Arc<AtomicBool>) -> Vec<(String, bool)> {
    let tasks = (0..16).map(|task| {
        let (store, stop) = (store.clone(), Arc::clone(stop));
        tokio::spawn(async move {
            let mut sent = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let words = format!("{task}-{}", sent.len());
                let by = if task % 2 == 0 { "ada" } else { "bob" };
                let done = store.send(text(room, by, &words)).await;
                if let Err(error) = &done {
                    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
                }
                sent.push((words, done.is_ok()));
            }
            sent
        })
    });
    join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect()
}

async fn nothing_is_lost_or_doubled(store: &PgStore, room: RoomId, sent: &[(String, bool)]) {
    let texts = texts(store, room).await;
    let acknowledged = sent.iter().filter(|(_, acknowledged)| *acknowledged).count();
    assert!(acknowledged > 100, "only {acknowledged} of {} went through", sent.len());
    for (words, acknowledged) in sent {
        let count = texts.get(words).copied().unwrap_or(0);
        if *acknowledged {
            assert_eq!(count, 1, "{words} was acknowledged");
        } else {
            assert!(count <= 1, "{words} is there {count} times");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_connections_lose_and_double_nothing() {
    let cluster = Cluster::start();
    let (store, room) = store(&cluster).await;
    let stop = Arc::new(AtomicBool::new(false));
    let killer = async {
        let mut connection = sqlx::PgConnection::connect(&cluster.url()).await.unwrap();
        let kill = "select pg_terminate_backend(pid) from pg_stat_activity \
                    where pid <> pg_backend_pid() and backend_type = 'client backend'";
        for _ in 0..30 {
            // Some sends each time, so that a kill meets a batch at any of its steps.
            for _ in 0..3 {
                let _ = store.send(text(room, "ada", "between")).await;
            }
            sqlx::raw_sql(kill).execute(&mut connection).await.unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    };
    let ((), sent) = tokio::join!(killer, load(&store, room, &stop));
    nothing_is_lost_or_doubled(&store, room, &sent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_server_under_load_loses_and_doubles_nothing() {
    let cluster = Arc::new(Cluster::start());
    let (store, room) = store(&cluster).await;
    let stop = Arc::new(AtomicBool::new(false));
    let crasher = async {
        for _ in 0..3 {
            for _ in 0..20 {
                let _ = store.send(text(room, "ada", "between")).await;
            }
            let again = Arc::clone(&cluster);
            let crashed = tokio::task::spawn_blocking(move || {
                again.crash();
                again.resume();
            });
            crashed.await.unwrap();
        }
        for _ in 0..20 {
            let _ = store.send(text(room, "ada", "between")).await;
        }
        stop.store(true, Ordering::Relaxed);
    };
    let ((), sent) = tokio::join!(crasher, load(&store, room, &stop));
    nothing_is_lost_or_doubled(&store, room, &sent).await;
}

/// A server that waits for a replica commits a transaction and then does not say so; killed
/// there, the connection breaks with the commit done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_done_and_not_confirmed_is_found_out() {
    let cluster = Cluster::start();
    let (store, room) = store(&cluster).await;
    store.send(text(room, "ada", "before")).await.unwrap();
    let mut admin = sqlx::PgConnection::connect(&cluster.url()).await.unwrap();
    for statement in
        ["alter system set synchronous_standby_names = 'nobody'", "select pg_reload_conf()"]
    {
        sqlx::raw_sql(statement).execute(&mut admin).await.unwrap();
    }
    let showing = "select current_setting('synchronous_standby_names')";
    loop {
        let shown: String = sqlx::query_scalar(showing).fetch_one(&mut admin).await.unwrap();
        if shown == "nobody" {
            break;
        }
    }

    // A backend heeds the setting from its next command on, so the first tries may not wait for it.
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                where wait_event = 'SyncRep'";
    let mut tries = 0;
    let mut killed = 0;
    while killed == 0 {
        tries += 1;
        let done = AtomicBool::new(false);
        let send = async {
            let sent = store.send(text(room, "ada", "unconfirmed")).await;
            done.store(true, Ordering::SeqCst);
            sent
        };
        let killer = async {
            while killed == 0 && !done.load(Ordering::SeqCst) {
                killed = sqlx::query_scalar::<_, i64>(kill).fetch_one(&mut admin).await.unwrap();
            }
            if killed > 0 {
                let reset = "alter system reset synchronous_standby_names";
                for statement in [reset, "select pg_reload_conf()"] {
                    sqlx::raw_sql(statement).execute(&mut admin).await.unwrap();
                }
            }
        };
        let (sent, ()) = tokio::join!(send, killer);
        assert_eq!(sent.unwrap().message.seq, 1 + tries);
    }
    let texts = texts(&store, room).await;
    assert_eq!((texts.len(), texts["unconfirmed"] as u64), (2, tries));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_server_calls_are_unavailable_and_with_it_they_are_answered_again() {
    let cluster = Cluster::start();
    let (store, room) = store(&cluster).await;
    store.send(text(room, "ada", "before")).await.unwrap();
    cluster.crash();
    let by = caller("ada");
    let (sent, read, made) = tokio::join!(
        store.send(text(room, "ada", "meanwhile")),
        store.room(Some(&by), room),
        store.join_room(&by, room, LIMIT, AT),
    );
    assert!(matches!(sent, Err(StoreError::Unavailable(_))), "{sent:?}");
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(made, Err(StoreError::Unavailable(_))), "{made:?}");

    cluster.resume();
    store.send(text(room, "ada", "after")).await.unwrap();
    assert!(store.room(Some(&by), room).await.unwrap().is_some());
    let texts = texts(&store, room).await;
    assert_eq!(texts.get("before"), Some(&1));
    assert_eq!(texts.get("after"), Some(&1));
}
