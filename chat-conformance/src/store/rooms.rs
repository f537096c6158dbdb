//! Making, finding, listing and changing rooms, and counting them.

use std::sync::Arc;

use chat_core::model::{Kinds, RoomKind, SeqSet};
use chat_core::rules::{Access, Action, Denial, Standing};
use chat_core::store::{Added, ManageRoom, NewDirectRoom, NewRoom, RoomOrder, Store};
use serde_json::{Map, Value, json};

use super::lists::listed;
use super::world::{
    Refusal, World, caller, caller_of, member_ids, name, no_room, refusal, user, users,
};

/// "The creator and the members are members, in this order, each once."
pub async fn a_new_room_has_its_creator_and_members_in_order_each_once(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.store.create_room(world.new_room(RoomKind::Group, &[3, 2, 3, 1, 2])).await;
    let room = room.unwrap();
    assert_eq!(world.summary(room, 3).await.members, users([3, 2, 1]));
    assert_eq!(member_ids(&world.everything(room).await.present), users([3, 2, 1]));
}

/// "The room's version is 1, its `last_seq` 0, its activity its creation", and all else as asked.
pub async fn a_new_room_is_as_it_was_asked_for(store: Arc<dyn Store>) {
    let world = World::new(store);
    for kind in [RoomKind::Group, RoomKind::Project, RoomKind::Public] {
        let new = NewRoom { name: Some(name(" Räume 🏠 ")), ..world.new_room(kind, &[1, 2]) };
        let made_at = new.at;
        let id = world.store.create_room(new).await.unwrap();
        let summary = world.summary(id, 2).await;
        let room = &summary.room;

        assert_eq!((room.id, room.kind, room.active), (id, kind, true));
        assert_eq!((room.version, room.settings_version, room.last_seq), (1, 1, 0));
        assert_eq!((room.created_at, room.activity_at), (made_at, made_at));
        assert_eq!(room.name.as_deref(), Some("Räume 🏠"));
        assert_eq!(room.created_by, Some(user(1)));
        assert!(room.metadata.is_empty() && room.deleted.is_empty() && room.uncounted.is_empty());
        assert_eq!((summary.last_message, summary.unread), (None, 0));
        for member in &world.everything(id).await.present {
            assert_eq!((member.joined_at, member.joined_seq), (made_at, 0));
            assert_eq!((member.version, member.left), (1, false));
            assert_eq!((&member.read, &member.delivered), (&SeqSet::new(), &SeqSet::new()));
        }
    }
}

/// A room of the host's own has no creator; "none for the host itself".
pub async fn a_room_of_the_host_has_no_creator(store: Arc<dyn Store>) {
    let world = World::new(store);
    let members = users([2, 1]);
    let new = NewRoom { creator: None, members, ..world.new_room(RoomKind::Public, &[]) };
    let room = world.store.create_room(new).await.unwrap();
    let summary = world.summary(room, 1).await;
    assert_eq!(summary.room.created_by, None);
    assert_eq!(summary.members, users([2, 1]));
    let access = world.store.access(&caller(2), room).await.unwrap().unwrap();
    assert_eq!(access.standing, Standing::Member);
}

/// "What the host notes about the room": an object of any JSON values, kept as it is.
pub async fn metadata_comes_back_as_it_was(store: Arc<dyn Store>) {
    let world = World::new(store);
    let Value::Object(metadata) = json!({
        "nested": {"list": [1, -1, 0.1, null, true, {"": []}]},
        "numbers": [u64::MAX, i64::MIN, 1e300, 1.0],
        "text": "é 👍 ' \" \\ \n \u{0} %",
        "ключ": {},
    }) else {
        unreachable!("it is an object");
    };
    let new = NewRoom { metadata: metadata.clone(), ..world.new_room(RoomKind::Project, &[1]) };
    let room = world.store.create_room(new).await.unwrap();
    assert_eq!(*world.summary(room, 1).await.room.metadata, metadata);
}

/// "The id is larger than that of every room that was there before the call began."
pub async fn a_newer_room_has_a_larger_id(store: Arc<dyn Store>) {
    let world = World::new(store);
    let mut newest = world.direct(1, 2).await;
    for other in 3..8 {
        let room = world.group([1, other]).await;
        assert!(room > newest, "{room:?} was made after {newest:?}");
        newest = room.max(world.direct(1, other).await);
    }
}

/// "Of the unordered pair at most one room stands"; the one who asks is named first and the creator.
pub async fn there_is_one_direct_room_for_a_pair(store: Arc<dyn Store>) {
    let world = World::new(store);
    let of = |first, second, note: &str| NewDirectRoom {
        first: user(first),
        second: user(second),
        metadata: Map::from_iter([("note".to_owned(), json!(note))]),
        at: world.now(),
    };
    let first = of(2, 1, "first");
    let made_at = first.at;
    let found = async |first, second| {
        world.store.direct_room_of(&user(first), &user(second)).await.unwrap()
    };
    assert_eq!((found(1, 2).await, found(2, 1).await), (None, None));
    let (room, made) = world.store.direct_room(first).await.unwrap();
    assert!(made);
    let before = world.everything(room).await;
    assert_eq!((before.room.kind, before.room.version), (RoomKind::Direct, 1));
    assert_eq!((before.room.created_at, &before.room.created_by), (made_at, &Some(user(2))));
    assert_eq!(before.room.name, None);
    assert_eq!(world.summary(room, 1).await.members, users([2, 1]));

    assert_eq!(world.store.direct_room(of(2, 1, "again")).await.unwrap(), (room, false));
    assert_eq!(world.store.direct_room(of(1, 2, "turned")).await.unwrap(), (room, false));
    assert_eq!((found(1, 2).await, found(2, 1).await), (Some(room), Some(room)));
    assert_eq!((found(1, 3).await, found(1, 1).await), (None, None));
    assert_eq!(world.everything(room).await, before, "finding it changes nothing");
    assert_eq!(before.room.metadata["note"], "first");
    assert_ne!(world.direct(1, 3).await, room);
    assert_ne!(world.direct(2, 3).await, room);
}

/// "A room that stands is found as it is": also when one or both were removed from it.
pub async fn a_direct_room_stays_that_of_the_pair_when_members_are_removed(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.direct(1, 2).await;
    assert_eq!(world.remove(room, 2).await, Some(2));
    assert_eq!(world.direct(1, 2).await, room);
    assert_eq!(world.direct(2, 1).await, room);
    assert_eq!(world.summary(room, 1).await.members, users([1]));
    assert_eq!(world.remove(room, 1).await, Some(3));
    assert_eq!(world.direct(2, 1).await, room);
    assert_eq!(world.version(room).await, 3, "nobody was added again");
}

/// User ids are opaque: pairs that read alike when written together are different pairs.
pub async fn pairs_of_strange_ids_are_kept_apart(store: Arc<dyn Store>) {
    let world = World::new(store);
    let mut rooms = Vec::new();
    let pairs = [("a", "b:c"), ("a:b", "c"), ("A", "b:c"), ("é", "\u{65}\u{301}"), (" a", "a")];
    for (first, second) in pairs {
        let new = NewDirectRoom {
            first: first.try_into().unwrap(),
            second: second.try_into().unwrap(),
            metadata: Map::new(),
            at: world.now(),
        };
        let (room, made) = world.store.direct_room(new).await.unwrap();
        assert!(made && !rooms.contains(&room), "{first:?} and {second:?}");
        rooms.push(room);
    }
}

/// A room "of any kind but direct, which is `Denial::WrongKind`".
pub async fn a_direct_room_is_not_made_as_others_are(store: Arc<dyn Store>) {
    let world = World::new(store);
    for members in [&[1, 2][..], &[1], &[1, 2, 3], &[]] {
        let result = world.store.create_room(world.new_room(RoomKind::Direct, members)).await;
        assert_eq!(refusal(result), Refusal::Denied(Denial::WrongKind));
    }
    let made = world.direct(1, 2).await;
    assert_eq!(world.version(made).await, 1);
}

/// "Two equal users are `Denial::WrongKind`."
pub async fn nobody_has_a_direct_room_with_oneself(store: Arc<dyn Store>) {
    let world = World::new(store);
    let new =
        NewDirectRoom { first: user(1), second: user(1), metadata: Map::new(), at: world.now() };
    let result = world.store.direct_room(new).await;
    assert_eq!(refusal(result), Refusal::Denied(Denial::WrongKind));
    assert_eq!(listed(&world, 1, RoomOrder::Id).await, []);
}

/// "What a caller is to a room": every fact of the access rules, as of now.
pub async fn access_has_the_facts_of_the_moment(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1, 2]).await;
    world.say(room, 2, "hello").await;
    world.set_active(room, 1, false).await;
    let facts = |standing, shown| Access {
        room,
        kind: RoomKind::Public,
        shown,
        standing,
        active: false,
        version: 3,
        last_seq: 1,
    };
    let access = async |who| world.store.access(&who, room).await.unwrap().unwrap();
    assert_eq!(access(caller(1)).await, facts(Standing::Creator, true));
    assert_eq!(access(caller(2)).await, facts(Standing::Member, true));
    assert_eq!(access(caller(3)).await, facts(Standing::Stranger, true));
    assert_eq!(access(caller_of(1, Kinds::DIRECT)).await, facts(Standing::Creator, false));

    world.leave(room, 1).await;
    let gone = access(caller(1)).await;
    assert_eq!((gone.standing, gone.version), (Standing::Stranger, 4));
}

/// "`None` where there is no such room", for every way to read one.
pub async fn a_room_that_is_not_there_is_none(store: Arc<dyn Store>) {
    let world = World::new(store);
    world.group([1]).await;
    assert!(world.store.access(&caller(1), no_room()).await.unwrap().is_none());
    assert!(world.store.room(Some(&caller(1)), no_room()).await.unwrap().is_none());
}

/// A room comes "with its members, last message and the caller's unread count".
pub async fn a_room_comes_with_members_last_message_and_unread_count(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2, 3]).await;
    world.say(room, 1, "one").await;
    let two = world.say(room, 2, "two").await;
    let three = world.say(room, 1, "three").await;
    world.delete(room, 1, three.id).await.unwrap();
    world.leave(room, 3).await;

    let summary = world.summary(room, 1).await;
    assert_eq!(summary.room, world.everything(room).await.room);
    assert_eq!(summary.members, users([1, 2]), "only present members");
    assert_eq!(summary.last_message, Some(two), "the newest that is not deleted");
    assert_eq!(summary.unread, 1);
    assert_eq!(world.summary(room, 2).await.unread, 1);
    assert_eq!(summary.room.activity_at, three.created_at, "deleted or not");
}

/// Without a message that is left there is no last message.
pub async fn a_room_whose_messages_are_all_deleted_has_no_last_message(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let only = world.say(room, 1, "only").await;
    world.delete(room, 1, only.id).await.unwrap();
    let summary = world.summary(room, 2).await;
    assert_eq!((summary.last_message, summary.unread), (None, 0));
}

/// "Unread: 0 for who is no member", be it a stranger of a public room or a former member.
pub async fn who_is_no_member_has_nothing_unread(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.public([1, 2]).await;
    world.leave(room, 2).await;
    world.say(room, 1, "hello").await;
    assert_eq!(world.unread(room, 2).await, 0);
    assert_eq!(world.unread(room, 3).await, 0);
}

/// Who asks for a room, a message or a page gets the facts that decide along with it.
pub async fn what_is_read_comes_behind_its_check(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let message = world.say(room, 1, "secret").await;
    let hidden = caller_of(1, Kinds::DIRECT);
    let asking =
        [(caller(3), Denial::NotMember), (hidden, Denial::Hidden)].map(|(by, denial)| (by, denial));
    for (by, denial) in asking {
        let access = world.store.access(&by, room).await.unwrap().unwrap();
        let room_read = world.store.room(Some(&by), room).await.unwrap().unwrap();
        assert_eq!(*room_read.access(), access);
        assert_eq!(room_read.permit(Action::View).err(), Some(denial));
        let read = world.store.message(Some(&by), Some(room), message.id).await.unwrap().unwrap();
        assert_eq!(*read.access(), access);
        assert_eq!(read.permit(Action::ReadHistory).err(), Some(denial));
    }
}

/// "A change of name, activity or metadata is one version, the members who are new another one after
/// it."
pub async fn settings_take_one_version_and_new_members_the_next(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let change = ManageRoom {
        name: Some(name("new")),
        active: Some(false),
        metadata: Some(note("new")),
        add: users([4, 2, 3, 4]),
        ..world.manage(room, 1)
    };
    let added = world.store.manage_room(change).await.unwrap();
    let joined = Some((users([4, 3]), 3));
    assert_eq!(added, Added { settings: Some(2), joined });

    let now = world.everything(room).await;
    assert_eq!((now.room.name.as_deref(), now.room.active), (Some("new"), false));
    assert_eq!(*now.room.metadata, note("new"));
    assert_eq!((now.room.version, now.room.settings_version), (3, 2));
    assert_eq!(world.summary(room, 1).await.members, users([1, 2, 4, 3]));
    assert_eq!(world.member(room, 3).await.version, 3);
}

/// "What is `None` or empty stays as it is", and each setting is changed alone.
pub async fn what_is_not_given_stays_as_it_is(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1]).await;
    let change = ManageRoom { name: Some(name("new")), ..world.manage(room, 1) };
    let only = |version| Added { settings: Some(version), joined: None };
    assert_eq!(world.store.manage_room(change).await.unwrap(), only(2));
    assert!(world.summary(room, 1).await.room.active);
    assert_eq!(world.set_active(room, 1, false).await, only(3));
    let now = world.summary(room, 1).await.room;
    assert_eq!((now.name.as_deref(), now.active), (Some("new"), false));
    assert_eq!((now.version, now.settings_version), (3, 3));
    let change = ManageRoom { metadata: Some(note("new")), ..world.manage(room, 1) };
    assert_eq!(world.store.manage_room(change).await.unwrap(), only(4));
    assert_eq!(world.add(room, 1, [2]).await, Some(5));
    let now = world.summary(room, 1).await.room;
    assert_eq!((now.name.as_deref(), now.active, now.settings_version), (Some("new"), false, 4));
    assert_eq!(*now.metadata, note("new"));
}

/// "What changes nothing takes no version": the same name, the same activity, members already.
pub async fn settings_that_change_nothing_take_no_version(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let (name, metadata) = (Some(name("name")), Some(note("note")));
    let change = ManageRoom { name, metadata, ..world.manage(room, 1) };
    world.store.manage_room(change.clone()).await.unwrap();
    let before = world.everything(room).await;
    let change = ManageRoom { active: Some(true), add: users([2, 1]), ..change };
    let nothing = Added { settings: None, joined: None };
    assert_eq!(world.store.manage_room(change).await.unwrap(), nothing);
    assert_eq!(world.store.manage_room(world.manage(room, 1)).await.unwrap(), nothing);
    assert_eq!(world.everything(room).await, before);
}

/// Something that the host notes about a room.
fn note(text: &str) -> Map<String, Value> {
    Map::from_iter([("note".to_owned(), text.into())])
}
