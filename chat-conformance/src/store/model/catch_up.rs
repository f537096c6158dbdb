//! Snapshots of rooms, and how changes make an old one new.

use std::collections::BTreeMap;
use std::sync::Arc;

use chat_core::model::{Cursor, Member, Membership, Room, Seq, Slice};
use chat_core::rules::Action;
use chat_core::store::{Anchor, Changed, HistoryQuery, Store};

use super::compare::agree;
use super::play::Player;
use super::reference::Plain;

/// What a client knows of a room.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Snapshot {
    pub(super) room: Room,
    /// The present members in their order, without what they have read.
    members: Vec<Membership>,
    messages: BTreeMap<Seq, Plain>,
}

/// Snapshots of all rooms that somebody can see, as they are read: rooms and histories.
pub(super) async fn snapshots(player: &Player) -> Vec<Snapshot> {
    let mut snapshots = Vec::new();
    for room in &player.reference.rooms {
        let Some(by) = player.reader(room) else { continue };
        let summary = player.store.room(Some(&by), room.id).await.unwrap().unwrap();
        let summary = summary.permit(Action::View).unwrap();
        let (anchor, slice) = (Anchor::AfterSeq(0), Slice::first(100_000));
        let query = HistoryQuery { room: room.id, by: Some(by), anchor, slice, deleted: true };
        let history = player.store.history(query).await.unwrap().unwrap();
        let messages = history.permit(Action::ReadHistory).unwrap().items.into_iter();
        let messages = messages.map(|message| (message.seq, Plain::of(&message)));
        let (_, present) = player.store.members(&[room.id]).await.unwrap().remove(0);
        let members = present.iter().map(Member::membership).collect();
        snapshots.push(Snapshot { room: summary.room, members, messages: messages.collect() });
    }
    snapshots
}

/// Brings an old snapshot up to date by pages of `limit` rows, and compares it with a new one.
pub(super) async fn check(
    store: &Arc<dyn Store>,
    old: &Snapshot,
    new: &Snapshot,
    limit: usize,
) -> Result<(), String> {
    let mut now = old.clone();
    let mut point = Some(Cursor::version(old.room.version));
    while let Some(after) = point {
        let changes = store.changes(old.room.id, after, limit).await;
        let changes = changes.map_err(|error| error.to_string())?;
        for item in changes.items {
            now.apply(item);
        }
        now.room = changes.room;
        if changes.more.is_some_and(|more| more <= after) {
            return Err(format!("{:?} does not lead on from {after:?}", changes.more));
        }
        point = changes.more;
    }
    agree(Ok(new), Ok(&now)).map_err(|difference| {
        format!("version {}, {limit} rows at once:\n{difference}", old.room.version)
    })
}

impl Snapshot {
    fn apply(&mut self, changed: Changed) {
        match changed {
            Changed::Message(message) => {
                self.messages.insert(message.seq, Plain::of(&message));
            }
            Changed::Member(member) => self.apply_member(member),
        }
    }

    /// Who came is last in the order of members, who left is in it no more.
    fn apply_member(&mut self, member: Membership) {
        self.members.retain(|known| known.user != member.user);
        if !member.left {
            self.members.push(member);
        }
    }
}
