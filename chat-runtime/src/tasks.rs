//! What runs beside the sockets: the sweep, the leases, the end of typing, what is left to delete, the
//! bus.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use chat_core::host::Hint;
use chat_core::{Chat, Error};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::clock::now;
use crate::host::{LIMIT, caught, within};
use crate::hub::Hub;
use crate::meters;

/// How often the versions of rooms with open sockets are compared with the store's. A bus that
/// loses everything delays a message by this much.
const SWEEP: Duration = Duration::from_secs(1);

/// How many hints wait for the host at most, of who types and of who comes and goes. Where more come
/// it is looked instead, for what can be looked for: typing ends by itself.
const WAITING: usize = 1_024;

/// How many times a lease is renewed before it would be over.
const RENEWALS: u32 = 4;

/// How often files are looked for that are still to be deleted, and what is left of deleted rooms.
const LEFT_OVER: Duration = Duration::from_secs(30);

/// How many times as long as a part of what deleted rooms have left took to wait before the next
/// one: so that most of the database's time is left for everybody else.
const BREATH: u32 = 3;

/// Starts all of it. It ends with the set, or with the hub. Where the host's own code panics or does
/// not return, the rest goes on.
pub(crate) fn start(chat: &Chat, hub: &Arc<Hub>) -> JoinSet<()> {
    let missed = Missed::default();
    let mut tasks = JoinSet::new();
    let ((people, asked), (typing, typed)) = (mpsc::channel(WAITING), mpsc::channel(WAITING));
    tasks.spawn(sweep(Arc::downgrade(hub)));
    tasks.spawn(look(chat.clone(), Arc::downgrade(hub), missed.clone()));
    tasks.spawn(renew_sessions(chat.clone()));
    tasks.spawn(expire_sessions(chat.clone(), missed.clone()));
    tasks.spawn(forget_sessions(chat.clone()));
    tasks.spawn(end_typing(chat.clone()));
    tasks.spawn(delete_gone_files(chat.clone()));
    tasks.spawn(sweep_gone_rooms(chat.clone()));
    let (hints, told) = (chat.bus().subscribe(), Arc::downgrade(hub));
    let waiting = Waiting { people, typing };
    tasks.spawn(hear(chat.clone(), hints, told.clone(), waiting, missed.clone()));
    tasks.spawn(follow(chat.clone(), typed, told.clone(), missed.clone()));
    tasks.spawn(follow(chat.clone(), asked, told, missed));
    tasks
}

/// Whether something passed without being followed, so that all has to be looked at.
#[derive(Clone, Default)]
struct Missed(Arc<AtomicBool>);

impl Missed {
    fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Hints that wait for the host: one who types without end hides nobody who comes.
struct Waiting {
    people: mpsc::Sender<Hint>,
    typing: mpsc::Sender<Hint>,
}

async fn sweep(hub: Weak<Hub>) {
    loop {
        sleep(SWEEP).await;
        let Some(hub) = hub.upgrade() else { return };
        if let Err(error) = caught(hub.sweep()).await {
            meters::failed_sweep();
            tracing::warn!(%error, "the rooms could not be swept; trying again");
        }
    }
}

/// Looks into the store for who came and went, where other nodes may have said so and were not
/// heard.
async fn look(chat: Chat, hub: Weak<Hub>, missed: Missed) {
    loop {
        sleep(SWEEP).await;
        let Some(hub) = hub.upgrade() else { return };
        if !missed.take() && chat.bus().is_available() {
            continue;
        }
        if let Err(error) = caught(hub.sweep_presence()).await {
            missed.note();
            tracing::warn!(%error, "it could not be found out who is there; trying again");
        }
    }
}

async fn renew_sessions(chat: Chat) {
    loop {
        sleep(chat.config().session_lease / RENEWALS).await;
        if let Err(error) = caught(chat.renew_sessions()).await {
            tracing::warn!(%error, "the sessions could not be renewed; trying again");
        }
    }
}

async fn expire_sessions(chat: Chat, missed: Missed) {
    loop {
        sleep(chat.config().session_lease / RENEWALS).await;
        match within(LIMIT, chat.expire_sessions()).await {
            Ok(()) if chat.take_missed() => missed.note(),
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(%error, "it could not be told who is gone; trying again");
            }
        }
    }
}

async fn forget_sessions(chat: Chat) {
    loop {
        sleep(chat.config().session_lease / RENEWALS).await;
        let forgotten = async {
            while within(LIMIT, chat.forget_sessions()).await? {}
            Ok::<_, Error>(())
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "closed sessions could not be forgotten; trying again");
        }
    }
}

async fn end_typing(chat: Chat) {
    loop {
        // Typing that begins while this sleeps ends no earlier than a whole limit later.
        let next = chat.poll_typing_timeout().map(Instant::from_std);
        sleep_until(next.unwrap_or_else(|| Instant::now() + chat.config().typing_limit)).await;
        chat.handle_typing_timeout(now());
    }
}

/// Deletes files that could not be deleted with their messages.
async fn delete_gone_files(chat: Chat) {
    loop {
        sleep(LEFT_OVER).await;
        loop {
            match within(LIMIT, chat.delete_gone_files()).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "files could not be deleted; trying again");
                    break;
                }
            }
        }
    }
}

/// Takes what deleted rooms have left out of the store.
async fn sweep_gone_rooms(chat: Chat) {
    loop {
        sleep(LEFT_OVER).await;
        loop {
            let began = Instant::now();
            match within(LIMIT, chat.sweep_gone_rooms()).await {
                Ok(true) => sleep(BREATH * began.elapsed()).await,
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "deleted rooms could not be swept; trying again");
                    break;
                }
            }
        }
    }
}

/// Follows what the other nodes say. What needs the host is left to [`follow`], so that nothing else
/// waits for it.
async fn hear(
    chat: Chat,
    mut hints: BoxStream<'static, Hint>,
    hub: Weak<Hub>,
    waiting: Waiting,
    missed: Missed,
) {
    while let Some(hint) = hints.next().await {
        let Some(hub) = hub.upgrade() else { return };
        match hint {
            Hint::Room(room, version) => hub.reached(room, version),
            Hint::Missed => missed.note(),
            hint @ (Hint::SignedOut(_) | Hint::HealthCheck(_)) => {
                followed(chat.handle_hint(hint, now()).await);
            }
            hint @ Hint::Typing(..) => {
                let _ = waiting.typing.try_send(hint);
            }
            hint => {
                if waiting.people.try_send(hint).is_err() {
                    missed.note();
                }
            }
        }
    }
}

/// Follows hints about people, whom the host knows.
async fn follow(chat: Chat, mut hints: mpsc::Receiver<Hint>, hub: Weak<Hub>, missed: Missed) {
    while let Some(hint) = hints.recv().await {
        let Some(hub) = hub.upgrade() else { return };
        let done = followed(within(LIMIT, chat.handle_hint(hint.clone(), now())).await);
        if let (false, Hint::Presence(user)) = (done, &hint) {
            hub.doubt_presence(user);
            missed.note();
        }
    }
}

fn followed(done: Result<(), Error>) -> bool {
    done.inspect_err(|error| tracing::warn!(%error, "a hint could not be followed")).is_ok()
}
