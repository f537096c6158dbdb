//! State in parts, so that who waits for one key does not wait for all.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// State in parts, each under a lock of its own.
#[derive(Debug)]
pub(super) struct Shards<T> {
    shards: Vec<Mutex<T>>,
    hashes: RandomState,
}

impl<T> Shards<T> {
    pub(super) fn new(count: u64, make: impl Fn() -> T) -> Self {
        let shards = (0..count).map(|_| Mutex::new(make())).collect();
        Self { shards, hashes: RandomState::new() }
    }

    /// The part where a key is.
    pub(super) fn of(&self, key: impl Hash) -> MutexGuard<'_, T> {
        lock(&self.shards[self.index(key)])
    }

    /// The place of that part among all.
    pub(super) fn index(&self, key: impl Hash) -> usize {
        let index = self.hashes.hash_one(key) % self.shards.len() as u64;
        usize::try_from(index).unwrap_or(0)
    }

    /// One part after the other.
    pub(super) fn all(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.shards.iter().map(lock)
    }
}

fn lock<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
