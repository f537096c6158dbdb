//! Plans among very many members of a room, and very many public rooms of a user.

use sqlx::{Connection, Row};

use super::explain::{reads_at_most, reads_little};
use super::plans::among;
use crate::sql;

/// One room of ten thousand members. Every other one has read fifty messages, and the others forty.
const CROWD: &str = "
    insert into rooms (id, kind, metadata, created_at, activity_at, last_seq, version)
        values (7, 'group', '{}', now(), now(), 50, 50);
    insert into members
            (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version, joining)
        select 7, u::text, now(), 0, x::int8multirange, x::int8multirange, 50, 1, u
        from generate_series(1, 10000) u, format('{[1,%s)}', 41 + u % 2 * 10) x;
    analyze;
";

/// Everybody but the last two hundred has left the room, of which the last one is no member of the
/// next one, a public one with as many members.
const GONE: &str = "
    update members set gone = true where joining <= 9800;
    insert into rooms (id, kind, metadata, created_at, activity_at)
        values (8, 'public', '{}', now(), now());
    insert into members
            (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version, joining, gone)
        select 8, u::text, now(), 0, '{}', '{}', 0, 1, u, u <= 9800 from generate_series(1, 9999) u;
    analyze;
";

#[tokio::test]
async fn a_search_for_rooms_looks_at_the_first_of_a_crowd_and_at_nobody_who_left() {
    let mut connection = among(&[CROWD, GONE]).await;
    let plans = [
        (sql::search::OWN_CANDIDATES, "('10000', array['group'], true, 0, 100, 100)"),
        (sql::search::PUBLIC_CANDIDATES, "('10000', 20000, 100, 100)"),
        (sql::rooms::SUMMARIES, "(array[7, 8], '10000')"),
    ];
    reads_little(&mut connection, &plans).await;
    let found = sqlx::query(sql::search::PUBLIC_CANDIDATES)
        .bind("10000")
        .bind(20_000_i64)
        .bind(100_i64)
        .bind(100_i64);
    let row = found.fetch_one(&mut connection).await.unwrap();
    let first: Vec<String> = row.get("r_users");
    assert_eq!(first, (9_801..=9_900).map(|user| user.to_string()).collect::<Vec<_>>());
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_receipt_looks_at_others_until_one_is_behind() {
    let mut connection = among(&[CROWD]).await;
    let others =
        |new: &str| format!("(array[7], array['{new}'], array['{new}'], array[7], array['1'])");
    let nothing = others("{}");
    let some_lack_it = others("{[45,51)}");
    let plans = [(sql::batch::OTHERS, some_lack_it.as_str()), (sql::batch::OTHERS, &nothing)];
    reads_little(&mut connection, &plans).await;
    for (new, read, delivered) in [
        ("{[45,51)}", "{}", "{}"),
        ("{[35,51)}", "{[1,41)}", "{[1,41)}"),
        ("{[1,9)}", "{[1,41)}", "{[1,41)}"),
    ] {
        let query = sqlx::query(sql::batch::OTHERS)
            .bind(vec![7_i64])
            .bind(vec![new])
            .bind(vec![new])
            .bind(vec![7_i64])
            .bind(vec!["1"]);
        let row = query.fetch_one(&mut connection).await.unwrap();
        assert_eq!((row.get("read"), row.get("delivered")), (read, delivered), "{new}");
    }
    connection.close().await.unwrap();
}

/// Three thousand public rooms of five people each, who are in no other, with one who is in all of
/// them but the oldest.
const PUBLIC: &str = "
    insert into rooms (id, kind, metadata, created_at, activity_at)
        select n, 'public', '{}', now(), now() from generate_series(1, 3000) n;
    insert into members
            (room_id, user_id, joined_at, joined_seq, read, delivered, own_seq, version, joining)
        select n, case u when 0 then '1' else n || '-' || u end, now(), 0, '{}', '{}', 0, 1, u
        from generate_series(1, 3000) n, generate_series(0, 5) u where n > 1 or u > 0;
    analyze;
";

#[tokio::test]
async fn whoever_is_in_very_many_public_rooms_passes_over_each_of_them_once() {
    let mut connection = among(&[PUBLIC]).await;
    let plans = [(sql::search::PUBLIC_CANDIDATES, "('1', 1000000, 100, 100)")];
    reads_at_most(6_000.0, &mut connection, &plans).await;
    connection.close().await.unwrap();
}
