//! Presence and sessions: sockets come and go.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::FutureExt;

use super::shards::Shards;
use super::{Actor, Chat, Error, People, Person};
use crate::host::Hint;
use crate::model::{Event, Presence, RoomId, Session, SessionId, Signal, Timestamp, User, UserId};
use crate::store::Attendance;

/// In how many parts users are counted: more than come and go while one is looked up.
const USER_SHARDS: u64 = 1_024;

/// The longest user agent that is kept, in bytes.
const USER_AGENT_BYTES: usize = 512;

/// An open socket's session. Its holder says when frames come, and closes it in the end.
#[derive(Debug, Clone)]
pub struct OpenSession {
    id: SessionId,
    room: RoomId,
    last_seen: Arc<AtomicI64>,
}

impl OpenSession {
    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Notes that a frame came. Costs one atomic write; the store is told with the next lease.
    pub fn touch(&self, now: Timestamp) {
        self.last_seen.fetch_max(now.as_micros(), Ordering::Relaxed);
    }
}

/// The sessions of this node's sockets.
#[derive(Debug)]
pub(super) struct LiveSessions {
    /// Guards the map; held for a map operation at a time, or to copy it for a new lease.
    sessions: Mutex<HashMap<UserId, Vec<Live>>>,
    /// By user, how often it was told that somebody came or went. Held while that is told.
    told: Shards<u64>,
}

/// A session for as long as somebody holds it. One that is dropped without being closed, in a
/// panic say, is not vouched for any more and ends with its lease.
#[derive(Debug)]
struct Live {
    session: Session,
    last_seen: Weak<AtomicI64>,
    /// Whether the store knows it already.
    is_stored: bool,
}

impl Live {
    fn last_seen(&self) -> Option<Timestamp> {
        let micros = self.last_seen.upgrade()?.load(Ordering::Relaxed);
        Some(Timestamp::from_micros(micros))
    }
}

impl Default for LiveSessions {
    fn default() -> Self {
        Self { sessions: Mutex::default(), told: Shards::new(USER_SHARDS, || 0) }
    }
}

impl LiveSessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Vec<Live>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_seen(&self, user: &UserId) -> Option<Timestamp> {
        self.lock().get(user)?.iter().filter_map(Live::last_seen).max()
    }

    fn mark_stored(&self, user: &UserId, session: SessionId) {
        let mut live = self.lock();
        let mut of_user = live.get_mut(user).into_iter().flatten();
        if let Some(live) = of_user.find(|live| live.session.id == session) {
            live.is_stored = true;
        }
    }

    /// The rooms where sockets of a user are open that the store was told of. It may have forgotten
    /// them, after it was away.
    fn rooms(&self, user: &UserId) -> HashSet<RoomId> {
        let live = self.lock();
        let of_user = live.get(user).into_iter().flatten();
        let open = |live: &&Live| live.is_stored && live.last_seen.strong_count() > 0;
        of_user.filter(open).map(|live| live.session.room).collect()
    }
}

impl Actor {
    /// Notes that the actor opened a socket in a room, and tells where that brought them online.
    ///
    /// # Errors
    /// [`Error::Limited`] where the user has too many sockets, [`Error::Unavailable`].
    pub async fn open_session(
        &self,
        room: RoomId,
        user_agent: Option<&str>,
        ip_address: Option<IpAddr>,
    ) -> Result<OpenSession, Error> {
        let chat = self.chat();
        let user = self.user().await?;
        let now = chat.clock().now();
        let session = Session {
            id: SessionId::random(),
            user: user.id.clone(),
            room,
            node: chat.node(),
            connected_at: now,
            last_seen: now,
            lease_until: now.after(chat.config().session_lease),
            closed_at: None,
            user_agent: user_agent.map(|text| truncated(text, USER_AGENT_BYTES)),
            ip_address,
        };
        let open = OpenSession {
            id: session.id,
            room,
            last_seen: Arc::new(AtomicI64::new(now.as_micros())),
        };
        {
            let mut live = chat.inner.live.lock();
            let of_user = live.entry(user.id.clone()).or_default();
            if of_user.len() >= chat.config().sockets_per_user {
                return Err(Error::Limited { retry_after: chat.config().ping_interval });
            }
            of_user.push(Live {
                session: session.clone(),
                last_seen: Arc::downgrade(&open.last_seen),
                is_stored: false,
            });
        }
        match chat.inner.store.open_session(session).await {
            Ok(came) => {
                chat.inner.live.mark_stored(&user.id, open.id);
                chat.tell_came(&came, &user);
                if came.of_user {
                    self.forget_ancient_sessions().await;
                }
                Ok(open)
            }
            Err(error) => {
                chat.forget_live(&user.id, open.id);
                Err(error.into())
            }
        }
    }

    /// Notes that a socket of the actor's closed, and tells where that took them offline.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; the session then ends with its lease.
    pub async fn close_session(&self, session: &OpenSession) -> Result<(), Error> {
        let chat = self.chat();
        let user = self.user().await?;
        chat.forget_live(&user.id, session.id);
        let (now, before) = (chat.clock().now(), *chat.inner.live.told.of(&user.id));
        let (gone, before) = match chat.inner.store.close_session(session.id, now).await? {
            Some(gone) => (gone, Some(before)),
            // Another node has told that it is over, which was not so here until now.
            None => (self.whole_going(session.room).await?, None),
        };
        if gone.in_room {
            chat.end_typing(gone.room, &gone.user);
        }
        chat.tell_gone(gone, &user, before).await;
        Ok(())
    }

    async fn whole_going(&self, room: RoomId) -> Result<Attendance, Error> {
        let user = self.id()?.clone();
        let presence = self.chat().presence(std::slice::from_ref(&user)).await?.remove(0);
        Ok(Attendance { user, room, of_user: true, in_room: true, presence })
    }
}

impl Chat {
    /// The presence of these users, in their order.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn presence(&self, users: &[UserId]) -> Result<Vec<Presence>, Error> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let mut presences = self.inner.store.presence(users, self.clock().now()).await?;
        for (user, presence) in users.iter().zip(&mut presences) {
            presence.last_seen = presence.last_seen.max(self.inner.live.last_seen(user));
            presence.online |= !self.inner.live.rooms(user).is_empty();
        }
        Ok(presences)
    }

    /// Vouches for this node's sockets for another
    /// [`Config::session_lease`](crate::Config::session_lease), and notices sessions whose node
    /// did not. To be called a few times in each lease.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn renew_sessions(&self) -> Result<(), Error> {
        self.forget_idle_users();
        let now = self.clock().now();
        let lease_until = now.after(self.config().session_lease);
        let alive: Vec<_> = {
            let live = self.inner.live.lock();
            let all = live.values().flatten();
            all.filter_map(|live| Some((live.session.id, live.last_seen()?))).collect()
        };
        let store = &self.inner.store;
        let lost = store.renew_sessions(self.node(), &alive, now, lease_until).await?;
        for session in self.live_sessions(&lost) {
            // It has come again now, not when the socket opened: what was then is over.
            let reopened = Session { lease_until, last_seen: now, ..session };
            let came = store.open_session(reopened).await?;
            let people = self.identify(std::slice::from_ref(&came)).await;
            self.tell_came(&came, &people.user(&came.user));
        }
        let gone = store.expire_sessions(now).await?;
        for gone in gone.iter().filter(|gone| gone.in_room) {
            self.end_typing(gone.room, &gone.user);
        }
        let people = self.identify(&gone).await;
        for gone in gone {
            let user = people.user(&gone.user);
            self.tell_gone(gone, &user, None).await;
        }
        Ok(())
    }

    fn live_sessions(&self, ids: &[SessionId]) -> Vec<Session> {
        let live = self.inner.live.lock();
        let all = live.values().flatten().map(|live| &live.session);
        all.filter(|session| ids.contains(&session.id)).cloned().collect()
    }

    fn forget_live(&self, user: &UserId, session: SessionId) {
        let mut live = self.inner.live.lock();
        if let Some(of_user) = live.get_mut(user) {
            of_user.retain(|live| live.session.id != session && live.last_seen.strong_count() > 0);
            if of_user.is_empty() {
                live.remove(user);
            }
        }
    }

    /// The store says this once, so it is told also where nobody says who these users are.
    async fn identify(&self, changes: &[Attendance]) -> People {
        let changes = changes.iter().filter(|change| change.of_user || change.in_room);
        let people = AssertUnwindSafe(self.users(changes.map(|change| &change.user)));
        let panicked = |_| Err(Error::Internal("the host's directory panicked".into()));
        people.catch_unwind().await.unwrap_or_else(panicked).unwrap_or_else(|error| {
            tracing::warn!(%error, "users come or go who cannot be looked up");
            People::default()
        })
    }

    /// Tells, also the other nodes, that a user came.
    fn tell_came(&self, came: &Attendance, user: &Arc<User>) {
        let mut told = self.inner.live.told.of(&user.id);
        self.tell_attendance(&mut told, came, user, true);
        self.publish_attendance(came, true);
    }

    /// Tells, also the other nodes, that a user went, which the store said after `before` was told
    /// of them.
    async fn tell_gone(&self, gone: Attendance, user: &Arc<User>, before: Option<u64>) {
        self.publish_attendance(&self.tell_if_gone(gone, user, before).await, false);
    }

    /// Tells this node's listeners that a user went, and what of it. Where anything was told of them
    /// since, they may have come again, and it is looked.
    async fn tell_if_gone(
        &self,
        mut gone: Attendance,
        user: &Arc<User>,
        mut before: Option<u64>,
    ) -> Attendance {
        while gone.of_user || gone.in_room {
            {
                let mut told = self.inner.live.told.of(&user.id);
                if before == Some(*told) {
                    self.tell_attendance(&mut told, &gone, user, false);
                    break;
                }
                before = Some(*told);
            }
            let mut rooms = self.inner.live.rooms(&user.id);
            match self.open_sessions(&user.id).await {
                Ok(open) => rooms.extend(open.iter().map(|session| session.room)),
                Err(error) => tracing::warn!(%error, "a user is told to be gone unseen"),
            }
            gone.of_user &= rooms.is_empty();
            gone.in_room &= !rooms.contains(&gone.room);
        }
        gone
    }

    fn tell_attendance(
        &self,
        told: &mut u64,
        change: &Attendance,
        user: &Arc<User>,
        present: bool,
    ) {
        let Attendance { room, presence, .. } = *change;
        if change.in_room {
            *told += 1;
            self.tell(&Event::Signal(Signal::Attendance { room, user: user.clone(), present }));
        }
        if change.of_user {
            *told += 1;
            self.tell(&Event::Signal(Signal::Presence { user: user.clone(), presence }));
        }
    }

    fn publish_attendance(&self, change: &Attendance, present: bool) {
        if change.in_room {
            self.bus().publish(Hint::Attendance(change.room, change.user.clone(), present));
        }
        if change.of_user {
            self.bus().publish(Hint::Presence(change.user.clone()));
        }
    }

    /// Follows another node's word that a user came into a room, or went.
    pub(super) async fn hear_attendance(&self, room: RoomId, user: Arc<User>, present: bool) {
        let presence = Presence::default();
        let change =
            Attendance { user: user.id.clone(), room, of_user: false, in_room: true, presence };
        if present {
            let mut told = self.inner.live.told.of(&user.id);
            self.tell_attendance(&mut told, &change, &user, true);
        } else {
            self.tell_if_gone(change, &user, None).await;
        }
    }

    /// Looks whether a user is online, and tells this node's listeners.
    pub(super) async fn look_for(&self, user: &UserId) -> Result<(), Error> {
        loop {
            let before = *self.inner.live.told.of(user);
            let person = self.people([user]).await?.person(user);
            let mut told = self.inner.live.told.of(user);
            // What was told since may be newer than what was seen.
            if *told == before {
                *told += 1;
                let Person { user, presence, .. } = person;
                self.tell(&Event::Signal(Signal::Presence { user, presence }));
                return Ok(());
            }
        }
    }
}

fn truncated(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}
