//! Who is told whose presence.

use std::sync::Arc;

use chat_core::Error;
use chat_core::host::Hint;
use chat_core::model::{Cursor, Event, Presence, Timestamp, UserId};
use chat_core::socket::Delivery;

use super::{Hub, lock, remove};
use crate::clock::now;
use crate::host::{LIMIT, within};
use crate::inbox::Inbox;

/// How many users' presence is asked for at once.
const USERS: usize = 1_000;

/// Who is told a user's presence.
#[derive(Debug)]
pub(super) struct Watchers {
    inboxes: Vec<Arc<Inbox>>,
    /// Since when there are some.
    since: Timestamp,
    /// Whether they were last told that the user is online.
    told: Option<bool>,
    /// Whether that has changed, perhaps, and could not be found out.
    doubted: bool,
}

impl Hub {
    pub(super) fn watch(&self, user: &UserId, inbox: &Arc<Inbox>) {
        let since = self.chat.clock().now();
        let new = || Watchers { inboxes: Vec::new(), since, told: None, doubted: false };
        let mut shard = self.watcher_shard(user);
        shard.entry(user.clone()).or_insert_with(new).inboxes.push(inbox.clone());
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
    /// other nodes may have said so and were not heard. Where the host says of one of them nothing,
    /// it goes on with the others.
    pub(crate) async fn sweep_presence(&self) -> Result<(), Error> {
        let mut swept = Ok(());
        for users in self.watched().chunks(USERS) {
            let presences = self.chat.presence(users).await?;
            for (user, presence) in users.iter().zip(presences) {
                if self.is_news(user, presence) {
                    let hint = Hint::Presence(user.clone());
                    let told = within(LIMIT, self.chat.handle_hint(hint, now())).await;
                    swept = swept.and(told);
                }
            }
        }
        swept
    }

    fn watched(&self) -> Vec<UserId> {
        let shards = self.watchers.iter();
        shards.flat_map(|shard| lock(shard).keys().cloned().collect::<Vec<_>>()).collect()
    }

    /// Whether this is not what was told last. Where nothing was, the first look is what the next is
    /// compared with, unless the user may have gone since somebody wants to know.
    fn is_news(&self, user: &UserId, presence: Presence) -> bool {
        let mut shard = self.watcher_shard(user);
        let Some(watchers) = shard.get_mut(user) else { return false };
        // A user who is there was last heard within the lease.
        let heard = watchers.since.before(self.chat.config().session_lease);
        let has_gone = !presence.online && presence.last_seen >= Some(heard);
        let before = *watchers.told.get_or_insert(presence.online || has_gone);
        watchers.doubted || before != presence.online
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use chat_core::host::{JwtAuthenticator, StaticDirectory};
    use chat_core::model::{NodeId, RoomId, Session, SessionId, Signal, User};
    use chat_core::store::SessionStore;
    use chat_core::{Chat, Config};
    use chat_store_memory::MemoryStore;
    use tokio::runtime::Handle;

    use super::*;
    use crate::inbox::Mail;

    fn session(user: u64, now: Timestamp) -> Session {
        Session {
            id: SessionId::random(),
            user: user.into(),
            room: RoomId::new(1).expect("an id"),
            node: NodeId::random(),
            connected_at: now,
            last_seen: now,
            lease_until: now.after(Duration::from_secs(40)),
            closed_at: None,
            user_agent: None,
            ip_address: None,
        }
    }

    #[tokio::test]
    async fn who_went_unheard_is_told_of_though_nothing_was_told_of_them_before() {
        let users = [1, 2, 3].map(|id: u64| User::new(id.into(), format!("user{id}")));
        let sign_in = JwtAuthenticator::hs256(b"a secret of the tests, 32 bytes.");
        let store = MemoryStore::new();
        let chat = Chat::new(store.clone(), StaticDirectory::from_iter(users), sign_in);
        let hub = Hub::new(chat.clone(), Handle::current());
        chat.add_listener(hub.clone());
        let now = chat.clock().now();
        let (going, long_gone) = (session(2, now), session(3, now.before(Duration::from_hours(1))));
        for session in [&going, &long_gone] {
            store.open_session(session.clone()).await.expect("it is stored");
        }
        let inbox = Arc::new(Inbox::new(&Config::default()));
        for user in [1, 2, 3] {
            hub.watch(&UserId::from(user), &inbox);
        }
        store.close_session(going.id, chat.clock().now()).await.expect("it is stored");
        for news in [true, false] {
            hub.sweep_presence().await.expect("it is swept");
            let mail = inbox.poll_next(&Context::from_waker(Waker::noop()));
            if !news {
                assert!(mail.is_pending(), "it is told once, and nothing of the others: {mail:?}");
                continue;
            }
            let Poll::Ready(Mail::Delivery(delivery)) = mail else { panic!("{mail:?}") };
            let Event::Signal(Signal::Presence { user, presence }) = delivery.event() else {
                panic!("{delivery:?}")
            };
            assert_eq!((user.id.as_str(), presence.online), ("2", false));
            assert!(inbox.poll_next(&Context::from_waker(Waker::noop())).is_pending());
        }
    }
}
