//! What is gone for good, in the tables themselves.

mod common;

use chat_core::model::{Attachment, RoomId};
use chat_core::store::{DeleteMessage, MessageStore, NewMessage, Once, StoreError};
use chat_store_postgres::PgStore;
use common::{AT, Schema, caller, text};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// What is left of a key's content once it is gone.
const NOTHING: &str = "00000000-0000-0000-0000-000000000000";

fn keyed(room: RoomId) -> NewMessage {
    let once = Some(Once { key: [1; 16], content: [2; 16] });
    let attachment = Some(Attachment {
        key: "files/secret".to_owned(),
        name: "secret.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        size: 1,
    });
    NewMessage { once, attachment, ..text(room, "ada", "secret") }
}

async fn delete(store: &PgStore, room: RoomId) {
    let sent = store.send(keyed(room)).await.unwrap().message;
    let delete = DeleteMessage { room, message: sent.id, by: Some(caller("ada")), at: AT };
    store.delete(delete).await.unwrap();
}

/// The rows of a table as text.
async fn rows(schema: &Schema, table: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    let query = format!("select t::text from {}.{table} t", schema.0);
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap()
}

#[tokio::test]
async fn of_a_deleted_message_its_row_keeps_no_content() {
    let (store, schema) = common::store().await;
    let room = common::group(&store).await;
    delete(&store, room).await;
    let rows = rows(&schema, "messages").await;
    assert!(!rows[0].contains("secret") && rows[0].contains(NOTHING), "{}", rows[0]);
    let again = store.send(keyed(room)).await;
    assert!(matches!(again, Err(StoreError::KeyReused)), "{again:?}");
}

#[tokio::test]
async fn what_keys_of_deleted_messages_were_used_for_is_forgotten_by_the_migration() {
    let (store, schema) = common::store().await;
    let room = common::group(&store).await;
    delete(&store, room).await;
    let before = format!(
        "set search_path to {}; update messages set key_content = gen_random_uuid(); \
         drop table gone_files; \
         delete from _migrations where version = 6",
        schema.0
    );
    let mut host = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(before)).execute(&mut host).await.unwrap();
    assert_eq!(store.pending_migrations().await.unwrap(), 1);
    store.migrate().await.unwrap();
    let rows = rows(&schema, "messages").await;
    assert!(rows[0].contains(NOTHING), "{}", rows[0]);
}
