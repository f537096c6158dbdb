//! The tables are brought up to date, beside whatever the host has.

mod common;

use chat_core::store::MessageStore;
use chat_store_postgres::{ConnectError, PgStore};
use chat_test_postgres::Cluster;
use futures::future::join_all;
use sqlx::{Connection, PgConnection, PgPool};

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
    let pending = store.pending_migrations().await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(store.pending_migrations().await.unwrap(), 0);
    let mut host = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    let count = format!("select count(*) from {schema}._migrations");
    let run: i64 =
        sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&mut host).await.unwrap();
    assert_eq!(i64::try_from(pending).unwrap(), run);
}

#[tokio::test]
async fn a_hosts_own_migrations_are_left_alone() {
    let url = chat_test_postgres::url();
    let mut host = PgConnection::connect(&url).await.unwrap();
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
    for name in ["", "Chat", "a b", "a;b", "1a", "a\"b", "pg_chat"] {
        let refused = PgStore::connect_in("postgres://localhost/", name).await;
        assert!(matches!(refused, Err(ConnectError::Schema)), "{name}");
    }
}

/// A cluster in which something was done before.
async fn cluster_with(statements: &[&'static str]) -> Cluster {
    let cluster = Cluster::start();
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    for statement in statements {
        sqlx::raw_sql(*statement).execute(&mut admin).await.unwrap();
    }
    cluster
}

#[tokio::test]
async fn nodes_that_migrate_first_and_at_once_make_the_tables_once() {
    let schema = chat_test_postgres::fresh_schema();
    let _guard = common::Schema(schema.clone());
    let nodes = (0..8).map(|_| async {
        let store = PgStore::connect_in(&chat_test_postgres::url(), &schema).await.unwrap();
        store.migrate().await
    });
    for migrated in join_all(nodes).await {
        migrated.unwrap();
    }
}

#[tokio::test]
async fn a_word_of_the_language_can_be_a_schema() {
    let cluster = Cluster::start();
    for schema in ["order", "user"] {
        let store = PgStore::connect_in(&cluster.url(), schema).await.unwrap();
        store.migrate().await.unwrap();
        store.migrate().await.unwrap();
        assert_eq!(store.pending_migrations().await.unwrap(), 0);
        let room = common::group(&store).await;
        store.send(common::text(room, "ada", "hello")).await.unwrap();
        let mut host = PgConnection::connect(&cluster.url()).await.unwrap();
        let mut transaction = host.begin().await.unwrap();
        let message = common::text(room, "ada", "hello");
        assert_eq!(store.send_in(&mut transaction, message).await.unwrap().message.seq, 2);
    }
}

#[tokio::test]
async fn timeouts_of_the_role_do_not_end_a_migration() {
    let cluster = cluster_with(&[
        "alter database postgres set statement_timeout = 200",
        "alter database postgres set lock_timeout = 100",
        "alter database postgres set idle_in_transaction_session_timeout = 100",
        "alter database postgres set default_transaction_isolation = 'serializable'",
        // A migration that takes long: whoever creates a table waits.
        "create function slow() returns event_trigger language plpgsql as \
             $$ begin perform pg_sleep(0.3); end $$",
        "create event trigger slow on ddl_command_start when tag in ('CREATE TABLE') \
             execute function slow()",
    ])
    .await;
    let store = PgStore::connect(&cluster.url()).await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(store.pending_migrations().await.unwrap(), 0);
}

/// As migrations do on tables that are in use.
#[tokio::test]
async fn messages_are_sent_while_an_index_on_members_is_made() {
    let (store, schema) = common::store().await;
    let room = common::group(&store).await;
    let mut migration = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    let lock = format!("begin; lock table {}.members in share mode", schema.0);
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut migration).await.unwrap();
    for (by, text) in [("ada", "to be known"), ("bob", "known"), ("ada", "known")] {
        store.send(common::text(room, by, text)).await.unwrap();
    }
}

#[tokio::test]
async fn an_older_version_starts_beside_a_newer_one() {
    let (store, schema) = common::store().await;
    let newer = format!(
        "insert into {}._migrations (version, description, success, checksum, execution_time) \
         values (999, 'of a newer version', true, '', 0)",
        schema.0
    );
    let mut newer_version = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(newer)).execute(&mut newer_version).await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(store.pending_migrations().await.unwrap(), 0);
}

#[tokio::test]
async fn a_schema_that_is_there_needs_no_right_to_make_one() {
    let cluster =
        cluster_with(&["create role app login; create schema chat authorization app"]).await;
    let url = cluster.url().replace("chat@", "app@");
    let store = PgStore::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn a_database_that_has_no_place_for_every_text_is_refused() {
    let cluster = cluster_with(&[
        "create database latin encoding 'LATIN1' template template0 locale 'C'",
        "create database bytes encoding 'SQL_ASCII' template template0 locale 'C'",
    ])
    .await;
    for (name, encoding) in [("latin", "LATIN1"), ("bytes", "SQL_ASCII")] {
        let url = cluster.url().replace("/postgres?", &format!("/{name}?"));
        let refused = PgStore::connect(&url).await;
        let Err(ConnectError::Encoding(found)) = refused else { panic!("{refused:?}") };
        assert_eq!(found, encoding);
        let store = PgStore::new(&PgPool::connect_lazy(&url).unwrap());
        assert!(matches!(store.migrate().await, Err(ConnectError::Encoding(_))));
    }
}
