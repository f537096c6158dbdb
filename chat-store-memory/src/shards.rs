//! Maps cut into shards, so that callers with different keys seldom meet at a lock.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use chat_core::model::UserId;

const SHARDS: usize = 64;

/// Takes a lock. A thread that panicked while it held the lock does not take it from the others:
/// every write checks all it has to check before its first change.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A map of keys that are given from outside.
pub(crate) struct Shards<K, V> {
    hasher: RandomState,
    /// Each lock guards the entries whose keys hash to its shard.
    shards: Vec<Mutex<HashMap<K, V>>>,
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards }
    }
}

impl<K: Hash, V> Shards<K, V> {
    /// The part of the map that the key is in, held until the guard is dropped.
    pub(crate) fn hold(&self, key: &K) -> MutexGuard<'_, HashMap<K, V>> {
        // The remainder is smaller than `SHARDS`, so it fits whatever `usize` is.
        #[allow(clippy::cast_possible_truncation)]
        let shard = (self.hasher.hash_one(key) % SHARDS as u64) as usize;
        lock(&self.shards[shard])
    }
}

impl<V: Ord + Copy> Shards<UserId, BTreeSet<V>> {
    /// Takes something out of the list of a user, and a list that is empty out of the map.
    pub(crate) fn take_out(&self, user: &UserId, it: V) {
        // Guards the user's list.
        let mut lists = self.hold(user);
        if let Some(list) = lists.get_mut(user) {
            list.remove(&it);
            if list.is_empty() {
                lists.remove(user);
            }
        }
    }
}

/// A map of numbers that it gives out itself, from 1 without gaps: an array, which needs no
/// hashing and a few bytes an entry.
pub(crate) struct Numbered<V> {
    given: AtomicU64,
    /// Each lock guards the entries of every 64th number.
    shards: Vec<RwLock<Vec<Option<V>>>>,
}

impl<V> Default for Numbered<V> {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { given: AtomicU64::new(0), shards }
    }
}

impl<V: Clone> Numbered<V> {
    /// How many numbers were given out.
    pub(crate) fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }

    /// The next number, larger than all that were given out before.
    pub(crate) fn give(&self) -> u64 {
        // Each number is given once whatever the order; what it stands for is published by the
        // shard's lock.
        self.given.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Sets what a number stands for.
    pub(crate) fn put(&self, number: u64, value: V) {
        let (shard, index) = Self::place(number);
        let mut shard = self.shards[shard].write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() <= index {
            shard.resize(index + 1, None);
        }
        shard[index] = Some(value);
    }

    /// Sets that a number stands for nothing any more.
    pub(crate) fn take_out(&self, number: u64) {
        let (shard, index) = Self::place(number);
        let mut shard = self.shards[shard].write().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = shard.get_mut(index) {
            *value = None;
        }
    }

    /// What a number stands for; any number may be asked for.
    pub(crate) fn find(&self, number: u64) -> Option<V> {
        let (shard, index) = Self::place(number);
        let shard = self.shards[shard].read().unwrap_or_else(PoisonError::into_inner);
        shard.get(index)?.clone()
    }

    fn place(number: u64) -> (usize, usize) {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        (number % SHARDS, number / SHARDS)
    }
}
