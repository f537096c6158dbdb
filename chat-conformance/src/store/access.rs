//! Permission: every write is decided by [`Access::permit`] and by nothing else.
//!
//! [`Access::permit`]: chat_core::rules::Access::permit

use std::sync::Arc;

use chat_core::model::{Kinds, MessageId, RoomId, RoomKind};
use chat_core::rules::{Action, Caller, Denial, Emoji, Standing};
use chat_core::store::{
    Added, DeleteMessage, EditMessage, ManageRoom, Mark, NewMessage, React, ReceiptKind, Store,
    StoreResult, Targets,
};
use serde_json::Map;

use super::world::{LIMIT, Refusal, World, caller, caller_of, content, refusal_of, users};

/// Who asks, in a room of creator 1 and member 2.
#[derive(Debug, Clone, Copy)]
enum Who {
    Stranger,
    Former,
    Member,
    Creator,
    /// The creator, over a way in that does not show this kind of room.
    Hidden,
}

/// Every method that writes in a caller's name.
#[derive(Debug, Clone, Copy)]
enum Write {
    Send,
    Edit,
    Delete,
    React,
    Unreact,
    MarkOne,
    MarkAll,
    Join,
    Leave,
    Manage,
    ManageNothing,
}

const WHO: [Who; 5] = [Who::Stranger, Who::Former, Who::Member, Who::Creator, Who::Hidden];

const WRITES: [(Write, Action); 11] = [
    (Write::Send, Action::Send),
    (Write::Edit, Action::Edit),
    (Write::Delete, Action::Delete),
    (Write::React, Action::React),
    (Write::Unreact, Action::React),
    (Write::MarkOne, Action::Mark),
    (Write::MarkAll, Action::Mark),
    (Write::Join, Action::Join),
    (Write::Leave, Action::Leave),
    (Write::Manage, Action::Manage),
    (Write::ManageNothing, Action::Configure),
];

/// A method that changes a room "checks `Access::permit` with the facts of that moment", and "has
/// changed nothing" where that refuses: every method, for everyone, in every kind of room.
pub async fn every_write_is_permitted_by_the_table_and_nothing_else(store: Arc<dyn Store>) {
    let world = World::new(store);
    for kind in RoomKind::ALL {
        for who in WHO {
            for active in [true, false] {
                check(&world, kind, who, active).await;
            }
        }
    }
}

/// "None where the host itself does": it deletes anybody's message, once, manages rooms of every
/// kind that can be managed, and says of all whether they are active and what it notes about them.
pub async fn the_host_may_do_what_rooms_have(store: Arc<dyn Store>) {
    let world = World::new(store);
    for kind in RoomKind::ALL {
        let (room, message) = scene(&world, kind, Who::Former, true).await;
        let delete = || DeleteMessage { room, message, by: None, at: world.now() };
        let (deleted, _) = world.store.delete(delete()).await.unwrap();
        assert!(deleted.is_deleted(), "{kind:?}");
        let again = world.refuses(room, world.store.delete(delete())).await;
        assert_eq!(again, Refusal::Denied(Denial::Deleted));
        let nowhere = DeleteMessage { message: super::world::no_message(), ..delete() };
        let refused = world.refuses(room, world.store.delete(nowhere)).await;
        assert_eq!(refused, Refusal::NotFound);

        let change = ManageRoom { by: None, add: users([8]), ..world.manage(room, 1) };
        if kind == RoomKind::Direct {
            let refused = world.refuses(room, world.store.manage_room(change)).await;
            assert_eq!(refused, Refusal::Denied(Denial::WrongKind));
        } else {
            let added = world.store.manage_room(change).await.unwrap();
            assert_eq!(added.joined.map(|(users, _)| users), Some(users([8])), "{kind:?}");
        }
        let note = Map::from_iter([("note".to_owned(), "\0".into())]);
        let (active, metadata) = (Some(false), Some(note.clone()));
        let change = ManageRoom { by: None, active, metadata, ..world.manage(room, 1) };
        let version = world.version(room).await + 1;
        let changed = Added { settings: Some(version), joined: None };
        assert_eq!(world.store.manage_room(change.clone()).await.unwrap(), changed);
        let unchanged = Added { settings: None, joined: None };
        assert_eq!(world.store.manage_room(change).await.unwrap(), unchanged);
        let now = world.everything(room).await.room;
        assert_eq!((now.active, &*now.metadata, now.settings_version), (false, &note, version));
    }
}

/// "The first denial that applies": a room that may not be seen says nothing about its messages.
pub async fn the_room_is_checked_before_the_message(store: Arc<dyn Store>) {
    let world = World::new(store);
    let room = world.group([1, 2]).await;
    let other = world.group([1, 2]).await;
    let elsewhere = world.say(other, 1, "elsewhere").await.id;
    let deleted = world.say(room, 1, "deleted").await.id;
    world.delete(room, 1, deleted).await.unwrap();
    let hidden = caller_of(1, Kinds::DIRECT);
    for (by, denial) in [(caller(9), Denial::NotMember), (hidden, Denial::Hidden)] {
        for message in [elsewhere, deleted, super::world::no_message()] {
            for write in [Write::Edit, Write::Delete, Write::React, Write::MarkOne] {
                let refused = world.refuses(room, call(&world, write, room, &by, message)).await;
                assert_eq!(refused, Refusal::Denied(denial), "{write:?}");
            }
        }
    }
}

/// Tries every write in rooms of this kind.
async fn check(world: &World, kind: RoomKind, who: Who, active: bool) {
    // A permitted leaving is the last thing that can be tried in a room.
    let (mut room, mut own) = scene(world, kind, who, active).await;
    let by = asking(who, kind);
    for (write, action) in WRITES {
        let case = format!("{write:?} by {who:?} in {kind:?}, active: {active}");
        let access = world.store.access(&by, room).await.unwrap().unwrap();
        assert_eq!(access.standing, standing(who), "{case}");
        assert_eq!((access.shown, access.active), (!matches!(who, Who::Hidden), active), "{case}");

        let before = world.everything(room).await;
        let result = call(world, write, room, &by, own).await;
        let expected = access.permit(action).map_err(Refusal::Denied);
        assert_eq!(result.map_err(refusal_of), expected, "{case}");
        if expected.is_err() {
            assert_eq!(world.everything(room).await, before, "{case}");
        } else {
            (room, own) = scene(world, kind, who, active).await;
        }
    }
}

/// A room with a message that the asking user sent, where they ever could.
async fn scene(world: &World, kind: RoomKind, who: Who, active: bool) -> (RoomId, MessageId) {
    // The direct room of a pair is the same in every scene, so the former member has some alone.
    let members: &[u64] = match (kind, who) {
        (RoomKind::Direct, Who::Former) if active => &[1, 3],
        (RoomKind::Direct, Who::Former) => &[4, 3],
        (RoomKind::Direct, _) => &[1, 2],
        _ => &[1, 2, 3],
    };
    let room = world.room_of(kind, members).await;
    let sender = match who {
        Who::Former => 3,
        Who::Member => 2,
        Who::Stranger | Who::Creator | Who::Hidden => 1,
    };
    set_active(world, room, true).await;
    let own = world.say(room, sender, "text").await.id;
    if kind != RoomKind::Direct || matches!(who, Who::Former) {
        world.remove(room, 3).await;
    }
    set_active(world, room, active).await;
    (room, own)
}

/// In the name of the host, which may in rooms of every kind.
async fn set_active(world: &World, room: RoomId, active: bool) {
    let change = ManageRoom { by: None, active: Some(active), ..world.manage(room, 1) };
    world.store.manage_room(change).await.unwrap();
}

fn asking(who: Who, kind: RoomKind) -> Caller {
    match who {
        Who::Stranger => caller(9),
        Who::Former => caller(3),
        Who::Member => caller(2),
        Who::Creator => caller(1),
        Who::Hidden => caller_of(1, Kinds::of(kind).not()),
    }
}

fn standing(who: Who) -> Standing {
    match who {
        Who::Stranger | Who::Former => Standing::Stranger,
        Who::Member => Standing::Member,
        Who::Creator | Who::Hidden => Standing::Creator,
    }
}

async fn call(
    world: &World,
    write: Write,
    room: RoomId,
    by: &Caller,
    message: MessageId,
) -> StoreResult<()> {
    let (store, at, by) = (&world.store, world.now(), by.clone());
    let emoji = Emoji::parse("👍").unwrap();
    let kind = ReceiptKind::Read;
    match write {
        Write::Send => {
            let new = NewMessage { by: by.into(), ..world.text(room, 1, "text") };
            store.send(new).await.map(drop)
        }
        Write::Edit => {
            let content = content("edited");
            store.edit(EditMessage { room, message, by, content, at }).await.map(drop)
        }
        Write::Delete => {
            store.delete(DeleteMessage { room, message, by: Some(by), at }).await.map(drop)
        }
        Write::React => store.react(React { room, message, by, emoji, add: true }).await.map(drop),
        Write::Unreact => {
            store.react(React { room, message, by, emoji, add: false }).await.map(drop)
        }
        Write::MarkOne => {
            let targets = Targets::Message(message);
            store.mark(Mark { room, by, kind, targets, at }).await.map(drop)
        }
        Write::MarkAll => {
            store.mark(Mark { room, by, kind, targets: Targets::All, at }).await.map(drop)
        }
        Write::Join => store.join_room(&by, room, LIMIT, at).await.map(drop),
        Write::Leave => store.leave_room(&by, room, at).await.map(drop),
        Write::Manage => {
            let change = ManageRoom { by: Some(by), add: users([8]), ..world.manage(room, 1) };
            store.manage_room(change).await.map(drop)
        }
        Write::ManageNothing => {
            store.manage_room(ManageRoom { by: Some(by), ..world.manage(room, 1) }).await.map(drop)
        }
    }
}
