//! The bus over LISTEN and NOTIFY, by the suite and where its connections break.

mod common;

use std::sync::Arc;
use std::time::Duration;

use chat_core::host::{Bus, Hint};
use chat_core::model::RoomId;
use chat_store_postgres::PgBus;
use futures::StreamExt;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep, timeout};

const PATIENCE: Duration = Duration::from_mins(2);

fn node(channel: &str) -> PgBus {
    PgBus::connect_in(&chat_test_postgres::url(), channel).unwrap()
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let wait = async {
        while !done() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "{what}");
}

async fn connection() -> PgConnection {
    PgConnection::connect(&chat_test_postgres::url()).await.unwrap()
}

fn hint(version: u64) -> Hint {
    Hint::Room(RoomId::new(1).unwrap(), version)
}

#[tokio::test]
async fn the_bus_keeps_its_contract() {
    let channel = chat_test_postgres::fresh_schema();
    chat_conformance::bus::check(async || Arc::new(node(&channel)) as Arc<dyn Bus>).await;
}

#[tokio::test]
async fn buses_of_other_schemas_do_not_meet() {
    let (one, other) = (chat_test_postgres::fresh_schema(), chat_test_postgres::fresh_schema());
    let (first, second, stranger) = (node(&one), node(&one), node(&other));
    for bus in [&first, &second, &stranger] {
        until("the bus is there", || bus.is_available()).await;
    }
    let (mut near, mut far) = (second.subscribe(), first.subscribe());
    stranger.publish(hint(1));
    first.publish(hint(2));
    assert_eq!(near.next().await, Some(hint(2)));
    second.publish(hint(3));
    assert_eq!(far.next().await, Some(hint(3)));
}

#[tokio::test]
async fn after_its_connections_are_ended_the_bus_says_that_hints_were_missed_and_goes_on() {
    let channel = chat_test_postgres::fresh_schema();
    let (teller, hearer) = (node(&channel), node(&channel));
    until("the bus is there", || teller.is_available() && hearer.is_available()).await;
    let mut hints = hearer.subscribe();
    let end = "select pg_terminate_backend(pid) from pg_stat_activity \
         where pid <> pg_backend_pid() and query ~ $1";
    let ended = sqlx::query(end)
        .bind(format!("LISTEN \"{channel}\""))
        .execute(&mut connection().await)
        .await
        .unwrap();
    assert_eq!(ended.rows_affected(), 2, "both nodes listen");
    assert_eq!(timeout(PATIENCE, hints.next()).await.unwrap(), Some(Hint::Missed));
    until("the bus is there again", || teller.is_available() && hearer.is_available()).await;
    // Both come back in their own time, so that each may have missed what the other told.
    teller.publish(hint(7));
    let mut next = hints.next().await;
    while next == Some(Hint::Missed) {
        next = hints.next().await;
    }
    assert_eq!(next, Some(hint(7)));
}

#[tokio::test]
async fn a_payload_that_nobody_here_wrote_is_passed_over() {
    let channel = chat_test_postgres::fresh_schema();
    let bus = node(&channel);
    until("the bus is there", || bus.is_available()).await;
    let mut hints = bus.subscribe();
    let mut connection = connection().await;
    let from = "00000000-0000-0000-0000-000000000001";
    let known = format!(r#"{{"from":"{from}","hints":[{{"r":[1,5]}}]}}"#);
    for payload in ["", "\u{1}", "null", r#"{"from":1}"#, "'; drop table x", &known] {
        let notify = sqlx::query("select pg_notify($1, $2)").bind(&channel).bind(payload);
        notify.execute(&mut connection).await.unwrap();
    }
    assert_eq!(timeout(PATIENCE, hints.next()).await.unwrap(), Some(hint(5)));
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for() {
    let cluster = chat_test_postgres::Cluster::start();
    let bus = PgBus::connect(&cluster.url()).unwrap();
    until("the bus is there", || bus.is_available()).await;
    cluster.crash();
    until("the bus knows that it does not work", || !bus.is_available()).await;
    let mut hints = bus.subscribe();
    cluster.resume();
    until("the bus is there again", || bus.is_available()).await;
    assert_eq!(hints.next().await, Some(Hint::Missed));
}

#[tokio::test]
async fn a_sign_out_is_told_again_where_the_first_telling_was_lost() {
    let cluster = chat_test_postgres::Cluster::start();
    let proxy = common::proxy::Proxy::start(&cluster.url()).await;
    let (teller, hearer) =
        (PgBus::connect(&proxy.url()).unwrap(), PgBus::connect(&cluster.url()).unwrap());
    until("the bus is there", || teller.is_available() && hearer.is_available()).await;
    let mut hints = hearer.subscribe();
    proxy.swallow();
    let (room, user) = (hint(7), Hint::SignedOut("7".try_into().unwrap()));
    teller.publish(room);
    teller.publish(user.clone());
    let mut told = Vec::new();
    while told.len() < 2 {
        told.push(timeout(PATIENCE, hints.next()).await.unwrap().unwrap());
    }
    assert!(told.contains(&Hint::Missed) && told.contains(&user), "{told:?}");
}

/// Packets vanish without a word: only the heartbeat can tell.
#[tokio::test]
async fn a_listener_that_went_silent_is_replaced() {
    let cluster = chat_test_postgres::Cluster::start();
    let proxy = common::proxy::Proxy::start(&cluster.url()).await;
    let (teller, hearer) =
        (PgBus::connect(&cluster.url()).unwrap(), PgBus::connect(&proxy.url()).unwrap());
    until("the bus is there", || teller.is_available() && hearer.is_available()).await;
    let mut hints = hearer.subscribe();
    proxy.swallow();
    let silent = Instant::now();
    assert_eq!(timeout(PATIENCE, hints.next()).await.unwrap(), Some(Hint::Missed));
    assert!(silent.elapsed() < Duration::from_secs(15), "replaced after {:?}", silent.elapsed());
    until("the bus is there again", || hearer.is_available()).await;
}
