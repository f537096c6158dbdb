//! Presence and sessions: sockets come and go.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::stream::{self, StreamExt, TryStreamExt};

use super::comings::Doubt;
use super::shards::Shards;
use super::{Actor, Chat, Error};
use crate::model::{Presence, RoomId, Session, SessionId, Timestamp, User, UserId};
use crate::store::Attendance;

/// In how many parts users are counted: more than come and go while one is looked up.
const USER_SHARDS: u64 = 1_024;

/// How many sessions are opened again at once: others need the store, too.
const AT_ONCE: usize = 4;

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
    pub(super) told: Shards<u64>,
    /// Who may have gone while the store did not answer. Guards the list alone.
    pub(super) doubts: Mutex<Vec<Doubt>>,
    /// Whether the store may have noted comings or goings without its answer having come.
    pub(super) missed: AtomicBool,
}

/// A session for as long as somebody holds it. One that is dropped without being closed, in a
/// panic say, is not vouched for any more and ends with its lease.
#[derive(Debug)]
struct Live {
    session: Session,
    user: Arc<User>,
    last_seen: Weak<AtomicI64>,
    /// Whether the store knows it already.
    is_stored: bool,
}

impl Live {
    fn is_held(&self) -> bool {
        self.last_seen.strong_count() > 0
    }

    fn last_seen(&self) -> Option<Timestamp> {
        let micros = self.last_seen.upgrade()?.load(Ordering::Relaxed);
        Some(Timestamp::from_micros(micros))
    }
}

impl Default for LiveSessions {
    fn default() -> Self {
        Self {
            sessions: Mutex::default(),
            told: Shards::new(USER_SHARDS, || 0),
            doubts: Mutex::default(),
            missed: AtomicBool::default(),
        }
    }
}

impl LiveSessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Vec<Live>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_seen(&self, user: &UserId) -> Option<Timestamp> {
        self.lock().get(user)?.iter().filter_map(Live::last_seen).max()
    }

    fn has(&self, session: &Session) -> bool {
        let live = self.lock();
        let mut of_user = live.get(&session.user).into_iter().flatten();
        of_user.any(|live| live.session.id == session.id)
    }

    fn mark_stored(&self, user: &UserId, session: SessionId) {
        let mut live = self.lock();
        let mut of_user = live.get_mut(user).into_iter().flatten();
        if let Some(live) = of_user.find(|live| live.session.id == session) {
            live.is_stored = true;
        }
    }

    /// How many sockets of a user are open, or about to.
    fn count(&self, user: &UserId) -> usize {
        self.lock()
            .get(user)
            .map_or(0, |of_user| of_user.iter().filter(|live| live.is_held()).count())
    }

    /// Forgets those that were dropped without being closed.
    fn forget_dropped(&self) {
        self.lock().retain(|_, of_user| {
            of_user.retain(Live::is_held);
            !of_user.is_empty()
        });
    }

    /// The rooms where sockets of a user are open that the store was told of. It may have forgotten
    /// them, after it was away.
    pub(super) fn rooms(&self, user: &UserId) -> HashSet<RoomId> {
        let live = self.lock();
        let of_user = live.get(user).into_iter().flatten();
        let open = |live: &&Live| live.is_stored && live.is_held();
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
            of_user.retain(Live::is_held);
            if of_user.len() >= chat.config().sockets_per_user {
                return Err(chat.too_many_sockets());
            }
            of_user.push(Live {
                session: session.clone(),
                user: user.clone(),
                last_seen: Arc::downgrade(&open.last_seen),
                is_stored: false,
            });
        }
        match chat.inner.store.open_session(session).await {
            Ok(came) => {
                chat.inner.live.mark_stored(&user.id, open.id);
                chat.tell_came(&came, &user);
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
        let (now, before) = (chat.clock().now(), chat.told_of(&user.id));
        let presence = Presence { online: false, last_seen: Some(now) };
        let (id, room) = (user.id.clone(), session.room);
        let whole = Attendance { user: id, room, of_user: true, in_room: true, presence };
        match chat.inner.store.close_session(session.id, now).await {
            Ok(Some(gone)) => {
                if gone.in_room {
                    chat.end_typing(room, &user.id);
                }
                chat.tell_gone(gone, &user, Some(before), true).await;
            }
            Ok(None) => {
                // Another node has told the others that it is over, which was not so here until now.
                chat.end_typing(room, &user.id);
                chat.tell_gone(whole, &user, None, false).await;
            }
            Err(error) => {
                chat.doubt(whole, user);
                return Err(error.into());
            }
        }
        Ok(())
    }
}

impl Chat {
    /// Whether a user may open another socket on this node now, for before anything is done for it.
    /// [`Actor::open_session`] decides.
    ///
    /// # Errors
    /// [`Error::Limited`].
    pub(crate) fn may_open(&self, user: &UserId) -> Result<(), Error> {
        if self.inner.live.count(user) >= self.config().sockets_per_user {
            return Err(self.too_many_sockets());
        }
        Ok(())
    }

    fn too_many_sockets(&self) -> Error {
        Error::Limited { retry_after: self.config().ping_interval }
    }

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
    /// [`Config::session_lease`](crate::Config::session_lease). To be called a few times in each
    /// lease. Asks nobody but the store.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn renew_sessions(&self) -> Result<(), Error> {
        self.forget_idle_users();
        self.inner.live.forget_dropped();
        let now = self.clock().now();
        let lease_until = now.after(self.config().session_lease);
        let alive: Vec<_> = {
            let live = self.inner.live.lock();
            let all = live.values().flatten();
            all.filter_map(|live| Some((live.session.id, live.last_seen()?))).collect()
        };
        let store = &self.inner.store;
        let lost = store.renew_sessions(self.node(), &alive, now, lease_until).await?;
        let reopened = self.live_sessions(&lost).into_iter().map(|session| self.reopen(session));
        stream::iter(reopened).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Opens a session again that the store has given up. Its user has come again now, not when the
    /// socket opened: what was then is over.
    async fn reopen(&self, (session, user): (Session, Arc<User>)) -> Result<(), Error> {
        if !self.inner.live.has(&session) {
            return Ok(());
        }
        let now = self.clock().now();
        let lease_until = now.after(self.config().session_lease);
        let session = Session { lease_until, last_seen: now, ..session };
        let came = self.or_missed(self.inner.store.open_session(session)).await?;
        self.tell_came(&came, &user);
        Ok(())
    }

    fn live_sessions(&self, ids: &[SessionId]) -> Vec<(Session, Arc<User>)> {
        let ids: HashSet<_> = ids.iter().collect();
        let live = self.inner.live.lock();
        let all = live.values().flatten().filter(|live| ids.contains(&live.session.id));
        all.map(|live| (live.session.clone(), live.user.clone())).collect()
    }

    fn forget_live(&self, user: &UserId, session: SessionId) {
        let mut live = self.inner.live.lock();
        if let Some(of_user) = live.get_mut(user) {
            of_user.retain(|live| live.session.id != session && live.is_held());
            if of_user.is_empty() {
                live.remove(user);
            }
        }
    }
}

fn truncated(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}
