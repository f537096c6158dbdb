//! The last things that were seen.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

/// The last things that were seen, so many at most.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    most: usize,
    order: VecDeque<T>,
    all: HashSet<T>,
}

impl<T: Clone + Eq + Hash> Recent<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, order: VecDeque::new(), all: HashSet::new() }
    }

    /// Sees something; whether it was seen before.
    pub(crate) fn see(&mut self, it: T) -> bool {
        if !self.all.insert(it.clone()) {
            return true;
        }
        self.order.push_back(it);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_the_last_ones() {
        let mut recent = Recent::new(2);
        for (number, seen) in
            [(1, false), (2, false), (1, true), (3, false), (1, false), (3, true), (2, false)]
        {
            assert_eq!(recent.see(number), seen, "{number}");
        }
    }
}
