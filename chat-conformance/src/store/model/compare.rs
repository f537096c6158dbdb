//! Compares all that can be seen of the store's rooms with the model's.

use std::fmt::Debug;
use std::sync::Arc;

use chat_core::model::{Cursor, Kinds, Message, RoomId, RoomSummary, Slice};
use chat_core::rules::Action;
use chat_core::store::{Anchor, Changed, HistoryQuery, RoomOrder, RoomQuery};

use super::operation::{By, USERS};
use super::play::Player;
use super::reference::{Plain, ReferenceMember, ReferenceRoom, Row, Summary};
use crate::store::world::{Refusal, refusal_of};

/// What is wrong, where something is.
pub(super) type Compared = Result<(), String>;

impl Player {
    /// Compares everything that can be seen.
    pub(super) async fn compare_all(&self) -> Compared {
        let mut versions = Vec::new();
        for room in &self.reference.rooms {
            versions.push((room.id, room.version));
            self.compare_rows(room).await?;
            for user in 1..=USERS {
                self.compare_view(room, user).await?;
            }
        }
        self.compare_gone().await?;
        let ids: Vec<_> = versions.iter().map(|(room, _)| *room).collect();
        let mut found = self.store.versions(&ids).await.map_err(refusal_of);
        found = found.map(|mut found| {
            found.sort_unstable();
            found
        });
        versions.sort_unstable();
        agree(Ok(versions), found)?;

        let nobody = self.user(USERS + 1);
        let mut rooms: Vec<_> =
            self.reference.rooms.iter().map(|room| room.summary(&nobody)).collect();
        rooms.sort_by_key(|summary| summary.room.id);
        if let Some(first) = rooms.first() {
            // Those before are of other histories.
            let before = RoomId::new(first.room.id.get() - 1);
            let found = self.store.all_rooms(before, 1_000).await.map_err(refusal_of);
            agree(Ok(rooms), found.map(|found| found.into_iter().map(summary).collect()))?;
        }

        for user in 1..=USERS {
            for order in [RoomOrder::Activity, RoomOrder::Id] {
                let by = self.caller(By { user, kinds: Kinds::ALL });
                let query = RoomQuery { by, order, slice: Slice::first(1_000) };
                self.list_rooms(query)
                    .await
                    .map_err(|difference| format!("list:\n{difference}"))?;
            }
            let by = self.caller(By { user, kinds: Kinds::ALL });
            let (order, slice) = (RoomOrder::Id, Slice::first(1_000));
            let listed = self.reference.list(&RoomQuery { by: by.clone(), order, slice });
            let unread = listed.items.iter().map(|summary| summary.unread).sum();
            agree(Ok(unread), self.store.unread(&by).await.map_err(refusal_of))?;
            self.search_messages(By { user, kinds: Kinds::ALL }, "text", 1_000).await?;
            let id = self.user(user);
            let to_erase = self.store.rooms_to_erase(&id, None, 1_000).await.map_err(refusal_of);
            agree(Ok(self.reference.rooms_to_erase(&id)), to_erase)?;
        }
        Ok(())
    }

    /// Compares all rows of a room, and all its messages.
    async fn compare_rows(&self, room: &ReferenceRoom) -> Compared {
        let all = Cursor::version(0);
        let changes = self.store.changes(room.id, all, 100_000).await;
        let changes = changes.map_err(|error| error.to_string())?;
        let rows: Vec<_> = changes.items.into_iter().map(row).collect();
        agree(Ok(room.changes(all)), Ok(rows))?;
        let nobody = self.user(USERS + 1);
        agree(Ok(room.summary(&nobody).room), Ok(changes.room))?;
        let present = room.present().map(ReferenceMember::row).collect();
        let members = self.store.members(&[room.id]).await.map_err(refusal_of);
        agree(Ok(vec![(room.id, present)]), members)?;

        let (anchor, slice) = (Anchor::Newest, Slice::first(100_000));
        // A member, where there is one, and the host.
        let readers = self.reader(room).map(Some).into_iter().chain([None]);
        for (by, deleted) in readers.flat_map(|by| [(by.clone(), true), (by, false)]) {
            let query = HistoryQuery { room: room.id, by, anchor, slice, deleted };
            let page = self.store.history(query).await.map_err(|error| error.to_string())?;
            let page = page.ok_or("no such room")?.permit(Action::ReadHistory);
            let page = page.map_err(|denial| denial.to_string())?;
            let items: Vec<_> = page.items.into_iter().map(plain).collect();
            agree(Ok(room.history(anchor, slice, deleted).items), Ok(items))?;
        }
        Ok(())
    }

    /// Compares a room as one user sees it.
    async fn compare_view(&self, room: &ReferenceRoom, user: u8) -> Compared {
        let by = self.caller(By { user, kinds: Kinds::ALL });
        let access = room.access(Some(&by));
        let found = self.store.access(&by, room.id).await.map_err(refusal_of);
        agree(Ok(Some(access)), found)?;
        let view = self.store.room(Some(&by), room.id).await.map_err(|error| error.to_string())?;
        let view = view.ok_or("no such room")?;
        agree(Ok(access), Ok(*view.access()))?;
        let wanted = access.permit(Action::View).map(|()| room.summary(&by.user));
        agree(Ok(wanted), Ok(view.permit(Action::View).map(summary)))
    }
}

/// Compares an answer of the store with that of the model.
#[allow(clippy::needless_pass_by_value, reason = "both are made to be compared")]
pub(super) fn agree<T: PartialEq + Debug>(
    wanted: Result<T, Refusal>,
    found: Result<T, Refusal>,
) -> Compared {
    if wanted == found {
        Ok(())
    } else {
        Err(format!("the model says {wanted:#?}\nthe store says {found:#?}"))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is mapped over what stores return")]
pub(super) fn plain(message: Arc<Message>) -> Plain {
    Plain::of(&message)
}

pub(super) fn row(changed: Changed) -> Row {
    match changed {
        Changed::Message(message) => Row::Message(plain(message)),
        Changed::Member(member) => Row::of_member(member),
    }
}

pub(super) fn summary(summary: RoomSummary) -> Summary {
    Summary {
        room: summary.room,
        members: summary.members,
        last_message: summary.last_message.map(plain),
        unread: summary.unread,
    }
}
