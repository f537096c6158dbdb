//! Sizes of answers: what of a room is large comes once at most, however many rows come with it.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};

use super::connection;
use crate::sql;

/// A room of which every other message up to the twenty thousandth is deleted, with metadata of
/// 50 kB; two thousand messages after those are read by all at version 50,000, and five thousand
/// members have come at version 50,001, who have read a hundred messages each.
const LARGE: &str = "
    insert into rooms (id, kind, metadata, created_at, activity_at, last_seq, version, deleted,
            uncounted, delivered, read)
        select 7, 'group', json_build_object('large', repeat('x', 50000)), now(), now(), 22000,
            50001, x, x, x, x
        from (select range_agg(int8range(2 * n, 2 * n + 1)) from generate_series(1, 10000) n) x (x);
    insert into members
            (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version, joining)
        select 7, n::text, now(), 0, x, x, 22000, 50001, n from generate_series(1, 5000) n,
            (select range_agg(int8range(2 * n, 2 * n + 1)) from generate_series(1, 100) n) x (x);
    insert into messages (room_id, seq, sender, kind, content, created_at, v_sent, changed, words)
        select 7, n, '1', 'text', 'hello', now(), n, 50000, array_to_tsvector(array['7:hello'])
        from generate_series(20001, 22000) n;
    analyze;
";

/// How large the sets and the metadata of that room are, each once.
const ONCE: usize = 400_000;

async fn large() -> PgConnection {
    let (mut connection, schema) = connection().await;
    sqlx::raw_sql(LARGE).execute(&mut connection).await.unwrap();
    sqlx::query(sql::SET_UP).bind(schema).execute(&mut connection).await.unwrap();
    connection
}

/// How many rows an answer has, and how many bytes.
async fn size(on: &mut PgConnection, query: Query<'_, Postgres, PgArguments>) -> (usize, usize) {
    let rows = query.fetch_all(on).await.unwrap();
    let bytes = |row: &PgRow| -> usize {
        let value = |place| row.try_get_raw(place).unwrap().as_bytes().map_or(0, <[u8]>::len);
        (0..row.len()).map(value).sum()
    };
    (rows.len(), rows.iter().map(bytes).sum())
}

#[tokio::test]
async fn changes_come_with_what_is_large_of_the_room_once() {
    let mut connection = large().await;
    let changes = |after: i64, limit: i64| {
        sqlx::query(sql::messages::CHANGES)
            .bind(7_i64)
            .bind(after)
            .bind(0_i64)
            .bind(after)
            .bind(limit)
    };
    let (rows, bytes) = size(&mut connection, changes(50_000, 1_001)).await;
    assert!(rows > 1_001, "members come together");
    assert!(bytes < ONCE + 200 * rows, "{bytes} bytes of {rows} rows");
    let (rows, bytes) = size(&mut connection, changes(50_002, 1_001)).await;
    assert_eq!(rows, 1, "the room is always there");
    assert!(bytes < ONCE, "{bytes} bytes");
}
