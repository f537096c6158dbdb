//! The tables of rooms, partitioned by hash of the room.

mod common;

use chat_conformance::store::Fresh;
use sqlx::{Connection, PgConnection};

/// Puts partitioned tables in the place of those that were migrated.
const PARTITION: &str = "
    do $$ declare
        kept record;
        number int;
    begin
        for kept in select * from (values ('rooms', 'id'), ('members', 'room_id'),
            ('messages', 'room_id')) x (name, key)
        loop
            execute format('create table parts (like %I including all) partition by hash (%I)',
                kept.name, kept.key);
            for number in 0..3 loop
                execute format('create table %I partition of parts
                    for values with (modulus 4, remainder %s)', kept.name || number, number);
            end loop;
            execute format('drop table %I', kept.name);
            execute format('alter table parts rename to %I', kept.name);
        end loop;
    end $$";

async fn fresh() -> Fresh {
    let (store, schema) = common::store().await;
    let mut admin = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    let path = sqlx::query("select set_config('search_path', $1, false)").bind(&schema.0);
    path.execute(&mut admin).await.unwrap();
    sqlx::raw_sql(PARTITION).execute(&mut admin).await.unwrap();
    let kind = "select count(*) from pg_class \
         where relnamespace = to_regnamespace($1) and relkind = 'p'";
    let count: i64 = sqlx::query_scalar(kind).bind(&schema.0).fetch_one(&mut admin).await.unwrap();
    assert_eq!(count, 3);
    Fresh::new(store).with_guard(schema)
}

/// How many indexes of words there are, in each of which few of them wait.
async fn indexes_of_words(on: &mut PgConnection, schema: &str) -> (i64, bool) {
    let indexes = "select count(*), bool_and(coalesce(reloptions = '{gin_pending_list_limit=1024}', \
                 false)) \
             from pg_class c join pg_am a on a.oid = c.relam and a.amname = 'gin' \
             where c.relnamespace = to_regnamespace($1) and c.relkind = 'i'";
    sqlx::query_as(indexes).bind(schema).fetch_one(on).await.unwrap()
}

#[tokio::test]
async fn few_words_wait_for_their_index_in_tables_that_were_partitioned_before_too() {
    let (store, schema) = common::store().await;
    let mut admin = PgConnection::connect(&chat_test_postgres::url()).await.unwrap();
    let path = sqlx::query("select set_config('search_path', $1, false)").bind(&schema.0);
    path.execute(&mut admin).await.unwrap();
    assert_eq!(indexes_of_words(&mut admin, &schema.0).await, (1, true));
    let before = "alter index messages_words reset (gin_pending_list_limit); \
                  delete from _migrations where version = 5";
    sqlx::raw_sql(before).execute(&mut admin).await.unwrap();
    sqlx::raw_sql(PARTITION).execute(&mut admin).await.unwrap();
    assert_eq!(indexes_of_words(&mut admin, &schema.0).await, (4, false));
    store.migrate().await.unwrap();
    assert_eq!(indexes_of_words(&mut admin, &schema.0).await, (4, true));
}

chat_conformance::store_tests! { @list fresh;
    gone_rooms {
        a_deleted_room_is_as_one_that_never_was,
        a_deleted_room_is_nowhere_listed_found_or_counted,
        what_is_sent_while_a_room_is_found_idle_keeps_it_or_is_refused,
        what_was_being_written_is_in_the_room_or_refused,
        a_pair_that_asks_at_once_gets_a_room_that_stands,
    }
    model {
        an_old_snapshot_plus_the_changes_is_a_new_one,
    }
    races {
        a_race_for_a_direct_room_makes_one,
        senders_at_once_get_one_order_without_gaps,
        a_key_sent_many_times_at_once_stores_one_message,
        reactions_at_once_lose_no_update,
        unread_is_exact_while_marks_race_sends,
        marks_at_once_move_every_status_once,
        who_left_sends_nothing_after_their_leaving,
        who_follows_the_changes_sees_no_hole,
    }
    repetitions {
        a_key_is_of_its_room_and_its_sender,
    }
    search {
        only_rooms_of_the_member_are_searched,
    }
    swept_rooms {
        what_a_deleted_room_has_left_is_swept_in_steps,
        many_small_rooms_are_swept_in_few_steps,
        the_files_of_a_deleted_room_are_to_be_deleted,
    }
    statuses {
        very_many_that_moved_have_all_moved,
    }
}
