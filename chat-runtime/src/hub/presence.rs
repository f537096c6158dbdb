//! Who is told whose presence.

use std::sync::Arc;
use std::time::Instant;

use chat_core::Error;
use chat_core::host::Hint;
use chat_core::model::{Cursor, Event, Presence, UserId};
use chat_core::socket::Delivery;

use super::{Hub, lock, remove};
use crate::host::{LIMIT, within};
use crate::inbox::Inbox;

/// How many users' presence is asked for at once.
const USERS: usize = 1_000;

/// Who is told a user's presence.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    inboxes: Vec<Arc<Inbox>>,
    /// Whether they were last told that the user is online.
    told: Option<bool>,
    /// Whether that has changed, perhaps, and could not be found out.
    doubted: bool,
}

impl Hub {
    pub(super) fn watch(&self, user: &UserId, inbox: &Arc<Inbox>) {
        self.watcher_shard(user).entry(user.clone()).or_default().inboxes.push(inbox.clone());
    }

    pub(super) fn unwatch(&self, user: &UserId, inbox: &Arc<Inbox>) {
        let mut shard = self.watcher_shard(user);
        if let Some(watchers) = shard.get_mut(user) {
            remove(&mut watchers.inboxes, inbox);
            if watchers.inboxes.is_empty() {
                shard.remove(user);
            }
        }
    }

    pub(super) fn tell_watchers(&self, user: &UserId, presence: Presence, event: &Event) {
        if let Some(watchers) = self.watcher_shard(user).get_mut(user) {
            (watchers.told, watchers.doubted) = (Some(presence.online), false);
            let delivery = Arc::new(Delivery::new(event.clone()));
            let weight = delivery.weight();
            for inbox in &watchers.inboxes {
                inbox.push(&delivery, weight, Cursor::default());
            }
        }
    }

    /// Notes that a user may have come or gone: the next look tells which, whatever was told.
    pub(crate) fn doubt_presence(&self, user: &UserId) {
        if let Some(watchers) = self.watcher_shard(user).get_mut(user) {
            watchers.doubted = true;
        }
    }

    /// Looks whether users are online whose sockets here were told otherwise, and tells. For when
    /// other nodes may have said so and were not heard.
    pub(crate) async fn sweep_presence(&self) -> Result<(), Error> {
        for users in self.watched().chunks(USERS) {
            let presences = self.chat.presence(users).await?;
            for (user, presence) in users.iter().zip(presences) {
                if self.is_news(user, presence.online) {
                    let hint = Hint::Presence(user.clone());
                    within(LIMIT, self.chat.handle_hint(hint, Instant::now())).await?;
                }
            }
        }
        Ok(())
    }

    fn watched(&self) -> Vec<UserId> {
        let shards = self.watchers.iter();
        shards.flat_map(|shard| lock(shard).keys().cloned().collect::<Vec<_>>()).collect()
    }

    /// Whether this is not what was told last; the first look is what the next is compared with.
    fn is_news(&self, user: &UserId, online: bool) -> bool {
        let mut shard = self.watcher_shard(user);
        let Some(watchers) = shard.get_mut(user) else { return false };
        watchers.doubted || *watchers.told.get_or_insert(online) != online
    }
}
