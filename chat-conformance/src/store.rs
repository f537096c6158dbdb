//! The tests of [`Store`]: one for every sentence of its contract, races of many tasks, and
//! random histories compared with a model.
//!
//! A store runs them all from one file of its own, `tests/conformance.rs`:
//!
//! ```
//! # mod chat_store_mine {
//! #     pub async fn fresh() -> chat_conformance::store::Fresh { unimplemented!() }
//! # }
//! async fn fresh_store() -> chat_conformance::store::Fresh {
//!     # if false {
//!     # return
//!     chat_store_mine::fresh().await
//!     # ; }
//!     # unimplemented!()
//! }
//!
//! chat_conformance::store_tests!(fresh_store);
//! # fn main() {}
//! ```
//!
//! Each test gets a store of its own, empty. The random histories take as many cases as the
//! environment variable `CHAT_CONFORMANCE_CASES` says, and begin at `CHAT_CONFORMANCE_SEED`.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use chat_core::store::Store;

pub mod access;
pub mod candidates;
pub mod changes;
pub mod erasure;
pub mod gone_files;
pub mod gone_rooms;
pub mod history;
pub mod host;
pub mod lists;
pub mod members;
pub mod messages;
pub mod model;
pub mod races;
pub mod reactions;
pub mod receipts;
pub mod repetitions;
pub mod rooms;
pub mod search;
pub mod session_lists;
pub mod session_races;
pub mod sessions;
pub mod statuses;
pub mod swept_rooms;
mod world;

/// An empty store for one test, and whatever has to live as long as the test.
pub struct Fresh {
    store: Arc<dyn Store>,
    guard: Box<dyn Any + Send>,
}

impl Fresh {
    /// A store that needs no clearing away.
    pub fn new(store: impl Store) -> Self {
        Self::shared(Arc::new(store))
    }

    /// The same for a store that is shared already.
    pub fn shared(store: Arc<dyn Store>) -> Self {
        Self { store, guard: Box::new(()) }
    }

    /// Adds what is to be dropped after the test, such as the owner of a database schema. It is
    /// dropped inside the test's multi-threaded tokio runtime, also where the test fails.
    #[must_use]
    pub fn with_guard(self, guard: impl Any + Send) -> Self {
        Self { guard: Box::new((self.guard, guard)), ..self }
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

/// Runs one test on one fresh store, in a multi-threaded tokio runtime; [`store_tests!`] calls it.
///
/// [`store_tests!`]: crate::store_tests
pub fn run<Made, Tested>(
    make_store: impl FnOnce() -> Made,
    test: impl FnOnce(Arc<dyn Store>) -> Tested,
) where
    Made: Future<Output = Fresh>,
    Tested: Future<Output = ()>,
{
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_all().build();
    let runtime = runtime.expect("the system has threads to give");
    runtime.block_on(async {
        let Fresh { store, guard } = make_store().await;
        // Dropped last, whichever way the test ends.
        let _guard = guard;
        test(store).await;
    });
}

/// Makes a `#[test]` of every test of the suite. Takes an `async fn() -> Fresh` that makes an
/// empty store; see [`store`](crate::store).
#[macro_export]
macro_rules! store_tests {
    ($make_store:expr) => {
        $crate::store_tests! { @list $make_store;
            access {
                every_write_is_permitted_by_the_table_and_nothing_else,
                the_host_may_do_what_rooms_have,
                the_room_is_checked_before_the_message,
            }
            candidates {
                public_candidates_are_the_active_rooms_of_others,
                pages_of_public_candidates_are_full,
                own_candidates_are_the_rooms_of_a_page,
                a_candidate_has_a_name_and_the_first_members,
            }
            changes {
                what_changed_comes_once_by_its_last_version,
                what_changed_comes_as_it_is_now,
                a_change_of_settings_comes_with_the_room,
                members_who_came_together_come_in_their_order,
                a_receipt_that_moves_nothing_is_no_change,
                pages_of_changes_leave_nothing_out_and_repeat_nothing,
                a_version_of_many_messages_comes_in_parts,
                after_the_last_version_nothing_changed,
                a_room_that_is_not_there_has_no_changes,
                rooms_do_not_share_their_changes,
            }
            erasure {
                who_is_erased_is_put_out_first,
                what_the_erased_wrote_is_deleted_in_steps,
                reactions_of_the_erased_are_taken_away,
                users_of_strange_ids_are_erased,
                rooms_to_erase_are_all_that_the_user_ever_was_in,
                of_a_membership_only_that_it_ended_is_kept,
                keys_and_files_of_the_erased_are_gone,
                messages_of_others_stay_as_they_are,
                who_left_nothing_is_erased_without_a_change,
                the_sessions_of_the_erased_end_and_are_forgotten,
                sessions_of_the_erased_are_forgotten_in_steps,
            }
            gone_files {
                the_file_of_a_deleted_message_is_to_be_deleted,
                only_files_are_to_be_deleted,
                a_file_that_was_taken_comes_again_after_growing_pauses,
                a_file_that_is_forgotten_does_not_come_again,
                a_file_that_is_noted_twice_comes_once,
                the_file_that_is_due_longest_comes_first,
                of_many_who_take_files_at_once_each_goes_to_one,
            }
            gone_rooms {
                a_deleted_room_is_as_one_that_never_was,
                a_deleted_room_is_nowhere_listed_found_or_counted,
                a_room_is_deleted_once_with_its_next_version,
                a_room_is_deleted_where_nothing_was_said_since_a_moment,
                what_is_sent_while_a_room_is_found_idle_keeps_it_or_is_refused,
                other_rooms_stay_as_they_are_where_one_is_deleted,
                a_pair_whose_room_is_deleted_gets_another_one,
                what_was_being_written_is_in_the_room_or_refused,
                who_joins_or_reads_at_once_finds_the_room_or_none,
                a_pair_that_asks_at_once_gets_a_room_that_stands,
            }
            swept_rooms {
                what_a_deleted_room_has_left_is_swept_in_steps,
                many_small_rooms_are_swept_in_few_steps,
                the_files_of_a_deleted_room_are_to_be_deleted,
                rooms_that_are_swept_at_once_are_swept_once,
            }
            host {
                the_host_speaks_for_anybody_in_any_room,
                what_a_stranger_sends_is_read_once_all_members_have,
                the_host_finds_what_it_has_sent_under_a_key,
                the_host_reads_any_room,
                all_rooms_are_listed_in_pages,
            }
            history {
                history_is_newest_first_and_upward_after_a_position,
                anchors_past_the_ends_are_only_past_the_ends,
                an_anchor_may_be_a_message_of_another_room,
                a_page_of_history_counts_the_anchors_side,
                deleted_messages_are_read_and_counted_only_where_asked_for,
                history_shows_messages_as_they_are_now,
                history_comes_behind_its_check,
            }
            lists {
                rooms_are_listed_in_their_order,
                inactive_rooms_and_those_one_left_are_not_listed,
                what_is_unread_is_the_sum_of_what_lists_say,
                a_page_of_rooms_counts_all_of_the_callers_kinds,
                a_listed_room_is_as_the_room_itself,
                rooms_of_a_user_are_found_active_or_not,
                summaries_of_the_rooms_that_exist,
                versions_of_the_rooms_that_exist,
                members_of_the_rooms_that_exist,
                statistics_count_rooms_and_recent_messages,
                statistics_of_a_room_one_may_not_see_are_nothing,
            }
            members {
                who_joins_has_read_and_received_everything_before,
                joining_moves_no_status,
                who_joins_again_is_last_and_has_read_all,
                joining_takes_a_version_once,
                an_inactive_room_can_be_joined_and_left,
                who_left_keeps_a_row_that_says_so,
                leaving_changes_no_status,
                coming_and_going_takes_no_status_back,
                the_creator_may_leave_and_the_room_stays,
                an_empty_public_room_can_be_joined,
                a_room_is_made_with_so_many_members_and_no_more,
                nobody_comes_into_a_room_that_is_full,
                the_host_removes_members_from_any_room,
                no_room_can_be_managed_joined_or_left_that_is_not_there,
            }
            messages {
                a_message_takes_the_next_position_version_and_a_larger_id,
                a_message_is_kept_as_it_was_sent,
                empty_captions_and_long_texts_are_kept,
                texts_of_every_sort_are_kept,
                a_message_is_never_older_than_the_one_before,
                activity_never_goes_back,
                the_sender_has_read_and_received_the_message,
                a_system_message_is_uncounted,
                only_messages_of_the_room_that_are_there_are_answered,
                an_edit_takes_a_version_also_where_the_text_is_the_same,
                edits_and_deletions_have_the_moment_given,
                a_deleted_message_keeps_its_place_and_nothing_else,
                a_message_without_a_file_hands_back_none,
                a_deleted_message_does_not_count,
                deleting_what_was_read_leaves_unread_as_it_is,
                a_deleted_message_takes_no_edit_and_no_deletion,
                only_the_sender_edits_and_deletes,
                a_message_of_another_room_is_not_found,
                a_room_that_is_not_there_takes_no_message,
                a_message_is_read_by_its_id_and_room,
                in_an_inactive_room_all_but_sending_goes_on,
            }
            model {
                random_histories_agree_with_the_model,
                an_old_snapshot_plus_the_changes_is_a_new_one,
                random_sessions_agree_with_the_model,
            }
            races {
                a_race_for_a_direct_room_makes_one,
                rooms_made_at_once_are_different_rooms,
                senders_at_once_get_one_order_without_gaps,
                a_key_sent_many_times_at_once_stores_one_message,
                a_key_sent_at_once_for_different_contents_stores_one,
                joins_at_once_fill_a_room_and_no_more,
                reactions_at_once_lose_no_update,
                reactions_at_once_keep_the_bounds,
                unread_is_exact_while_marks_race_sends,
                marks_at_once_move_every_status_once,
                a_message_deleted_at_once_is_deleted_once,
                who_joins_many_times_at_once_joins_once,
                who_left_sends_nothing_after_their_leaving,
                who_follows_the_changes_sees_no_hole,
            }
            reactions {
                one_emoji_of_a_user_counts_once,
                emoji_and_users_stay_in_the_order_they_came,
                emoji_are_compared_as_they_are_written,
                a_message_holds_at_most_fifty_different_emoji,
                a_user_has_at_most_twenty_emoji_on_a_message,
                a_deleted_message_takes_no_reaction,
                reactions_of_who_left_stay,
            }
            receipts {
                a_receipt_adds_its_targets_to_the_members_sets,
                reading_one_message_reads_no_other,
                reading_all_reads_all_that_there_is_now,
                nothing_is_ever_taken_out,
                a_receipt_for_ones_own_message_changes_nothing,
                newly_counts_what_the_receipt_is_new_for,
                a_receipt_for_a_system_message_is_not_counted,
                a_target_must_be_in_the_room_and_not_deleted,
                everything_up_to_a_position_is_marked_and_nothing_after_it,
                marking_an_empty_room_changes_nothing,
            }
            statuses {
                a_message_is_delivered_when_the_last_member_received_it,
                a_message_is_read_when_the_last_member_read_it,
                both_steps_of_a_status_can_be_told_afterwards,
                receipts_at_once_each_hand_back_their_own_step,
                reading_implies_receiving,
                a_message_is_not_read_before_it_is_delivered,
                a_status_is_never_older_than_its_message,
                all_that_moved_take_one_version_together,
                more_than_a_hundred_that_moved_are_not_handed_back,
                very_many_that_moved_have_all_moved,
                a_deleted_message_moves_no_more,
                who_joined_later_is_not_waited_for,
                who_left_is_not_waited_for,
                a_receipt_moves_only_what_it_was_new_for,
                a_reading_moves_to_delivered_what_all_have_received,
                a_status_never_goes_back,
                with_nobody_else_a_message_stays_sent,
            }
            repetitions {
                a_second_send_with_the_same_key_returns_the_first,
                a_key_used_for_other_content_is_refused,
                a_key_whose_message_is_deleted_is_refused,
                a_key_is_of_its_room_and_its_sender,
                a_key_outlives_a_pause_of_the_membership,
                a_repetition_succeeds_in_an_inactive_room,
                a_refused_send_does_not_use_up_its_key,
                what_was_sent_before_is_found_as_it_is_now,
            }
            rooms {
                a_new_room_has_its_creator_and_members_in_order_each_once,
                a_new_room_is_as_it_was_asked_for,
                a_room_of_the_host_has_no_creator,
                metadata_comes_back_as_it_was,
                a_newer_room_has_a_larger_id,
                there_is_one_direct_room_for_a_pair,
                a_direct_room_stays_that_of_the_pair_when_members_are_removed,
                pairs_of_strange_ids_are_kept_apart,
                a_direct_room_is_not_made_as_others_are,
                nobody_has_a_direct_room_with_oneself,
                access_has_the_facts_of_the_moment,
                a_room_that_is_not_there_is_none,
                a_room_comes_with_members_last_message_and_unread_count,
                a_room_whose_messages_are_all_deleted_has_no_last_message,
                who_is_no_member_has_nothing_unread,
                what_is_read_comes_behind_its_check,
                settings_take_one_version_and_new_members_the_next,
                what_is_not_given_stays_as_it_is,
                settings_that_change_nothing_take_no_version,
            }
            search {
                every_word_of_a_term_begins_a_word_of_the_text,
                a_term_without_words_finds_nothing,
                long_words_and_long_texts_are_found,
                only_the_text_is_searched,
                messages_are_found_by_what_they_say_now,
                a_refused_edit_and_a_repeated_send_leave_the_words,
                only_rooms_of_the_member_are_searched,
                what_is_found_is_newest_first_whatever_the_rooms,
                what_is_found_comes_behind_its_check,
            }
            session_races {
                sessions_at_once_tell_each_coming_and_going_once,
                sessions_that_come_and_go_are_told_in_pairs,
                an_expiry_seen_at_once_is_told_to_one,
                a_renewal_racing_the_expiry_has_one_outcome,
            }
            session_lists {
                an_open_session_is_kept_as_it_was_given,
                the_newest_sessions_come_first_and_at_most_as_many_as_asked,
                a_closed_session_stays_in_the_list,
                open_sessions_are_found_among_closed_ones,
                forgetting_sessions_changes_no_presence,
                what_closed_long_ago_is_forgotten_of_all_users,
            }
            sessions {
                the_first_and_the_last_session_are_told,
                every_coming_and_going_is_told,
                sessions_change_no_room,
                a_session_whose_lease_is_over_is_not_open,
                an_expired_session_is_told_once,
                a_closed_session_does_not_expire,
                an_expired_session_closed_at_its_last_frame_or_lease,
                an_expiry_noticed_after_a_new_coming_is_nobodys_going,
                an_expiry_noticed_after_the_last_closing_is_no_second_going,
                renewing_vouches_for_the_sessions_that_are_given,
                renewing_notes_when_a_session_was_last_heard,
                renewing_returns_the_sessions_whose_lease_was_over,
                renewing_does_not_return_what_was_closed,
                a_lost_session_can_be_opened_again,
                a_session_is_opened_as_of_when_it_was_last_heard,
                presence_comes_in_the_order_asked,
                a_user_is_online_while_any_session_is_open,
                last_seen_never_goes_back,
            }
        }
    };
    (@list $make_store:expr; $($module:ident { $($test:ident,)* })*) => {
        $(mod $module {
            #[allow(unused_imports, reason = "a path may lead to the store's maker as well")]
            use super::*;

            $(#[test]
            fn $test() {
                $crate::store::run($make_store, $crate::store::$module::$test);
            })*
        })*
    };
}

#[cfg(test)]
mod tests {
    /// A test that is written but not listed would never run.
    #[test]
    fn every_test_is_in_the_list() {
        let list = include_str!("store.rs");
        let files = [
            include_str!("store/access.rs"),
            include_str!("store/candidates.rs"),
            include_str!("store/changes.rs"),
            include_str!("store/erasure.rs"),
            include_str!("store/gone_files.rs"),
            include_str!("store/history.rs"),
            include_str!("store/lists.rs"),
            include_str!("store/members.rs"),
            include_str!("store/messages.rs"),
            include_str!("store/model.rs"),
            include_str!("store/races.rs"),
            include_str!("store/reactions.rs"),
            include_str!("store/receipts.rs"),
            include_str!("store/repetitions.rs"),
            include_str!("store/rooms.rs"),
            include_str!("store/search.rs"),
            include_str!("store/session_races.rs"),
            include_str!("store/session_lists.rs"),
            include_str!("store/sessions.rs"),
        ];
        let tests = files.iter().flat_map(|file| file.lines());
        let names = tests.filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next());
        let mut found = 0;
        for name in names {
            assert!(list.contains(&format!("                {name},\n")), "{name} is not listed");
            found += 1;
        }
        assert!(found > 100, "only {found} tests were found");
    }
}
