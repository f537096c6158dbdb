//! Sockets that missed deliveries and read the changes from the store instead.

mod common;

use chat_core::model::{Change, Cursor, Event, UserId};
use chat_core::socket::Delivery;
use common::{Peer, World, assert_shape, now, server_frame, two};
use proptest::prelude::*;
use serde_json::{Value, json};

fn say(world: &mut World, peer: Peer, text: &str, temp_id: &str) {
    world.send(peer, &json!({ "type": "message", "content": text, "temp_id": temp_id }));
}

fn texts(frames: &[Value]) -> Vec<&str> {
    let messages = frames.iter().filter(|frame| frame["type"] == "message");
    messages.map(|frame| frame["message"]["content"].as_str().unwrap()).collect()
}

#[test]
fn what_was_missed_is_caught_up_in_order_and_once() {
    let mut world = World::new();
    let (john, jane) = (world.open(1), world.open(2));
    say(&mut world, john, "0", "t0");
    world.frames(jane);
    world.set_deaf(jane, true);
    for number in 1..=5 {
        say(&mut world, john, &number.to_string(), &format!("t{number}"));
    }
    world.assert_quiet(jane);
    world.set_deaf(jane, false);
    world.catch_up(jane, 2);
    let frames = world.frames(jane);
    assert_eq!(texts(&frames), ["1", "2", "3", "4", "5"]);
    for frame in &frames {
        assert_shape(frame, &server_frame("message"));
    }
    world.catch_up(jane, 2);
    world.assert_quiet(jane);
    say(&mut world, john, "6", "t6");
    assert_eq!(texts(&world.frames(jane)), ["6"]);
}

#[test]
fn a_message_that_was_read_since_is_neither_lost_nor_told_after_later_ones() {
    for limit in [1, 2, 3, 100] {
        let mut world = World::new();
        let (john, jane, tablet) = (world.open(1), world.open(2), world.open(2));
        world.frames(tablet);
        world.set_deaf(tablet, true);
        say(&mut world, john, "first", "t1");
        let first = world.frame(jane)["message"]["id"].clone();
        say(&mut world, john, "second", "t2");
        world.send(jane, &json!({ "type": "message_read", "message_id": first }));
        say(&mut world, john, "third", "t3");
        world.set_deaf(tablet, false);
        world.catch_up(tablet, limit);
        let frames = world.frames(tablet);
        let kinds: Vec<_> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
        let expected = ["message", "message", "message_status_update", "message"];
        assert_eq!(kinds, expected, "limit {limit}");
        assert_eq!(texts(&frames), ["first", "second", "third"], "limit {limit}");
        let update = &frames[2];
        assert_shape(update, &server_frame("message_status_update"));
        assert_eq!((&update["message_id"], &update["status"]), (&first, &json!("read")));
    }
}

#[test]
fn an_edit_before_a_later_receipt_is_not_lost_at_the_edge_of_a_reading() {
    let world = World::new();
    let (john, jane) = (world.chat.acting_as("1"), world.chat.acting_as("2"));
    let room = world.room;
    let first = now(john.send(room, "first")).unwrap().message;
    let after = Cursor::version(first.versions.sent);
    now(john.edit(room, first.id, "changed")).unwrap();
    now(john.send(room, "second")).unwrap();
    now(jane.react(room, first.id, "👍")).unwrap();
    for limit in 1..=4 {
        let (mut told, mut from) = (Vec::new(), after);
        loop {
            let batch = now(world.chat.changes(room, from, limit)).unwrap();
            assert!(batch.reached > from);
            for event in batch.events {
                assert!(event.reached > from && event.reached <= batch.reached);
                let versions = |change: &Change| change.reached().unwrap().version + 1;
                told.extend(event.changes.iter().map(versions));
            }
            from = batch.reached;
            if !batch.more {
                break;
            }
        }
        assert_eq!(told, [3, 4, 5], "limit {limit}");
    }
}

/// wire.md, `messenger`: once per change, also for who hears of two changes at once.
#[test]
fn each_step_of_a_status_is_told_to_who_is_caught_up() {
    for limit in 1..=3 {
        let (mut world, john, jane) = two();
        world.set_deaf(john, true);
        let sent = now(world.chat.acting_as("1").send(world.room, "text")).unwrap().message;
        let id = sent.id.get();
        world.send(jane, &json!({ "type": "message_delivered", "message_id": id }));
        world.send(jane, &json!({ "type": "message_read", "message_id": id }));
        let live = world.frames(jane);
        world.set_deaf(john, false);
        world.catch_up(john, limit);
        let told = world.frames(john);
        assert_eq!(told, live, "limit {limit}");
        let steps: Vec<_> = told.iter().map(|frame| &frame["status"]).collect();
        assert_eq!(steps, [&Value::Null, &json!("delivered"), &json!("read")]);
    }
}

#[test]
fn statuses_that_moved_together_are_told_once_over_several_readings() {
    let mut world = World::new();
    let (john, jane) = (world.open(1), world.open(2));
    for number in 0..7 {
        say(&mut world, john, &number.to_string(), &format!("t{number}"));
    }
    let ids: Vec<_> = world.frames(jane).iter().map(|it| it["message"]["id"].clone()).collect();
    world.set_deaf(jane, true);
    now(world.chat.acting_as("2").mark_all_read(world.room)).unwrap();
    let fourth = ids[3].as_u64().and_then(chat_core::model::MessageId::new).unwrap();
    now(world.chat.acting_as("1").react(world.room, fourth, "👍")).unwrap();
    world.set_deaf(jane, false);
    world.catch_up(jane, 2);
    let updates = world.frames(jane);
    let told: Vec<_> = updates.iter().map(|frame| frame["message_id"].clone()).collect();
    assert_eq!(told, ids);
}

#[test]
fn statuses_of_which_some_were_read_are_not_told_again_with_the_others() {
    let mut world = World::new();
    let (john, jane) = (world.open(1), world.open(2));
    for number in 0..4 {
        say(&mut world, john, &number.to_string(), &format!("t{number}"));
    }
    let ids: Vec<_> = world.frames(jane).iter().map(|it| it["message"]["id"].clone()).collect();
    world.set_deaf(jane, true);
    let before = now(world.chat.versions(&[world.room])).unwrap()[0].1;
    now(world.chat.acting_as("2").mark_all_read(world.room)).unwrap();
    world.set_deaf(jane, false);
    let all = now(world.chat.changes(world.room, Cursor::version(before), 100)).unwrap();
    let some = now(world.chat.changes(world.room, Cursor::version(before), 2)).unwrap();
    assert_eq!((all.events.len(), some.events.len()), (1, 1));
    for event in some.events.into_iter().chain(all.events) {
        world.deliver(&Delivery::new(Event::Room(event)));
    }
    let updates = world.frames(jane);
    let told: Vec<_> = updates.iter().map(|frame| frame["message_id"].clone()).collect();
    assert_eq!(told, ids);
}

#[test]
fn ones_own_temp_id_is_there_when_the_message_comes_from_the_store() {
    let mut world = World::new();
    let john = world.open(1);
    world.set_deaf(john, true);
    say(&mut world, john, "one", "t1");
    say(&mut world, john, "two", "t2");
    now(world.chat.acting_as("2").send(world.room, "theirs")).unwrap();
    world.set_deaf(john, false);
    world.assert_quiet(john);
    world.catch_up(john, 1);
    let frames = world.frames(john);
    // The second is sent once the first is answered.
    assert_eq!(texts(&frames), ["one", "theirs", "two"]);
    let keys: Vec<_> = frames.iter().map(|frame| frame.get("temp_id").cloned()).collect();
    assert_eq!(keys, [Some(json!("t1")), None, Some(json!("t2"))]);
}

#[test]
fn however_many_messages_wait_for_their_delivery_each_keeps_its_temp_id() {
    let mut world = World::new();
    let john = world.open(1);
    world.set_deaf(john, true);
    for number in 0..200 {
        say(&mut world, john, &number.to_string(), &format!("t{number}"));
    }
    // One that is gone before it could be delivered keeps no other from being sent.
    let first = now(world.chat.acting_as("2").history(
        world.room,
        chat_core::store::Anchor::AfterSeq(0),
        chat_core::model::Slice::first(1),
    ));
    let first = first.unwrap().items[0].id;
    now(world.chat.acting_as("1").delete(world.room, first)).unwrap();
    world.set_deaf(john, false);
    let mut frames = Vec::new();
    for _ in 0..10 {
        world.catch_up(john, 500);
        frames.extend(world.frames(john));
    }
    let expected: Vec<_> = (1..200).map(|number| number.to_string()).collect();
    assert_eq!(texts(&frames), expected);
    for (number, frame) in (1..).zip(&frames) {
        assert_eq!(frame["temp_id"], format!("t{number}"));
    }
}

#[test]
fn ones_own_temp_id_is_there_when_the_store_is_faster_than_the_answer() {
    let mut world = World::new();
    let john = world.open(1);
    world.set_deaf(john, true);
    world.hold_commands(john);
    now(world.chat.acting_as("2").send(world.room, "before")).unwrap();
    say(&mut world, john, "mine", "t1");
    world.release_command_after(john, |world| {
        now(world.chat.acting_as("1").send(world.room, "mine, from elsewhere")).unwrap();
        world.settle();
        world.catch_up(john, 1);
    });
    let frames = world.frames(john);
    assert_eq!(texts(&frames), ["before", "mine", "mine, from elsewhere"]);
    let keys: Vec<_> = frames.iter().map(|frame| frame.get("temp_id").cloned()).collect();
    assert_eq!(keys, [None, Some(json!("t1")), None]);
    world.catch_up(john, 1);
    world.assert_quiet(john);
}

#[test]
fn however_much_comes_from_the_store_before_the_answer_the_temp_id_is_there() {
    let mut world = World::new();
    let john = world.open(1);
    world.set_deaf(john, true);
    world.hold_commands(john);
    say(&mut world, john, "mine", "t1");
    world.release_command_after(john, |world| {
        for number in 0..1_000 {
            now(world.chat.acting_as("2").send(world.room, number.to_string())).unwrap();
        }
        world.settle();
        world.catch_up(john, 100);
        assert!(!world.wants_deliveries(john), "no more is taken than is bounded");
        world.assert_quiet(john);
    });
    assert!(world.wants_deliveries(john));
    world.catch_up(john, 100);
    let frames = world.frames(john);
    assert_eq!(frames.len(), 1_001);
    assert_eq!((&frames[0]["temp_id"], texts(&frames[..1])), (&json!("t1"), vec!["mine"]));
    assert!(frames[1..].iter().all(|frame| frame.get("temp_id").is_none()));
}

#[test]
fn what_waits_for_an_answer_is_told_also_when_the_send_fails() {
    let mut world = World::new();
    let john = world.open(1);
    world.hold_commands(john);
    world.set_deaf(john, true);
    say(&mut world, john, "x".repeat(1_001).as_str(), "t1");
    now(world.chat.acting_as("1").send(world.room, "from elsewhere")).unwrap();
    world.set_deaf(john, false);
    world.catch_up(john, 100);
    world.release_command(john);
    let frames = world.frames(john);
    assert_eq!(texts(&frames), ["from elsewhere"]);
    assert_eq!(frames.iter().filter(|frame| frame["type"] == "error").count(), 1);
}

#[test]
fn a_repetition_does_not_show_a_message_before_its_turn() {
    let mut world = World::new();
    let (phone, laptop) = (world.open(1), world.open(1));
    world.frames(phone);
    world.set_deaf(laptop, true);
    now(world.chat.acting_as("2").send(world.room, "theirs")).unwrap();
    say(&mut world, phone, "mine", "t1");
    say(&mut world, laptop, "mine", "t1");
    world.set_deaf(laptop, false);
    world.catch_up(laptop, 100);
    let frames = world.frames(laptop);
    assert_eq!(texts(&frames), ["theirs", "mine"]);
    assert_eq!(frames[1]["temp_id"], "t1");
}

#[test]
fn a_repetition_that_overtakes_the_message_is_answered_in_its_turn() {
    let mut world = World::new();
    let john = world.open(1);
    world.set_deaf(john, true);
    say(&mut world, john, "mine", "t1");
    say(&mut world, john, "mine", "t1");
    now(world.chat.acting_as("2").send(world.room, "theirs")).unwrap();
    world.assert_quiet(john);
    world.settle();
    world.set_deaf(john, false);
    world.catch_up(john, 1);
    let frames = world.frames(john);
    assert_eq!(texts(&frames), ["mine", "mine", "theirs"]);
    assert_eq!((&frames[0]["temp_id"], &frames[1]["temp_id"]), (&json!("t1"), &json!("t1")));
}

#[test]
fn a_removal_that_was_missed_closes_once_it_is_read() {
    let mut world = World::new();
    let (john, jane) = (world.open(1), world.open(2));
    world.set_deaf(jane, true);
    say(&mut world, john, "before", "t1");
    world.remove_member(world.room, 2);
    say(&mut world, john, "after", "t2");
    world.set_deaf(jane, false);
    assert_eq!(world.closed(jane), None);
    world.catch_up(jane, 100);
    assert_eq!(texts(&world.frames(jane)), ["before"]);
    assert_eq!(world.closed(jane), Some(4403));
}

/// Something that happens, and whether a delivery or all of them are lost afterwards.
#[derive(Debug, Clone)]
enum Step {
    Send(u8),
    Read(u8),
    Deliver(u8),
    Delete(u8),
    Deaf(bool),
    CatchUp(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..=2_u8).prop_map(Step::Send),
        2 => any::<u8>().prop_map(Step::Read),
        2 => any::<u8>().prop_map(Step::Deliver),
        1 => any::<u8>().prop_map(Step::Delete),
        1 => any::<bool>().prop_map(Step::Deaf),
        1 => (1..5_usize).prop_map(Step::CatchUp),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is lost and when it is made up for: one client that hears everything and one that
    /// does not see the same messages in the same order, each once, and the same last statuses.
    #[test]
    fn losing_and_catching_up_shows_the_same_as_hearing_everything(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new();
        let (hearing, deaf) = (world.open(1), world.open(1));
        let mut heard = Vec::new();
        let mut ids = Vec::new();
        for step in steps {
            match step {
                Step::Send(user) => {
                    let text = format!("message {}", ids.len());
                    let actor = world.chat.acting_as(u64::from(user));
                    ids.push(now(actor.send(world.room, text)).unwrap().message.id);
                }
                Step::Read(index) | Step::Deliver(index) if !ids.is_empty() => {
                    let kind = if matches!(step, Step::Read(_)) { "message_read" } else { "message_delivered" };
                    let id = ids[usize::from(index) % ids.len()];
                    let kind = if kind == "message_read" {
                        chat_core::store::ReceiptKind::Read
                    } else {
                        chat_core::store::ReceiptKind::Delivered
                    };
                    let _ = now(world.chat.acting_as(2).mark(world.room, id, kind));
                }
                Step::Delete(index) if !ids.is_empty() => {
                    let id = ids[usize::from(index) % ids.len()];
                    let by: UserId = 1.into();
                    let _ = now(world.chat.acting_as(by).delete(world.room, id));
                }
                Step::Read(_) | Step::Deliver(_) | Step::Delete(_) => {}
                Step::Deaf(to) => {
                    world.set_deaf(deaf, to);
                    if !to {
                        world.catch_up(deaf, 2);
                    }
                }
                Step::CatchUp(limit) => world.catch_up(deaf, limit),
            }
            world.settle();
            heard.extend(world.frames(hearing));
        }
        world.set_deaf(deaf, false);
        world.catch_up(deaf, 3);
        let caught_up = world.frames(deaf);

        let order: Vec<_> = texts(&heard).into_iter().map(str::to_owned).collect();
        let told = texts(&caught_up);
        // What was deleted before it was caught up with is not told.
        let mut expected = order.iter();
        for text in &told {
            prop_assert!(expected.any(|other| other == text), "{told:?} of {order:?}");
        }
        for (index, id) in ids.iter().enumerate() {
            let text = format!("message {index}");
            let stands = now(world.chat.acting_as(1).message(None, *id)).unwrap().deleted_at.is_none();
            prop_assert!(!stands || told.contains(&text.as_str()), "{text} was lost");
            let last = |frames: &[Value]| {
                let mut of_message = frames.iter().filter(|frame| {
                    frame["message_id"] == id.get() || frame["message"]["id"] == id.get()
                });
                of_message.next_back().map(|frame| {
                    let status = if frame["type"] == "message" { &frame["message"]["status"] } else { &frame["status"] };
                    status.clone()
                })
            };
            prop_assert!(!stands || last(&heard) == last(&caught_up));
        }
    }
}
