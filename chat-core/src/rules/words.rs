//! The words of a text, by which messages and rooms are found.

use std::collections::BTreeSet;
use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

use super::ContentError;

/// The longest word in characters. Of a longer one the beginning stands for it, in a text and in a
/// term alike.
const WORD_CHARACTERS: usize = 40;

/// The most distinct words of a text; by those after them it is not found.
const TEXT_WORDS: usize = 2_000;

/// The most distinct words of a term; those after them are not asked for.
const TERM_WORDS: usize = 20;

/// The distinct words of a text, in ascending order of their bytes: at most 2,000, each of 1 to 40
/// characters (so at most 160 bytes).
///
/// A text is cut at the word boundaries of Unicode (UAX 29), with letter case, accents and
/// compatibility forms (`ﬁ`, `①`, full width) folded. So an ideograph is a word by itself, and
/// `it's` is one word. Stores keep these words: a change of how they are made, or of the Unicode
/// tables below them, finds what was stored before only once its words are computed anew.
///
/// ```
/// # use chat_core::rules::Words;
/// assert_eq!(Words::of("Très BIEN, très bien!").as_slice(), ["bien", "tres"]);
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Words(Vec<String>);

impl Words {
    /// The words of a text.
    pub fn of(text: &str) -> Self {
        Self(distinct_words(text, TEXT_WORDS))
    }

    /// The words, ascending.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether one of the words begins like this.
    fn have(&self, beginning: &str) -> bool {
        let first = self.0.partition_point(|word| word.as_str() < beginning);
        self.0.get(first).is_some_and(|word| word.starts_with(beginning))
    }
}

/// What is searched for: words, each of which must begin a word of what is found.
///
/// ```
/// # use chat_core::rules::{ContentError, Term, Words};
/// let term = Term::parse("straß Ber").unwrap();
/// assert!(term.finds(&[&Words::of("Die STRASSE nach Berlin")]));
/// assert!(!term.finds(&[&Words::of("Die Nebenstraße nach Berlin")]));
/// assert!(!Term::parse("?!").unwrap().finds(&[&Words::of("?!")]));
/// assert_eq!(Term::parse(" "), Err(ContentError::Blank));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Term(Vec<String>);

impl Term {
    /// Takes a term apart. One without a word finds nothing. Words after the twentieth are not
    /// asked for.
    ///
    /// # Errors
    /// [`ContentError::Blank`] where there is nothing but white space: then no term was given.
    pub fn parse(term: &str) -> Result<Self, ContentError> {
        if term.trim().is_empty() {
            return Err(ContentError::Blank);
        }
        let mut words = distinct_words(term, TERM_WORDS);
        // A word that begins another one asks for nothing more. In this order one that does
        // begins the next.
        let mut kept: Vec<String> = Vec::with_capacity(words.len());
        while let Some(word) = words.pop() {
            if !kept.last().is_some_and(|after| after.starts_with(&word)) {
                kept.push(word);
            }
        }
        kept.reverse();
        Ok(Self(kept))
    }

    /// The words, ascending, at most 20 and none the beginning of another one. Where there is
    /// none, nothing is found.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Whether each of the words begins a word of one of these texts.
    pub fn finds(&self, texts: &[&Words]) -> bool {
        let is_found = |word: &String| texts.iter().any(|text| text.have(word));
        !self.0.is_empty() && self.0.iter().all(is_found)
    }
}

/// Without the words, which are nobody's business in a log.
impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.0.len())
    }
}

/// Without the words, which are nobody's business in a log.
impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Term({})", self.0.len())
    }
}

/// The first `most` distinct words of a text, ascending.
fn distinct_words(text: &str, most: usize) -> Vec<String> {
    let text = fold(text);
    let mut words = BTreeSet::new();
    for word in text.unicode_words() {
        // `_word_` is written for emphasis.
        let word = word.trim_start_matches(begins_no_word).trim_end_matches('_');
        let end = word.char_indices().nth(WORD_CHARACTERS).map_or(word.len(), |(end, _)| end);
        if words.len() >= most {
            break;
        }
        if end > 0 {
            words.insert(&word[..end]);
        }
    }
    words.into_iter().map(str::to_owned).collect()
}

/// Whether a character may stand in a word but not begin it.
fn begins_no_word(c: char) -> bool {
    !c.is_alphanumeric() || is_combining_mark(c)
}

/// A text with letter case, accents and compatibility forms folded.
///
/// Case is folded with the tables of the standard library, which move on with the compiler and
/// need no crate: to upper case and back is the full folding that makes `ß` and `ẞ` into `ss` and
/// `ς` into `σ`, letter by letter, so that a beginning folds to the beginning.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd()
        .filter(|c| !is_accent(*c) && !is_ignorable(*c))
        .map(|c| if matches!(c, '‘' | '’') { '\'' } else { c })
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether a character is a mark on the one before: accents, Hebrew points, Arabic vowel signs.
/// Marks of class 0 are the vowels of Indic words and stay, as does the sign that takes a vowel
/// away (class 9): without them other words would be left. The iota below a Greek letter is one
/// beside it in upper case.
fn is_accent(c: char) -> bool {
    !matches!(canonical_combining_class(c), 0 | 9) && c != '\u{345}'
}

/// Whether a character cannot be seen and parts no words: joiners, soft hyphens, marks of
/// direction, selectors of variants.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200c}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        Words::of(text).0
    }

    fn finds(term: &str, text: &str) -> bool {
        Term::parse(term).unwrap().finds(&[&Words::of(text)])
    }

    #[test]
    fn words_are_parted_at_the_boundaries_of_unicode() {
        assert_eq!(words("It's 3.14, isn’t it? (yes)"), ["3.14", "isn't", "it", "it's", "yes"]);
        assert_eq!(words("日本語"), ["日", "本", "語"]);
        assert_eq!(words("_so_ snake_case"), ["snake_case", "so"]);
        assert_eq!(words("%_\\ 👍 ... ___"), [""; 0]);
    }

    #[test]
    fn letter_case_is_folded_in_full() {
        for same in ["STRASSE", "straße", "STRAẞE", "Strasse"] {
            assert_eq!(words(same), ["strasse"]);
        }
        for same in ["ΣΊΣΥΦΟΣ", "Σίσυφος", "σισυφοσ"] {
            assert_eq!(words(same), ["σισυφοσ"]);
        }
        for same in ["ᾠδή", "ᾨΔΉ", "ΩΙΔΗ", "ωιδη"] {
            assert_eq!(words(same), ["ωιδη"]);
        }
        for same in ["İstanbul", "ISTANBUL", "istanbul", "ıstanbul"] {
            assert_eq!(words(same), ["istanbul"]);
        }
    }

    #[test]
    fn accents_and_compatibility_forms_are_folded() {
        assert_eq!(words("Ｃａｆé cafe\u{301} ﬁn co\u{ad}op"), ["cafe", "coop", "fin"]);
        assert_eq!(words("שָׁלוֹם"), words("שלום"));
        assert_ne!(words("कि"), words("का"), "these marks are vowels");
    }

    #[test]
    fn every_word_of_the_term_begins_a_word_of_the_text() {
        assert!(finds("hel WOR", "Hello, world"));
        assert!(!finds("ello", "Hello, world"));
        assert!(!finds("hello moon", "Hello, world"));
        for wildcard in ["%", "_", "\\", "%%%", "*"] {
            assert!(!finds(wildcard, "100% of a_b \\ *"), "{wildcard}");
        }
    }

    #[test]
    fn words_may_be_spread_over_several_texts() {
        let (name, member) = (Words::of("Project X"), Words::of("Ada Lovelace"));
        let term = Term::parse("proj ada").unwrap();
        assert!(term.finds(&[&name, &member]));
        assert!(!term.finds(&[&name]));
        assert!(!term.finds(&[]));
    }

    #[test]
    fn a_blank_term_is_none_and_one_without_a_word_finds_nothing() {
        for blank in ["", " ", "\n\t\u{a0}"] {
            assert_eq!(Term::parse(blank), Err(ContentError::Blank));
        }
        assert_eq!(Term::parse("?").unwrap().words(), [""; 0]);
        assert!(!finds("?", "what?"));
    }

    #[test]
    fn a_word_that_begins_another_one_is_left_out_of_the_term() {
        assert_eq!(Term::parse("a abc ab b abd").unwrap().words(), ["abc", "abd", "b"]);
    }

    #[test]
    fn words_and_their_number_are_bounded() {
        let long = "x".repeat(10_000);
        assert_eq!(words(&long), ["x".repeat(WORD_CHARACTERS)]);
        assert!(finds(&long, &long));
        let many: Vec<_> = (0..5_000).map(|number| format!("n{number}")).collect();
        let many = many.join(" ");
        assert_eq!(words(&many).len(), TEXT_WORDS);
        assert_eq!(Term::parse(&many).unwrap().words().len(), 19, "n1 begins n10");
    }

    #[test]
    fn folding_twice_is_folding_once() {
        for c in '\0'..=char::MAX {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "{c:?}");
        }
    }

    #[test]
    fn ascii_is_folded_like_everything_else() {
        for c in '\0'..'\u{80}' {
            assert_eq!(fold(&format!("{c}é")), format!("{}e", fold(&c.to_string())), "{c:?}");
        }
    }

    #[test]
    fn nothing_that_was_said_shows_in_debug_output() {
        assert_eq!(format!("{:?}", Words::of("a secret")), "Words(2)");
        assert_eq!(format!("{:?}", Term::parse("a secret").unwrap()), "Term(2)");
    }

    proptest! {
        #[test]
        fn words_are_distinct_ascending_and_short(text in any::<String>()) {
            let words = words(&text);
            prop_assert!(words.windows(2).all(|pair| pair[0] < pair[1]));
            for word in words {
                prop_assert!((1..=WORD_CHARACTERS).contains(&word.chars().count()));
            }
        }

        #[test]
        fn a_text_is_found_by_itself_in_any_case(text in "[\\p{L}\\p{N}\u{300}\u{301}\u{345}' .,_-]{1,60}") {
            if !words(&text).is_empty() {
                prop_assert!(finds(&text, &text));
                prop_assert!(finds(&text.to_uppercase(), &text));
                prop_assert!(finds(&text.to_lowercase(), &text));
            }
        }

        #[test]
        fn a_text_is_found_by_the_beginnings_of_its_words(
            text in any::<String>(),
            length in 1usize..50,
        ) {
            let all = Words::of(&text);
            for word in all.as_slice() {
                let beginning: String = word.chars().take(length).collect();
                let term = Term::parse(&beginning).unwrap();
                prop_assert!(term.words().is_empty() || term.finds(&[&all]), "{beginning:?}");
            }
        }

        #[test]
        fn what_is_found_is_what_comparing_all_words_finds(
            text in "[a-c]{1,3}( [a-c]{1,3}){0,5}",
            term in "[a-c]{1,2}( [a-c]{1,2}){0,3}",
        ) {
            let begins = |word: &str| text.split(' ').any(|other| other.starts_with(word));
            prop_assert_eq!(finds(&term, &text), term.split(' ').all(begins));
        }
    }
}
