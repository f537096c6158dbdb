//! What may be said: limits on text, emoji and names.

use std::fmt;

/// The longest emoji of a reaction, in bytes.
const EMOJI_BYTES: usize = 32;

/// The longest name of a room, in characters.
const NAME_CHARACTERS: usize = 255;

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// Nothing but white space, where something has to be said.
    #[error("the text may not be blank")]
    Blank,
    /// More characters (Unicode scalar values) than allowed.
    #[error("the text may have at most {limit} characters")]
    TooLong {
        /// The most that is allowed.
        limit: usize,
    },
    /// A NUL character, which not every store can keep.
    #[error("the text may not contain NUL characters")]
    Nul,
    /// No emoji: empty, too long or with control characters.
    #[error("an emoji has 1 to {EMOJI_BYTES} bytes and no control characters")]
    Emoji,
}

/// Refuses what no text may contain, in any field.
///
/// # Errors
/// [`ContentError::Nul`].
pub fn check_text(text: &str) -> Result<(), ContentError> {
    if text.contains('\0') { Err(ContentError::Nul) } else { Ok(()) }
}

/// The text of a message. One that exists is valid, and is kept exactly as it was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    /// Checks a text against a limit in characters (Unicode scalar values).
    ///
    /// # Errors
    /// [`ContentError::Blank`] where only white space is left, [`ContentError::TooLong`] and
    /// [`ContentError::Nul`].
    ///
    /// ```
    /// # use chat_core::rules::{Content, ContentError};
    /// assert_eq!(Content::parse(" hi ", 1_000).unwrap().as_str(), " hi ");
    /// assert_eq!(Content::parse("é👍", 2).unwrap().as_str(), "é👍");
    /// assert_eq!(Content::parse(" \n ", 1_000), Err(ContentError::Blank));
    /// ```
    pub fn parse(text: impl Into<String>, limit: usize) -> Result<Self, ContentError> {
        let content = Self::parse_caption(text, limit)?;
        if content.0.trim().is_empty() { Err(ContentError::Blank) } else { Ok(content) }
    }

    /// The same for text that goes with a file, which may be blank.
    ///
    /// # Errors
    /// [`ContentError::TooLong`] and [`ContentError::Nul`].
    pub fn parse_caption(text: impl Into<String>, limit: usize) -> Result<Self, ContentError> {
        let text = text.into();
        // Bytes bound characters from above, so a short text needs no counting.
        if text.len() > limit && text.chars().count() > limit {
            return Err(ContentError::TooLong { limit });
        }
        check_text(&text)?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Without the text, which is nobody's business in a log.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

/// The emoji of a reaction: 1 to 32 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emoji(String);

impl Emoji {
    /// Checks an emoji.
    ///
    /// # Errors
    /// [`ContentError::Emoji`].
    pub fn parse(text: impl Into<String>) -> Result<Self, ContentError> {
        let text = text.into();
        let valid = (1..=EMOJI_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
        if valid { Ok(Self(text)) } else { Err(ContentError::Emoji) }
    }

    /// The emoji.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a room: trimmed, then 1 to 255 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomName(String);

impl RoomName {
    /// Trims and checks a name.
    ///
    /// # Errors
    /// [`ContentError::Blank`], [`ContentError::TooLong`] and [`ContentError::Nul`].
    pub fn parse(text: &str) -> Result<Self, ContentError> {
        let name = text.trim();
        if name.is_empty() {
            return Err(ContentError::Blank);
        }
        if name.chars().count() > NAME_CHARACTERS {
            return Err(ContentError::TooLong { limit: NAME_CHARACTERS });
        }
        check_text(name)?;
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for RoomName {
    type Error = ContentError;

    fn try_from(text: &str) -> Result<Self, ContentError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for RoomName {
    type Error = ContentError;

    fn try_from(text: String) -> Result<Self, ContentError> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_unicode_scalar_values() {
        assert!(Content::parse("👨‍👩‍👧", 5).is_ok());
        assert_eq!(Content::parse("👨‍👩‍👧", 4), Err(ContentError::TooLong { limit: 4 }));
        assert!(Content::parse("x".repeat(1_000), 1_000).is_ok());
        assert!(Content::parse("x".repeat(1_001), 1_000).is_err());
    }

    #[test]
    fn text_without_anything_to_see_is_refused_but_for_captions() {
        for text in ["", " ", "\u{3000}\n\t"] {
            assert_eq!(Content::parse(text, 10), Err(ContentError::Blank));
            assert_eq!(Content::parse_caption(text, 10).unwrap().as_str(), text);
        }
        assert_eq!(Content::parse("a\0b", 10), Err(ContentError::Nul));
        assert_eq!(Content::parse_caption("\0", 10), Err(ContentError::Nul));
    }

    #[test]
    fn names_are_trimmed_and_bounded_in_characters() {
        assert_eq!(RoomName::parse("  General ").unwrap().as_str(), "General");
        assert!(RoomName::parse(&"é".repeat(255)).is_ok());
        assert!(RoomName::parse(&"é".repeat(256)).is_err());
        assert_eq!(RoomName::parse("  "), Err(ContentError::Blank));
    }

    #[test]
    fn an_emoji_is_short_and_without_control_characters() {
        assert!(Emoji::parse("👍🏽").is_ok());
        for text in ["", "\n", "a\u{7f}", &"x".repeat(33)] {
            assert_eq!(Emoji::parse(text), Err(ContentError::Emoji));
        }
    }
}
