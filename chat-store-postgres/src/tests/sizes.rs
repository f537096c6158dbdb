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

/// How large a row may be that has nothing of the room's sets and metadata.
const SMALL: usize = 500;

#[tokio::test]
async fn what_access_is_decided_by_is_small_however_large_the_room_is() {
    let mut connection = large().await;
    let id: i64 = sqlx::query_scalar("select max(id) from messages")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let access = sqlx::query(sql::rooms::ACCESS).bind(7_i64).bind("1");
    let by_id = sqlx::query(sql::messages::BY_ID).bind(id).bind("1").bind(None::<i64>);
    let found = sqlx::query(sql::search::MESSAGES)
        .bind("1")
        .bind(vec!["group"])
        .bind(vec!["hello"])
        .bind(50_i64);
    let taken = sqlx::query(sql::rooms::LOCK).bind(7_i64);
    for (query, wanted) in [(access, 1), (by_id, 1), (found, 50), (taken, 1)] {
        let (rows, bytes) = size(&mut connection, query).await;
        assert_eq!(rows, wanted);
        assert!(bytes < SMALL * rows, "{bytes} bytes of {rows} rows");
    }
    for (marked, sizes) in [(vec![], 1..SMALL), (vec![7_i64], 400_000..600_000)] {
        let taken = sqlx::query(sql::batch::LOCK).bind(vec![7_i64]).bind(marked);
        let (rows, bytes) = size(&mut connection, taken).await;
        assert_eq!(rows, 1);
        assert!(sizes.contains(&bytes), "{bytes} bytes");
    }
}

#[tokio::test]
async fn summaries_come_with_who_the_members_are_and_not_with_what_they_have_read() {
    let mut connection = large().await;
    let one = sqlx::query(sql::rooms::SUMMARIES).bind(vec![7_i64]).bind("1");
    let list = sqlx::query(sql::rooms::LIST).bind("1").bind(vec!["group"]).bind(true);
    let all = sqlx::query(sql::rooms::ALL_ROOMS).bind(0_i64).bind(10_i64);
    for query in [one, list.bind(0_i64).bind(10_i64), all] {
        let (rows, bytes) = size(&mut connection, query).await;
        assert_eq!(rows, 1);
        assert!(bytes < ONCE + 10 * 5_000, "{bytes} bytes");
    }
}

/// How many bytes a statement writes to the log of the server.
async fn written(on: &mut PgConnection, statement: &str, arguments: &str) -> i64 {
    let all = format!(
        "begin; prepare written as {statement}; \
         explain (analyze, wal, format json) execute written{arguments}; rollback; \
         deallocate written"
    );
    let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(all)).fetch_all(on).await.unwrap();
    let plan: String = rows[0].try_get_unchecked(0).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    most_written(&plan[0]["Plan"])
}

/// How much the step of a plan writes that writes most.
fn most_written(step: &serde_json::Value) -> i64 {
    let own = step["WAL Bytes"].as_i64().unwrap();
    let steps = step["Plans"].as_array().into_iter().flatten();
    steps.map(most_written).fold(own, i64::max)
}

#[tokio::test]
async fn sets_that_did_not_change_are_not_written() {
    let mut connection = large().await;
    let save = |added: &str| {
        format!(
            "(null, null, '{{7}}', '{{22001}}', '{{50002}}', array[now()], array[now()], \
             '{{{added}}}', '{{null}}', '{{null}}')"
        )
    };
    let plain = written(&mut connection, sql::batch::SAVE, &save("null")).await;
    assert!(plain < 20_000, "{plain} bytes");
    let system = written(&mut connection, sql::batch::SAVE, &save(r#""{[22001,22002)}""#)).await;
    assert!(system > 100_000, "{system} bytes: one set was written");
    let reacted = "(7, null, true, 50002, 1, 5000, null)";
    let plain = written(&mut connection, sql::rooms::SAVE, reacted).await;
    assert!(plain < 20_000, "{plain} bytes");
    let deleted = "(7, null, true, 50002, 1, 5000, '{[22000,22001)}')";
    let deleted = written(&mut connection, sql::rooms::SAVE, deleted).await;
    assert!(deleted > 200_000, "{deleted} bytes: two sets were written");
}
