//! The handle that everything goes through.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::limiter::Limiter;
use super::presence::LiveSessions;
use super::shards::Shards;
use super::uploads::Uploads;
use super::{Actor, Error};
use crate::config::Config;
use crate::host::{
    Authenticator, Bus, Clock, Credentials, Directory, FileStore, Hint, Hooks, Identity, NoBus,
    NoHooks, SystemClock,
};
use crate::model::{
    Change, Cursor, Event, Kinds, NodeId, RoomEvent, RoomId, Signal, User, UserId, Version,
};
use crate::rules::Typing;
use crate::store::Store;

/// In how many parts rooms are locked for typing.
const TYPING_SHARDS: u64 = 64;

/// Is told what happens on this node, after it was stored. The runtime's hub is one.
pub trait Listener: Send + Sync + 'static {
    /// Something happened. Must not block.
    fn on_event(&self, event: &Event);
}

/// Chat over a store, a directory of users and an authenticator. Cloning is cheap; all clones are
/// the same chat.
///
/// A host acts through [`Chat::acting_as`], with the same checks and guarantees as over the wire.
#[derive(Clone)]
pub struct Chat {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Arc<dyn Store>,
    pub(super) directory: Arc<dyn Directory>,
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) hooks: Arc<dyn Hooks>,
    /// Whether the host has hooks of its own, so that what they need is looked up.
    pub(super) has_hooks: bool,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) files: Option<Arc<dyn FileStore>>,
    pub(super) signing_key: Vec<u8>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: Config,
    pub(super) node: NodeId,
    pub(super) live: LiveSessions,
    pub(super) limiter: OnceLock<Limiter>,
    pub(super) uploads: Uploads,
    /// By room, who types there. Held until a change was told, so that all are told in their order.
    pub(super) typing: Shards<Typing>,
    /// Guards the list of listeners, which hardly ever changes.
    listeners: RwLock<Vec<Arc<dyn Listener>>>,
}

impl Chat {
    /// Chat with the defaults: the documents' figures, the system's clock, one node, no hooks.
    pub fn new(
        store: impl Store,
        directory: impl Directory,
        authenticator: impl Authenticator,
    ) -> Self {
        Self::builder(store, directory, authenticator).build()
    }

    /// The same, to be changed before it is built.
    pub fn builder(
        store: impl Store,
        directory: impl Directory,
        authenticator: impl Authenticator,
    ) -> ChatBuilder {
        Self::shared(Arc::new(store), Arc::new(directory), Arc::new(authenticator))
    }

    /// A builder over what was chosen at run time, or is shared with others.
    pub fn shared(
        store: Arc<dyn Store>,
        directory: Arc<dyn Directory>,
        authenticator: Arc<dyn Authenticator>,
    ) -> ChatBuilder {
        ChatBuilder {
            store,
            directory,
            authenticator,
            hooks: Arc::new(NoHooks),
            has_hooks: false,
            bus: Arc::new(NoBus),
            files: None,
            signing_key: random_key(),
            clock: Arc::new(SystemClock),
            config: Config::default(),
        }
    }

    /// Acts in the name of a user, in rooms of every kind. Who is named has been recognised by the
    /// host: the directory is asked about them where they are shown to others, as when they send or
    /// make a room, and answers [`Error::Unauthenticated`] where it does not know them. A text that
    /// is no id ([`UserId::new`]) is that in every use case.
    pub fn acting_as(&self, user: impl TryInto<UserId>) -> Actor {
        Actor::new(self.clone(), user.try_into().ok(), Kinds::ALL)
    }

    /// Recognises who sent credentials, and looks them up.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] where nobody is recognised or the directory does not know them,
    /// [`Error::Unavailable`].
    pub async fn authenticate(
        &self,
        credentials: Credentials<'_>,
    ) -> Result<(Arc<User>, Identity), Error> {
        let identity = self.inner.authenticator.authenticate(credentials).await?;
        let user = self.user(&identity.user).await?.ok_or(Error::Unauthenticated)?;
        Ok((user, identity))
    }

    /// A user, if the directory knows them.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn user(&self, id: &UserId) -> Result<Option<Arc<User>>, Error> {
        let mut users = self.inner.directory.users(std::slice::from_ref(id)).await?;
        Ok(users.remove(id))
    }

    /// The figures in force.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The wall clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.clock
    }

    /// The bus to the other nodes.
    pub fn bus(&self) -> &dyn Bus {
        &*self.inner.bus
    }

    /// This node's id, new at every start.
    pub fn node(&self) -> NodeId {
        self.inner.node
    }

    /// Tells a listener everything from now on.
    pub fn add_listener(&self, listener: Arc<dyn Listener>) {
        self.inner.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Stops telling a listener.
    pub fn remove_listener(&self, listener: &Arc<dyn Listener>) {
        let mut listeners = self.inner.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|other| !Arc::ptr_eq(other, listener));
    }

    /// Tells this node's listeners how a room came to a version, then the other nodes.
    pub(super) fn announce(&self, room: RoomId, version: Version, changes: Vec<Change>) {
        self.tell(&Event::Room(RoomEvent { room, reached: Cursor::version(version), changes }));
        self.inner.bus.publish(Hint::Room(room, version));
    }

    /// Tells this node's listeners, then gives the other nodes the hint.
    pub(super) fn signal(&self, signal: Signal, hint: Hint) {
        self.tell(&Event::Signal(signal));
        self.inner.bus.publish(hint);
    }

    /// Tells this node's listeners.
    pub(super) fn tell(&self, event: &Event) {
        // What was stored is told to everybody else also where the host's own code fails.
        let told = catch_unwind(AssertUnwindSafe(|| self.inner.hooks.on_event(event)));
        if told.is_err() {
            tracing::error!("the host's on_event panicked");
        }
        for listener in &*self.inner.listeners.read().unwrap_or_else(PoisonError::into_inner) {
            listener.on_event(event);
        }
    }
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").field("node", &self.inner.node).finish_non_exhaustive()
    }
}

/// A [`Chat`] to be.
#[must_use]
pub struct ChatBuilder {
    store: Arc<dyn Store>,
    directory: Arc<dyn Directory>,
    authenticator: Arc<dyn Authenticator>,
    hooks: Arc<dyn Hooks>,
    has_hooks: bool,
    bus: Arc<dyn Bus>,
    files: Option<Arc<dyn FileStore>>,
    signing_key: Vec<u8>,
    clock: Arc<dyn Clock>,
    config: Config,
}

impl ChatBuilder {
    /// Sets the figures. Durations that go too far are brought within the limits that [`Config`]
    /// names.
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config.within_limits();
        self
    }

    /// Sets the host's say in what happens.
    pub fn with_hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Arc::new(hooks);
        self.has_hooks = true;
        self
    }

    /// Sets the bus to the other nodes on the same store.
    pub fn with_bus(mut self, bus: impl Bus) -> Self {
        self.bus = Arc::new(bus);
        self
    }

    /// Sets where attachments are kept. Without it none are taken.
    pub fn with_files(mut self, files: impl FileStore) -> Self {
        self.files = Some(Arc::new(files));
        self
    }

    /// Sets the key that links to files are signed with: at least 32 random bytes, kept safe, the
    /// same on every node. Without it, or with an empty one, a random one is made, and links are
    /// good on this node until it ends.
    pub fn with_signing_key(mut self, key: impl Into<Vec<u8>>) -> Self {
        let key = key.into();
        if !key.is_empty() {
            self.signing_key = key;
        }
        self
    }

    /// Sets the wall clock.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes the chat.
    pub fn build(self) -> Chat {
        let typing = Shards::new(TYPING_SHARDS, || Typing::new(self.config.typing_limit));
        let inner = Inner {
            store: self.store,
            directory: self.directory,
            authenticator: self.authenticator,
            hooks: self.hooks,
            has_hooks: self.has_hooks,
            bus: self.bus,
            files: self.files,
            signing_key: self.signing_key,
            clock: self.clock,
            config: self.config,
            node: NodeId::random(),
            live: LiveSessions::default(),
            limiter: OnceLock::new(),
            uploads: Uploads::default(),
            typing,
            listeners: RwLock::default(),
        };
        Chat { inner: Arc::new(inner) }
    }
}

impl fmt::Debug for ChatBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

/// 32 bytes, 244 bits of which are random.
fn random_key() -> Vec<u8> {
    [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()]
        .iter()
        .flat_map(uuid::Uuid::as_bytes)
        .copied()
        .collect()
}
