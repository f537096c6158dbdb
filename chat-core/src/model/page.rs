//! Pages: which part of a list is asked for, and what came of it.

use super::{Seq, SeqSet};

/// A part of a list: leave out the first `skip`, take at most `take`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// How many items to leave out.
    pub skip: u64,
    /// How many items to take at most.
    pub take: usize,
}

impl Slice {
    /// The part that is page `number` (from 1) of pages of `size` items.
    pub fn page(number: u64, size: usize) -> Self {
        let skip = number.saturating_sub(1).saturating_mul(size as u64);
        Self { skip, take: size }
    }

    /// The first `take` items.
    pub fn first(take: usize) -> Self {
        Self { skip: 0, take }
    }
}

/// One page of a list, and how long the whole list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// How many items the whole list has.
    pub count: u64,
    /// The items of this page.
    pub items: Vec<T>,
}

/// A range of message positions that holds one page, newest first, of the messages that are not
/// hidden.
///
/// `seq` has no gaps and the hidden ones are a [`SeqSet`], so page 1,000 is found by the same
/// arithmetic as page 1 and read as one range.
///
/// ```
/// # use chat_core::model::{SeqSet, Slice, Window};
/// let hidden = SeqSet::from(8..=9);
/// let window = Window::newest(10, &hidden, Slice { skip: 1, take: 2 });
/// assert_eq!(window, Some(Window { low: 6, high: 7 })); // 10 is skipped, 9 and 8 are hidden
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The oldest position of the page.
    pub low: Seq,
    /// The newest position of the page.
    pub high: Seq,
}

impl Window {
    /// The window of a page among the messages 1 to `last` without the hidden ones; `None` where
    /// the page is empty.
    pub fn newest(last: Seq, hidden: &SeqSet, slice: Slice) -> Option<Self> {
        let high = hidden.missing_below(last, slice.skip)?;
        let more = (slice.take as u64).checked_sub(1)?;
        let low = hidden.missing_below(high, more).unwrap_or(1);
        Some(Self { low, high })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_window_holds_exactly_its_page(
            last in 0u64..80, hidden in prop::collection::btree_set(1u64..80, 0..40),
            skip in 0u64..90, take in 0usize..20,
        ) {
            let hidden: SeqSet = hidden.into_iter().collect();
            let visible: Vec<_> = (1..=last).rev().filter(|s| !hidden.contains(*s)).collect();
            let page: Vec<_> = visible.iter().copied().skip(usize::try_from(skip).unwrap()).take(take).collect();
            let found: Vec<_> = Window::newest(last, &hidden, Slice { skip, take })
                .map_or(Vec::new(), |w| (w.low..=w.high).rev().filter(|s| !hidden.contains(*s)).collect());
            prop_assert_eq!(found, page);
        }
    }

    #[test]
    fn a_page_number_past_all_numbers_is_only_past_the_end() {
        let slice = Slice::page(u64::MAX, 100);
        assert_eq!(Window::newest(50, &SeqSet::new(), slice), None);
    }
}
