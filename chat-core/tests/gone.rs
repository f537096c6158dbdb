//! Users whose server has died.

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chat_core::Chat;
use chat_core::host::{Directory, DirectoryError, JwtAuthenticator};
use chat_core::model::{Event, Signal, User, UserId};
use chat_core::service::Listener;
use common::{Flaky, SECRET, Time, now};

/// Knows everybody, where it answers.
#[derive(Clone, Default)]
struct Moody(Arc<AtomicBool>);

#[async_trait]
impl Directory for Moody {
    async fn users(&self, ids: &[UserId]) -> Result<HashMap<UserId, Arc<User>>, DirectoryError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(DirectoryError("it is away".into()));
        }
        let user = |id: &UserId| (id.clone(), Arc::new(User::new(id.clone(), format!("user{id}"))));
        Ok(ids.iter().map(user).collect())
    }
}

/// Who was told to have gone.
#[derive(Default)]
struct Gone(Mutex<Vec<UserId>>);

impl Listener for Gone {
    fn on_event(&self, event: &Event) {
        if let Event::Signal(Signal::Presence { user, presence }) = event
            && !presence.online
        {
            self.0.lock().unwrap().push(user.id.clone());
        }
    }
}

#[test]
fn all_are_told_to_be_gone_also_where_nobody_says_who_they_are() {
    let (store, directory, time) = (Flaky::default(), Moody::default(), Time::new());
    let node = || {
        let sign_in = JwtAuthenticator::hs256(SECRET).with_clock(time.clone());
        Chat::builder(store.clone(), directory.clone(), sign_in).with_clock(time.clone()).build()
    };
    let (dead, alive) = (node(), node());
    let room = now(dead.acting_as(1).direct_room(2)).unwrap().id;
    let sessions =
        [1, 2].map(|user: u64| now(dead.acting_as(user).open_session(room, None, None)).unwrap());
    let gone = Arc::new(Gone::default());
    alive.add_listener(gone.clone());
    time.advance(dead.config().session_lease + Duration::from_secs(1));
    directory.0.store(true, Ordering::Relaxed);
    now(alive.expire_sessions()).unwrap();
    let mut told = gone.0.lock().unwrap().clone();
    told.sort();
    assert_eq!(told, [UserId::from(1), UserId::from(2)]);
    drop(sessions);
}
