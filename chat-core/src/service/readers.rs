//! Who has read messages, from the members' read sets.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Chat, Error, People};
use crate::model::{Member, Message, RoomId, SeqSet, User, UserId};

/// The senders and the readers of messages, looked up at once.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    members: Members,
    people: People,
}

/// The members of rooms, with what they have read.
pub(super) type Members = HashMap<RoomId, Vec<Member>>;

impl Readers {
    /// Somebody's data.
    pub(crate) fn user(&self, id: &UserId) -> Arc<User> {
        self.people.user(id)
    }

    /// How many people a message shows at most.
    pub(crate) fn most(&self, message: &Message) -> usize {
        1 + self.members.get(&message.room).map_or(0, Vec::len)
    }

    /// Who has read a message, in the order they joined: neither the sender nor those who joined
    /// after it, for whom it only counts as read.
    pub(crate) fn of(&self, message: &Message) -> Arc<[Arc<User>]> {
        let members = self.members.get(&message.room).into_iter().flatten();
        let readers = members.filter(|member| has_read(member, message));
        readers.map(|member| self.user(&member.user)).collect()
    }
}

fn has_read(member: &Member, message: &Message) -> bool {
    member.user != message.sender
        && member.joined_seq < message.seq
        && member.read.contains(message.seq)
}

impl Chat {
    /// The senders of messages and, of those with the flag, the readers: with one call of the
    /// store, however many rooms they are of, and one of the directory. Asks nobody for permission:
    /// it is for messages that may be seen.
    pub(crate) async fn readers<'a>(
        &self,
        messages: impl IntoIterator<Item = (&'a Message, bool)>,
    ) -> Result<Readers, Error> {
        let messages: Vec<_> = messages.into_iter().collect();
        let read = || messages.iter().filter(|(_, with_readers)| *with_readers);
        let mut rooms: Vec<_> = read().map(|(message, _)| message.room).collect();
        rooms.sort_unstable();
        rooms.dedup();
        let members = self.members_of(&rooms).await?;
        self.readers_among(members, &messages).await
    }

    /// The members of these rooms; the store is asked once, and not for none.
    pub(super) async fn members_of(&self, rooms: &[RoomId]) -> Result<Members, Error> {
        if rooms.is_empty() {
            return Ok(Members::new());
        }
        Ok(self.inner.store.members(rooms).await?.into_iter().collect())
    }

    /// The same as [`Chat::readers`], among these members.
    pub(super) async fn readers_among(
        &self,
        members: Members,
        messages: &[(&Message, bool)],
    ) -> Result<Readers, Error> {
        let people = self.users(shown(messages, &members)).await?;
        Ok(Readers { members, people })
    }
}

/// The senders, and those of each room who have read any of its messages.
fn shown<'a>(messages: &[(&'a Message, bool)], members: &'a Members) -> Vec<&'a UserId> {
    let mut shown: Vec<_> = messages.iter().map(|(message, _)| &message.sender).collect();
    for (room, members) in members {
        let of_room =
            |(message, with_readers): &&(&Message, bool)| *with_readers && message.room == *room;
        let seqs: SeqSet =
            messages.iter().filter(of_room).map(|(message, _)| message.seq).collect();
        let has_read_any = |member: &&Member| {
            member.read.intersection(&seqs).last().is_some_and(|last| member.joined_seq < last)
        };
        shown.extend(members.iter().filter(has_read_any).map(|member| &member.user));
    }
    shown
}
