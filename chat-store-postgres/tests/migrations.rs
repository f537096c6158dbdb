//! The tables are brought up to date, beside whatever the host has.

mod common;

use chat_store_postgres::{ConnectError, PgStore};
use sqlx::Connection;

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let (store, _schema) = common::store().await;
    store.migrate().await.unwrap();
    let (first, second) = tokio::join!(store.migrate(), store.migrate());
    first.unwrap();
    second.unwrap();
}

#[tokio::test]
async fn what_was_not_run_is_known() {
    let schema = chat_test_postgres::fresh_schema();
    let store = PgStore::connect_in(&chat_test_postgres::url(), &schema).await.unwrap();
    assert_eq!(store.pending_migrations().await.unwrap(), 3);
    store.migrate().await.unwrap();
    assert_eq!(store.pending_migrations().await.unwrap(), 0);
}

#[tokio::test]
async fn a_hosts_own_migrations_are_left_alone() {
    let url = chat_test_postgres::url();
    let mut host = sqlx::PgConnection::connect(&url).await.unwrap();
    let table = "create table if not exists public._sqlx_migrations (version bigint primary key); \
                 insert into public._sqlx_migrations values (99) on conflict do nothing";
    sqlx::raw_sql(table).execute(&mut host).await.unwrap();

    let (_store, _schema) = common::store().await;

    let count = "select count(*) from public._sqlx_migrations";
    let count: i64 = sqlx::query_scalar(count).fetch_one(&mut host).await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_schema_is_a_plain_name() {
    for name in ["", "Chat", "a b", "a;b", "1a", "a\"b"] {
        let refused = PgStore::connect_in("postgres://localhost/", name).await;
        assert!(matches!(refused, Err(ConnectError::Schema)), "{name}");
    }
}
