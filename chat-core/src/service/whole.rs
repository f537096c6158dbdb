//! Whole lists, read page by page as somebody takes them, so that none is ever in memory whole.

use std::collections::HashSet;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::{Actor, Chat, Error};
use crate::model::{Message, MessageId, RoomId, RoomSummary, Seq, Slice, User, UserId};
use crate::store::{Anchor, RoomOrder};

/// How many items are read at once.
const PAGE: usize = 100;

/// The pages of a whole list. An error is the last item.
pub type Pages<T> = BoxStream<'static, Result<Vec<T>, Error>>;

impl Actor {
    /// A room's messages, the oldest first: those up to the newest one now, or with `before` up to
    /// the newest one with a smaller id; with `limit` only the newest so many of them.
    ///
    /// Each comes once, as it is when it is read; what is deleted by then is left out.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`], [`Error::Unavailable`].
    pub async fn all_messages(
        &self,
        room: RoomId,
        before: Option<MessageId>,
        limit: Option<u64>,
    ) -> Result<Pages<Arc<Message>>, Error> {
        Reader::Actor(self.clone()).all_messages(room, before, limit).await
    }

    /// All of the actor's active rooms, newest activity first as of when they are read.
    ///
    /// Each comes once. A room that comes to the front while the list is read, so that its place
    /// further down would be missed, comes at the end. What is kept of rooms that were read is
    /// their ids.
    pub fn all_rooms(&self) -> Pages<RoomSummary> {
        stream::try_unfold(RoomReading::new(self.clone()), |mut reading| async move {
            let page = reading.next().await?;
            Ok(page.map(|page| (page, reading)))
        })
        .boxed()
    }

    /// All users that the directory knows whose username has `text` in it, but the actor, in the
    /// order of [`UserId::cmp_for_listing`].
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] where the actor's id is none.
    pub fn all_users(&self, text: &str) -> Result<Pages<Arc<User>>, Error> {
        let (me, text): (_, Arc<str>) = (self.id()?.clone(), text.into());
        let chat = self.chat().clone();
        let pages = stream::try_unfold((None, false), move |(after, done): (Option<UserId>, _)| {
            let (chat, text) = (chat.clone(), text.clone());
            async move {
                if done {
                    return Ok(None);
                }
                let directory = &chat.inner.directory;
                let page = directory.search_after(&text, after.as_ref(), PAGE).await?;
                let last = page.last().map(|user| user.id.clone());
                let done = page.len() < PAGE;
                Ok::<_, Error>(Some((page, (last, done))))
            }
        });
        let others = move |mut page: Vec<Arc<User>>| {
            page.retain(|user| user.id != me);
            page
        };
        Ok(pages.map_ok(others).boxed())
    }
}

impl Chat {
    /// All messages of a room of any kind, the oldest first, in the name of the host: to hand out
    /// what was said, say.
    ///
    /// Those up to the newest one now; each comes once, as it is when it is read. What is deleted by
    /// then is left out.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such room, [`Error::Unavailable`].
    pub async fn all_messages(&self, room: RoomId) -> Result<Pages<Arc<Message>>, Error> {
        Reader::Host(self.clone()).all_messages(room, None, None).await
    }
}

/// Who reads a whole history.
#[derive(Clone)]
enum Reader {
    Actor(Actor),
    Host(Chat),
}

impl Reader {
    async fn all_messages(
        self,
        room: RoomId,
        before: Option<MessageId>,
        limit: Option<u64>,
    ) -> Result<Pages<Arc<Message>>, Error> {
        let anchor = before.map_or(Anchor::Newest, Anchor::BeforeMessage);
        let newest = self.history(room, anchor, Slice::first(1)).await?;
        let Some(last) = newest.first().map(|message| message.seq) else {
            return Ok(stream::empty().boxed());
        };
        let first = match limit.and_then(|limit| limit.checked_sub(1)) {
            Some(skip) => {
                let slice = Slice { skip, take: 1 };
                // Up to the same end as before, whatever has come since.
                let oldest = self.history(room, Anchor::BeforeSeq(last + 1), slice).await?;
                oldest.first().map_or(1, |message| message.seq)
            }
            None => 1,
        };
        let pages = stream::try_unfold(first.saturating_sub(1), move |after| {
            let reader = self.clone();
            async move { reader.messages_between(room, after, last).await }
        });
        Ok(pages.boxed())
    }

    async fn history(
        &self,
        room: RoomId,
        anchor: Anchor,
        slice: Slice,
    ) -> Result<Vec<Arc<Message>>, Error> {
        let page = match self {
            Self::Actor(actor) => actor.history(room, anchor, slice).await?,
            Self::Host(chat) => chat.history(room, anchor, slice).await?,
        };
        Ok(page.items)
    }

    /// A page of the messages after a position and up to another one, and where it ends.
    async fn messages_between(
        &self,
        room: RoomId,
        after: Seq,
        last: Seq,
    ) -> Result<Option<(Vec<Arc<Message>>, Seq)>, Error> {
        if after >= last {
            return Ok(None);
        }
        let anchor = Anchor::AfterSeq(after);
        let mut page = self.history(room, anchor, Slice::first(PAGE)).await?;
        let end = page.last().map_or(last, |message| message.seq);
        page.retain(|message| message.seq <= last);
        Ok(Some((page, end)))
    }
}

/// How far the reading of a list of rooms has come.
struct RoomReading {
    actor: Actor,
    told: HashSet<RoomId>,
    /// How many rooms at the front have been read.
    skip: u64,
    /// How many rooms there were.
    count: u64,
    /// Whether the end was reached, and the front is read again for what came there meanwhile.
    again: bool,
    done: bool,
}

impl RoomReading {
    fn new(actor: Actor) -> Self {
        Self { actor, told: HashSet::new(), skip: 0, count: 0, again: false, done: false }
    }

    /// The next page; `None` after the last one.
    async fn next(&mut self) -> Result<Option<Vec<RoomSummary>>, Error> {
        if self.done {
            return Ok(None);
        }
        let slice = Slice { skip: self.skip, take: PAGE };
        let page = self.actor.rooms(RoomOrder::Activity, slice).await?;
        let (gone, length) = (self.count.saturating_sub(page.count), page.items.len());
        self.count = page.count;
        if gone > 0 && self.skip > 0 {
            // Where rooms go away the others move up: at most by so many places.
            self.skip = self.skip.saturating_sub(gone);
            return Ok(Some(Vec::new()));
        }
        let whole = self.skip == 0 && length < PAGE;
        self.skip += length as u64;
        let new: Vec<_> =
            page.items.into_iter().filter(|room| self.told.insert(room.room.id)).collect();
        if whole || (self.again && new.is_empty()) {
            self.done = true;
        } else if length < PAGE {
            (self.again, self.skip) = (true, 0);
        }
        Ok(Some(new))
    }
}
