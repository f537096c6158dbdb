//! A set of message positions, held as ranges.

use std::fmt;
use std::ops::RangeInclusive;

use super::Seq;

/// A set of [`Seq`], held as sorted, disjoint, non-adjacent ranges.
///
/// What one member has read of a room is normally one range, however long the room; any single
/// message can still be in it without those before. All operations cost the number of ranges,
/// never the number of messages.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct SeqSet {
    ranges: Vec<(Seq, Seq)>,
}

impl SeqSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// The set of 1 to `last`; empty where `last` is 0.
    pub fn up_to(last: Seq) -> Self {
        Self::from(1..=last)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many positions are in it.
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|(low, high)| high - low + 1).sum()
    }

    /// Whether a position is in it.
    pub fn contains(&self, seq: Seq) -> bool {
        let index = self.ranges.partition_point(|(_, high)| *high < seq);
        self.ranges.get(index).is_some_and(|(low, _)| *low <= seq)
    }

    /// The largest position in it.
    pub fn last(&self) -> Option<Seq> {
        self.ranges.last().map(|(_, high)| *high)
    }

    /// The ranges, ascending, disjoint and non-adjacent.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = RangeInclusive<Seq>> + '_ {
        self.ranges.iter().map(|(low, high)| *low..=*high)
    }

    /// Every position, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Seq> + '_ {
        self.ranges().flatten()
    }

    /// Adds one position and says whether it was new.
    pub fn insert(&mut self, seq: Seq) -> bool {
        let new = !self.contains(seq);
        if new {
            self.insert_range(seq..=seq);
        }
        new
    }

    /// Adds every position of a range; an empty range adds nothing.
    pub fn insert_range(&mut self, range: RangeInclusive<Seq>) {
        let (mut low, mut high) = range.into_inner();
        if low > high {
            return;
        }
        // Ranges that overlap the new one or stand next to it become one with it.
        let first = self.ranges.partition_point(|(_, end)| end.saturating_add(1) < low);
        let past = self.ranges.partition_point(|(start, _)| *start <= high.saturating_add(1));
        if first < past {
            low = low.min(self.ranges[first].0);
            high = high.max(self.ranges[past - 1].1);
        }
        self.ranges.splice(first..past, [(low, high)]);
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut ranges: Vec<(Seq, Seq)> =
            Vec::with_capacity(self.ranges.len().max(other.ranges.len()));
        loop {
            let from_a = match (a.peek(), b.peek()) {
                (Some(a), Some(b)) => a.0 <= b.0,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => return Self { ranges },
            };
            let Some(&(low, high)) = (if from_a { a.next() } else { b.next() }) else {
                return Self { ranges };
            };
            match ranges.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => ranges.push((low, high)),
            }
        }
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut ranges = Vec::new();
        while let (Some(&&(a_low, a_high)), Some(&&(b_low, b_high))) = (a.peek(), b.peek()) {
            let (low, high) = (a_low.max(b_low), a_high.min(b_high));
            if low <= high {
                ranges.push((low, high));
            }
            if a_high < b_high {
                a.next()
            } else {
                b.next()
            };
        }
        Self { ranges }
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let mut skip = 0;
        for &(mut low, high) in &self.ranges {
            skip += other.ranges[skip..].partition_point(|(_, end)| *end < low);
            for &(start, end) in other.ranges[skip..].iter().take_while(|(start, _)| *start <= high)
            {
                if low < start {
                    ranges.push((low, start - 1));
                }
                low = low.max(end.saturating_add(1));
            }
            if low <= high {
                ranges.push((low, high));
            }
        }
        Self { ranges }
    }

    /// How many positions of the set lie in a range.
    pub fn count_in(&self, range: RangeInclusive<Seq>) -> u64 {
        let (low, high) = range.into_inner();
        if low > high {
            return 0;
        }
        let first = self.ranges.partition_point(|(_, end)| *end < low);
        self.ranges[first..]
            .iter()
            .take_while(|(start, _)| *start <= high)
            .map(|(start, end)| end.min(&high) - start.max(&low) + 1)
            .sum()
    }

    /// The position that is not in the set and has exactly `skip` others not in the set between
    /// itself and `from`, looking down; `None` where there is none from 1 on.
    ///
    /// With the hidden messages as the set this finds where a page begins, by arithmetic.
    pub fn missing_below(&self, from: Seq, skip: u64) -> Option<Seq> {
        let mut at = from;
        let mut skip = skip;
        let below = self.ranges.partition_point(|(low, _)| *low <= from);
        for &(low, high) in self.ranges[..below].iter().rev() {
            let free = at.saturating_sub(high);
            if skip < free {
                return Some(at - skip);
            }
            skip -= free;
            at = low.checked_sub(1)?;
        }
        (skip < at).then(|| at - skip)
    }
}

impl From<RangeInclusive<Seq>> for SeqSet {
    fn from(range: RangeInclusive<Seq>) -> Self {
        let mut set = Self::new();
        set.insert_range(range);
        set
    }
}

impl FromIterator<Seq> for SeqSet {
    fn from_iter<I: IntoIterator<Item = Seq>>(seqs: I) -> Self {
        let mut set = Self::new();
        for seq in seqs {
            set.insert(seq);
        }
        set
    }
}

impl fmt::Debug for SeqSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ranges()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ranges() -> impl Strategy<Value = Vec<(Seq, Seq)>> {
        prop::collection::vec((1u64..60, 0u64..12), 0..12)
    }

    fn build(ranges: &[(Seq, Seq)]) -> (SeqSet, BTreeSet<Seq>) {
        let mut set = SeqSet::new();
        let mut plain = BTreeSet::new();
        for (low, length) in ranges {
            set.insert_range(*low..=low + length);
            plain.extend(*low..=low + length);
        }
        (set, plain)
    }

    fn plain(set: &SeqSet) -> BTreeSet<Seq> {
        assert!(set.ranges.is_sorted());
        assert!(set.ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{set:?}");
        assert!(set.ranges.iter().all(|(low, high)| low <= high), "{set:?}");
        set.iter().collect()
    }

    proptest! {
        #[test]
        fn it_is_a_set(a in ranges(), b in ranges(), seq in 1u64..80, skip in 0u64..90) {
            let ((a, pa), (b, pb)) = (build(&a), build(&b));
            prop_assert_eq!(plain(&a), pa.clone());
            prop_assert_eq!(a.len(), pa.len() as u64);
            prop_assert_eq!(a.contains(seq), pa.contains(&seq));
            prop_assert_eq!(plain(&a.union(&b)), &pa | &pb);
            prop_assert_eq!(plain(&a.intersection(&b)), &pa & &pb);
            prop_assert_eq!(plain(&a.difference(&b)), &pa - &pb);
            prop_assert_eq!(a.count_in(10..=seq), pa.iter().filter(|s| (10..=seq).contains(s)).count() as u64);
            let missing: Vec<_> = (1..=seq).rev().filter(|s| !pa.contains(s)).collect();
            prop_assert_eq!(a.missing_below(seq, skip), missing.get(usize::try_from(skip).unwrap()).copied());
        }
    }

    #[test]
    fn the_ends_of_the_numbers_do_not_overflow() {
        let mut set = SeqSet::from(5..=u64::MAX);
        set.insert(4);
        assert_eq!(set.ranges, [(4, u64::MAX)]);
        assert!(SeqSet::from(3..=u64::MAX).difference(&set).contains(3));
        assert_eq!(SeqSet::up_to(0), SeqSet::new());
    }
}
