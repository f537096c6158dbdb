//! What changed in a room since, as events: how a listener catches up from the store.

use std::sync::Arc;

use super::{Chat, Error, People};
use crate::model::{Change, Cursor, Message, RoomEvent, RoomId, Version};
use crate::store::{Changed, Changes};

/// What changed in a room since, as far as one reading goes.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The events, in order; each says how far it reaches.
    pub events: Vec<RoomEvent>,
    /// How far somebody has come who has taken all of them.
    pub reached: Cursor,
    /// Whether there is more to read from there.
    pub more: bool,
}

impl Chat {
    /// The versions of these rooms; rooms that do not exist are left out. Asks nobody for
    /// permission: it is for those who hand out only what each receiver may see.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Internal`].
    pub async fn versions(&self, rooms: &[RoomId]) -> Result<Vec<(RoomId, Version)>, Error> {
        Ok(self.inner.store.versions(rooms).await?)
    }

    /// What changed in a room after a point, about `limit` rows at once. Asks nobody for
    /// permission, like [`Chat::versions`].
    ///
    /// What changed more than once is told as it is now: a message that was sent and edited since
    /// is sent with its new text and then edited, one that was sent and deleted since is deleted.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`], [`Error::Internal`].
    pub async fn changes(&self, room: RoomId, after: Cursor, limit: usize) -> Result<Batch, Error> {
        let changes = self.inner.store.changes(room, after, limit).await?;
        let senders = changes.items.iter().filter_map(|item| match item {
            Changed::Message(message) => Some(&message.sender),
            Changed::Member(_) => None,
        });
        let people = self.users(senders).await?;
        let reached = changes.more.unwrap_or(Cursor::version(changes.room.version));
        Ok(Batch {
            events: events(room, after, &changes, reached, &people),
            reached,
            more: changes.more.is_some(),
        })
    }
}

/// One event for each version that rows were last changed at.
fn events(
    room: RoomId,
    after: Cursor,
    changes: &Changes,
    reached: Cursor,
    people: &People,
) -> Vec<RoomEvent> {
    let mut events: Vec<RoomEvent> = Vec::new();
    for item in &changes.items {
        let version = match item {
            Changed::Message(message) => message.versions.last(),
            Changed::Member(member) => member.version,
        };
        let told = match item {
            Changed::Message(message) => sides(message, after, people),
            Changed::Member(member) if member.left => {
                vec![Change::Left { user: member.user.clone() }]
            }
            Changed::Member(member) => vec![Change::Joined { user: member.user.clone() }],
        };
        // The last version may go on in the next reading.
        let reached = Cursor::version(version).min(reached);
        match events.last_mut() {
            Some(event) if event.reached == reached => event.changes.extend(told),
            _ => events.push(RoomEvent { room, reached, changes: told }),
        }
    }
    events
}

/// The sides of a message that changed after a point.
fn sides(message: &Arc<Message>, after: Cursor, people: &People) -> Vec<Change> {
    // Of the version after `after.version` some rows may be known already, but then this row is
    // not one of them.
    let since = |version: Version| version > after.version;
    let versions = &message.versions;
    let sender = people.user(&message.sender);
    let message = message.clone();
    if message.is_deleted() {
        let told = since(versions.deleted).then_some(Change::Deleted { message, sender });
        return told.into_iter().collect();
    }
    let sent = since(versions.sent).then(|| Change::Sent {
        message: message.clone(),
        sender: sender.clone(),
        origin: None,
    });
    let edited =
        since(versions.edited).then(|| Change::Edited { message: message.clone(), sender });
    let reacted = since(versions.reacted).then(|| Change::Reacted { message: message.clone() });
    let status = since(versions.status).then_some(Change::Status { message });
    sent.into_iter().chain(edited).chain(reacted).chain(status).collect()
}
