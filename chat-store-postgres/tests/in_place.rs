//! Rows that change with every message or sign of life are updated in place: no index learns of it.

mod common;

use std::time::Duration;

use chat_core::model::{NodeId, Session, SessionId, Timestamp};
use chat_core::store::{Mark, MessageStore, ReceiptKind, ReceiptStore, SessionStore, Targets};
use chat_store_postgres::PgStore;
use chat_test_postgres::Cluster;
use common::{AT, caller, group, text};
use sqlx::{Connection, PgConnection};
use tokio::time::{sleep, timeout};

/// How often each row is changed.
const OFTEN: u32 = 300;

#[tokio::test]
async fn rows_that_change_often_are_updated_in_place() {
    let cluster = Cluster::start();
    let store = PgStore::connect(&cluster.url()).await.unwrap();
    store.migrate().await.unwrap();
    let room = group(&store).await;
    let by = caller("bob");
    let (node, id) = (NodeId::random(), SessionId::random());
    let session = Session {
        id,
        user: by.user.clone(),
        room,
        node,
        connected_at: AT,
        last_seen: AT,
        lease_until: seconds(60),
        closed_at: None,
        user_agent: None,
        ip_address: None,
    };
    store.open_session(session).await.unwrap();
    for number in 1..=OFTEN {
        store.send(text(room, "ada", "hello")).await.unwrap();
        let (kind, targets) = (ReceiptKind::Read, Targets::All);
        store.mark(Mark { room, by: by.clone(), kind, targets, at: AT }).await.unwrap();
        let now = seconds(number.into());
        let later = seconds(i64::from(number) + 60);
        assert_eq!(store.renew_sessions(node, &[(id, now)], now, later).await.unwrap(), [id; 0]);
    }
    // The server counts what a connection did at the latest when that ends.
    drop(store);
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    for table in ["rooms", "members", "lanes", "sessions", "visitors"] {
        let counted = async {
            loop {
                let counts = "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables \
                     where schemaname = 'chat' and relname = $1";
                let (all, in_place): (i64, i64) =
                    sqlx::query_as(counts).bind(table).fetch_one(&mut admin).await.unwrap();
                if all >= OFTEN.into() {
                    return (all, in_place);
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let (all, in_place) = timeout(Duration::from_mins(2), counted).await.expect(table);
        assert!(in_place * 10 >= all * 9, "{in_place} of {all} updates of {table} are in place");
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}
