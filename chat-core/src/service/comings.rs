//! Comings and goings: told as they happened, also where answers of the store overtake each other and
//! other nodes tell of the same users.

use std::collections::VecDeque;
use std::mem;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use futures::FutureExt;

use super::{Chat, Error, People, Person};
use crate::host::Hint;
use crate::model::{Event, Presence, RoomId, Signal, User, UserId};
use crate::store::{Attendance, StoreError, StoreResult};

/// The most doubts that are settled at once.
const DOUBTS: usize = 1_000;

/// A user who may have gone while the store did not answer.
#[derive(Debug)]
pub(super) struct Doubt {
    gone: Attendance,
    /// Where they have been looked up.
    user: Option<Arc<User>>,
}

/// A question to the store. Where this is dropped, its answer did not come.
struct Missing<'a>(&'a AtomicBool);

impl Drop for Missing<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Doubts that are being settled. Those that are not when this is dropped are doubts again.
struct Unsettled<'a> {
    chat: &'a Chat,
    doubts: VecDeque<Doubt>,
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        self.chat.doubts().extend(self.doubts.drain(..));
    }
}

impl Chat {
    /// How often it was told that a user, or others of their shard, came or went. Where that has
    /// grown since the store was asked, its answer may be older than what was told.
    pub(super) fn told_of(&self, user: &UserId) -> u64 {
        *self.inner.live.told.of(user)
    }

    /// Tells, also the other nodes, that a user came.
    pub(super) fn tell_came(&self, came: &Attendance, user: &Arc<User>) {
        let mut told = self.inner.live.told.of(&user.id);
        self.tell_attendance(&mut told, came, user, true);
        self.publish_attendance(came, true);
    }

    /// Tells that a user went, which the store said after `before` was told of them. Where more was
    /// told since, or nothing is known of that, it is looked.
    pub(super) async fn tell_gone(
        &self,
        mut gone: Attendance,
        user: &Arc<User>,
        mut before: Option<u64>,
        tells_others: bool,
    ) {
        while gone.of_user || gone.in_room {
            if before.is_some_and(|before| self.try_tell_gone(&mut gone, user, before).is_some()) {
                if tells_others {
                    self.publish_attendance(&gone, false);
                }
                return;
            }
            before = Some(self.told_of(&user.id));
            let Ok(open) = self.open_sessions(&user.id).await else {
                return self.doubt(gone, user.clone());
            };
            gone.of_user &= open.is_empty();
            gone.in_room &= open.iter().all(|session| session.room != gone.room);
        }
    }

    /// Tells it where nothing else was told since; how often it was told now.
    fn try_tell_gone(&self, gone: &mut Attendance, user: &Arc<User>, before: u64) -> Option<u64> {
        let mut told = self.inner.live.told.of(&user.id);
        if *told != before {
            return None;
        }
        let here = self.inner.live.rooms(&user.id);
        gone.of_user &= here.is_empty();
        gone.in_room &= !here.contains(&gone.room);
        self.tell_attendance(&mut told, gone, user, false);
        Some(*told)
    }

    /// Notices sessions whose node does not vouch for them any more and tells of their users, and of
    /// those who may have gone while the store did not answer. To be called a few times in each
    /// [`Config::session_lease`](crate::Config::session_lease).
    ///
    /// Where the future is dropped, who was not told of is when it is called again.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn expire_sessions(&self) -> Result<(), Error> {
        let before: Vec<u64> = self.inner.live.told.all().map(|told| *told).collect();
        let expiring = self.inner.store.expire_sessions(self.clock().now());
        let expired = self.or_missed(expiring).await?;
        for gone in expired.iter().filter(|gone| gone.in_room) {
            self.end_typing(gone.room, &gone.user);
        }
        let expired = expired.into_iter().map(|gone| Doubt { gone, user: None });
        self.settle(Unsettled { chat: self, doubts: expired.collect() }, Some(before)).await;
        self.settle(self.take_doubts(), None).await;
        Ok(())
    }

    /// Tells of sessions that were ended, wherever their sockets are. A node that still has one, as
    /// this may be, tells its own listeners once it has closed.
    pub(super) async fn tell_ended(&self, ended: Vec<Attendance>) {
        for gone in &ended {
            self.publish_attendance(gone, false);
        }
        let people = self.identify(ended.iter()).await;
        for gone in ended {
            if gone.in_room {
                self.end_typing(gone.room, &gone.user);
            }
            let user = people.user(&gone.user);
            self.tell_gone(gone, &user, None, false).await;
        }
    }

    /// Whether the store may have noted comings or goings without its answer having come, since this
    /// was last asked; the other nodes are then told to look ([`Hint::Missed`]), and so should this
    /// one. To be asked where the store answers again.
    pub fn take_missed(&self) -> bool {
        let missed = self.inner.live.missed.swap(false, Ordering::Relaxed);
        if missed {
            self.bus().publish(Hint::Missed);
        }
        missed
    }

    /// What the store answers; notes where it does not.
    pub(super) async fn or_missed<T>(
        &self,
        answer: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        let missed = Missing(&self.inner.live.missed);
        let answer = answer.await;
        if !matches!(answer, Err(StoreError::Unavailable(_))) {
            mem::forget(missed);
        }
        answer
    }

    /// Tells of those who have gone. `before` is how often it was told of each shard's users before
    /// the store said so; where that is not known, it is looked.
    async fn settle(&self, mut unsettled: Unsettled<'_>, mut before: Option<Vec<u64>>) {
        let unknown = unsettled.doubts.iter().filter(|doubt| doubt.user.is_none());
        let people = self.identify(unknown.map(|doubt| &doubt.gone)).await;
        while let Some(Doubt { gone, user }) = unsettled.doubts.front() {
            let user = user.clone().unwrap_or_else(|| people.user(&gone.user));
            let (mut gone, index) = (gone.clone(), self.inner.live.told.index(&user.id));
            let before = before.as_mut().map(|before| &mut before[index]);
            let told =
                before.as_ref().and_then(|before| self.try_tell_gone(&mut gone, &user, **before));
            if let (Some(before), Some(told)) = (before, told) {
                // What is told here of others does not make it older.
                *before = told;
                self.publish_attendance(&gone, false);
            } else {
                self.tell_gone(gone, &user, None, true).await;
            }
            unsettled.doubts.pop_front();
        }
    }

    /// The store says this once, so it is told also where nobody says who these users are.
    async fn identify(&self, changes: impl Iterator<Item = &Attendance>) -> People {
        let changes = changes.filter(|change| change.of_user || change.in_room);
        let people = AssertUnwindSafe(self.users(changes.map(|change| &change.user)));
        let panicked = |_| Err(Error::Internal("the host's directory panicked".into()));
        people.catch_unwind().await.unwrap_or_else(panicked).unwrap_or_else(|error| {
            tracing::warn!(%error, "users come or go who cannot be looked up");
            People::default()
        })
    }

    /// Notes that a user may have gone, to be looked at once the store answers.
    pub(super) fn doubt(&self, gone: Attendance, user: Arc<User>) {
        self.doubts().push(Doubt { gone, user: Some(user) });
    }

    fn take_doubts(&self) -> Unsettled<'_> {
        let mut doubts = self.doubts();
        let some = doubts.len().min(DOUBTS);
        Unsettled { chat: self, doubts: doubts.drain(..some).collect() }
    }

    fn doubts(&self) -> MutexGuard<'_, Vec<Doubt>> {
        self.inner.live.doubts.lock().unwrap_or_else(PoisonError::into_inner)
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
            self.tell_gone(change, &user, None, false).await;
        }
    }

    /// Looks whether a user is online, and tells this node's listeners.
    pub(super) async fn look_for(&self, user: &UserId) -> Result<(), Error> {
        loop {
            let before = self.told_of(user);
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
