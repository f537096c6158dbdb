//! Statements, against the tables as they are migrated.

mod crowds;
mod explain;
mod gone_rooms;
mod plans;
mod sizes;

use sqlx::{Connection, Executor, PgConnection, Row, SqlSafeStr};

use crate::PgStore;
use crate::sql;

async fn connection() -> (PgConnection, String) {
    let schema = chat_test_postgres::fresh_schema();
    let store = PgStore::connect_in(&chat_test_postgres::url(), &schema).await.unwrap();
    store.migrate().await.unwrap();
    (store.database.unhurried().await.unwrap(), schema)
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let (mut connection, _) = connection().await;
    let mut prepared = 0;
    for statement in sql::ALL.into_iter().flatten() {
        let done = (&mut connection).prepare(statement.into_sql_str()).await;
        assert!(done.is_ok(), "{statement}: {:?}", done.err());
        prepared += 1;
    }
    assert!(prepared > 40, "only {prepared} statements are listed");
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_is_committed_lasts_whatever_the_database_is_set_to() {
    let cluster = chat_test_postgres::Cluster::start();
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    let store = PgStore::connect(&cluster.url()).await.unwrap();
    for (set, is) in [("off", "on"), ("local", "local"), ("remote_apply", "remote_apply")] {
        let alter = format!("alter database postgres set synchronous_commit = {set}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(alter)).execute(&mut admin).await.unwrap();
        let mut connection = store.database.dedicated().await.unwrap();
        let found: String =
            sqlx::query_scalar("show synchronous_commit").fetch_one(&mut connection).await.unwrap();
        assert_eq!(found, is);
    }
}

#[tokio::test]
async fn what_passes_by_itself_is_told_from_what_does_not() {
    let (mut connection, _) = connection().await;
    let passing = [
        "08006", "25006", "25P03", "25P04", "40001", "40P01", "53300", "55P03", "57014", "57P01",
        "57P03", "57P05", "58000", "58030",
    ];
    let lasting = ["22P05", "23505", "25P02", "42P01", "42501", "XX000"];
    for code in passing.into_iter().chain(lasting) {
        let fail = format!("do $$ begin raise exception using errcode = '{code}'; end $$");
        let failed = sqlx::raw_sql(sqlx::AssertSqlSafe(fail)).execute(&mut connection).await;
        let error = failed.unwrap_err();
        assert_eq!(crate::error::is_passing(&error), passing.contains(&code), "{error}");
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_batch_that_arrives_after_it_was_given_up_writes_nothing() {
    let (mut connection, _) = connection().await;
    let lane = uuid::Uuid::now_v7();
    sqlx::raw_sql(plans::FEW).execute(&mut connection).await.unwrap();
    sqlx::query(sql::batch::ENTER).bind(lane).bind(0_i64).execute(&mut connection).await.unwrap();
    let known = format!("prepare known as {}", sql::batch::SEND_KNOWN);
    sqlx::raw_sql(sqlx::AssertSqlSafe(known)).execute(&mut connection).await.unwrap();
    let send = async |on: &mut PgConnection, batch: i64| {
        let execute = format!(
            "execute known('{{7}}', '{{2}}', '{{7}}', '{{text}}', '{{hello}}', '{{null}}', \
                 '{{null}}', '{{null}}', '{{null}}', '{{null}}', array[now()], '{{2}}', \
                 array[''], '{{null}}', '{{null}}', '{{7}}', '{{1}}', '{{2}}', '{{2}}', \
                 array[now()], array[now()], '{lane}', {batch})"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(execute)).fetch_all(on).await.unwrap().len()
    };
    let committed = async |on: &mut PgConnection, batch: i64| {
        let row = sqlx::query(sql::batch::COMMITTED).bind(lane).bind(batch);
        row.fetch_one(on).await.unwrap().get::<i64, _>("batch")
    };
    assert_eq!(committed(&mut connection, 1).await, 0);
    assert_eq!(send(&mut connection, 1).await, 0, "somebody was told that it was not committed");
    assert_eq!(committed(&mut connection, 1).await, 0);
    assert_eq!(send(&mut connection, 2).await, 1);
    assert_eq!(committed(&mut connection, 2).await, 2);
    connection.close().await.unwrap();
}
