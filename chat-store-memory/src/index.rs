//! The words of one room's messages.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::ops::Bound;
#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};

use chat_core::model::Seq;
use chat_core::rules::{Term, Words};

/// The number of a word in its room.
type Word = u32;

/// A message's `seq`. A room of more than 4 billion messages is more than any memory holds.
type Place = u32;

/// The words of one room's messages, and which messages have them.
///
/// A word of a message takes about 24 bytes, so a message of ten words about 240, half of what the
/// message itself takes. Trees throughout: a map that grows by copying itself would keep a long room locked meanwhile.
#[derive(Default)]
pub(crate) struct Index {
    /// Each word with its number, and a message after which none has it.
    words: BTreeMap<Box<str>, (Word, Place)>,
    /// The numbers of words that no message has any more.
    free: Vec<Word>,
    places: BTreeSet<(Word, Place)>,
    #[cfg(test)]
    looked: AtomicU64,
}

impl Index {
    /// Notes the words of a message.
    pub(crate) fn add(&mut self, seq: Seq, words: &Words) {
        for text in words.as_slice() {
            let place = place(seq);
            let word = if let Some((word, newest)) = self.words.get_mut(text.as_str()) {
                *newest = place.max(*newest);
                *word
            } else {
                // While none is free all numbers below the number of words are taken.
                let next = Word::try_from(self.words.len()).unwrap_or(Word::MAX);
                let word = self.free.pop().unwrap_or(next);
                self.words.insert(text.as_str().into(), (word, place));
                word
            };
            self.places.insert((word, place));
        }
    }

    /// Forgets the words of a message.
    pub(crate) fn remove(&mut self, seq: Seq, words: &Words) {
        for text in words.as_slice() {
            let Some(&(word, _)) = self.words.get(text.as_str()) else { continue };
            self.places.remove(&(word, place(seq)));
            if self.newest_of(word, Place::MAX).is_none() {
                self.words.remove(text.as_str());
                self.free.push(word);
            }
        }
    }

    /// The positions of the messages that a term finds, the newest first. Each is looked for when
    /// it is asked for.
    pub(crate) fn find<'a>(&'a self, term: &Term) -> impl Iterator<Item = Seq> + use<'a> {
        let asked = term.words().iter().map(|word| Beginning::new(self, word)).collect::<Vec<_>>();
        let most = (!asked.is_empty()).then_some(Place::MAX);
        Found { asked, most }
    }

    /// How often the index was looked into.
    #[cfg(test)]
    pub(crate) fn looked(&self) -> u64 {
        self.looked.load(Ordering::Relaxed)
    }

    /// How many words it holds, and how often messages have them.
    #[cfg(test)]
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.words.len(), self.places.len())
    }

    /// The words that begin like this, each with a message after which none has it.
    fn beginning(&self, with: &str) -> impl Iterator<Item = (Word, Place)> {
        let from = (Bound::Included(with), Bound::Unbounded);
        let words = self.words.range::<str, _>(from);
        words.take_while(move |(text, _)| text.starts_with(with)).map(|(_, word)| *word)
    }

    /// The newest message up to a position that has a word.
    fn newest_of(&self, word: Word, most: Place) -> Option<Place> {
        #[cfg(test)]
        self.looked.fetch_add(1, Ordering::Relaxed);
        self.places.range((word, 0)..=(word, most)).next_back().map(|(_, place)| *place)
    }
}

/// The messages that have all that is asked, the newest first.
struct Found<'a> {
    asked: Vec<Beginning<'a>>,
    /// Where to look on from; `None` where nothing is asked or left.
    most: Option<Place>,
}

impl Iterator for Found<'_> {
    type Item = Seq;

    fn next(&mut self) -> Option<Seq> {
        let mut most = self.most.take()?;
        loop {
            // Each is at `most` or leads all others on below it.
            let mut low = most;
            for beginning in &mut self.asked {
                low = beginning.newest(low)?;
            }
            if low == most {
                self.most = most.checked_sub(1);
                return Some(most.into());
            }
            most = low;
        }
    }
}

/// The messages that have a word with some beginning.
struct Beginning<'a> {
    index: &'a Index,
    /// Each word with a message after which none is left that has it, and whether that one is known
    /// to have it; the newest on top. So only those words are looked up that come to the top.
    words: BinaryHeap<(Place, bool, Word)>,
}

impl<'a> Beginning<'a> {
    fn new(index: &'a Index, with: &str) -> Self {
        let words = index.beginning(with).map(|(word, newest)| (newest, false, word));
        Self { index, words: words.collect() }
    }

    /// The newest message up to a position, which never goes back up.
    fn newest(&mut self, most: Place) -> Option<Place> {
        loop {
            let &(place, has_it, word) = self.words.peek()?;
            if has_it && place <= most {
                return Some(place);
            }
            self.words.pop();
            if let Some(place) = self.index.newest_of(word, place.min(most)) {
                self.words.push((place, true, word));
            }
        }
    }
}

fn place(seq: Seq) -> Place {
    Place::try_from(seq).unwrap_or(Place::MAX)
}
