//! How reactions come and go, and how many a message takes.

use super::Emoji;
use crate::model::{Reaction, UserId};

/// The most reactions on a message. Those of members who left stay.
const REACTIONS: usize = 10_000;

/// The most different emoji on a message.
const EMOJI: usize = 50;

/// The most emoji of one user on a message.
const EMOJI_OF_USER: usize = 20;

/// What the reactions of a message take up at most in a frame, in bytes: ids in quotation marks, each
/// character of one escaped, and the emoji.
pub(crate) const LARGEST_REACTIONS: usize = REACTIONS * (2 * UserId::MAX_BYTES + 3) + EMOJI * 128;

/// Which bound a reaction would cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReactionLimit {
    /// A message holds at most 10,000 reactions.
    Reactions,
    /// A message holds at most 50 different emoji.
    Emoji,
    /// One user has at most 20 emoji on a message.
    EmojiOfUser,
}

impl ReactionLimit {
    /// The bound, in words.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Reactions => "a message holds at most 10,000 reactions",
            Self::Emoji => "a message holds at most 50 different emoji",
            Self::EmojiOfUser => "one user has at most 20 emoji on a message",
        }
    }
}

/// Takes all reactions of a user away, and emoji without users with them. Whether there were any.
pub fn take_reactions(reactions: &mut Vec<Reaction>, user: &UserId) -> bool {
    let mut any = false;
    for reaction in &mut *reactions {
        let before = reaction.users.len();
        reaction.users.retain(|other| other != user);
        any |= reaction.users.len() < before;
    }
    reactions.retain(|reaction| !reaction.users.is_empty());
    any
}

/// Adds a user's reaction, last of its emoji, or takes it away; an emoji without users goes with
/// it. Whether that changed anything: adding again and taking away what is not there do not.
///
/// # Errors
/// The [`ReactionLimit`] that adding would cross; then nothing has changed.
pub fn change_reactions(
    reactions: &mut Vec<Reaction>,
    user: &UserId,
    emoji: &Emoji,
    add: bool,
) -> Result<bool, ReactionLimit> {
    let emoji = emoji.as_str();
    let place = reactions.iter().position(|reaction| reaction.emoji == emoji);
    let stands = place.is_some_and(|place| reactions[place].users.contains(user));
    if stands == add {
        return Ok(false);
    }
    if add {
        if reactions.iter().map(|reaction| reaction.users.len()).sum::<usize>() >= REACTIONS {
            return Err(ReactionLimit::Reactions);
        }
        if place.is_none() && reactions.len() >= EMOJI {
            return Err(ReactionLimit::Emoji);
        }
        let own = reactions.iter().filter(|reaction| reaction.users.contains(user)).count();
        if own >= EMOJI_OF_USER {
            return Err(ReactionLimit::EmojiOfUser);
        }
    }
    match place {
        Some(place) if add => reactions[place].users.push(user.clone()),
        Some(place) => {
            reactions[place].users.retain(|other| other != user);
            reactions.retain(|reaction| !reaction.users.is_empty());
        }
        None => reactions.push(Reaction { emoji: emoji.to_owned(), users: vec![user.clone()] }),
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactions_are_bounded_for_the_message_and_for_each_user() {
        let mut reactions = Vec::new();
        let mut change = |user: u64, emoji: usize, add| {
            let emoji = Emoji::parse(format!("e{emoji}")).unwrap();
            change_reactions(&mut reactions, &user.into(), &emoji, add)
        };
        for emoji in 0..50 {
            assert_eq!(change(emoji as u64 / 20, emoji, true), Ok(true));
        }
        assert_eq!(change(0, 0, true), Ok(false), "again");
        assert_eq!(change(3, 50, true), Err(ReactionLimit::Emoji));
        assert_eq!(change(0, 49, true), Err(ReactionLimit::EmojiOfUser));
        assert_eq!(change(0, 49, false), Ok(false), "was never there");
        assert_eq!(change(0, 0, false), Ok(true));
        assert_eq!(change(3, 50, true), Ok(true));
        assert_eq!(change(0, 49, true), Ok(true));
        let first = (reactions[0].emoji.as_str(), reactions.len());
        assert_eq!(first, ("e1", 50));
        assert_eq!(reactions[48].users, [UserId::from(2), UserId::from(0)]);
    }

    #[test]
    fn a_message_holds_so_many_reactions_whoever_they_are_of() {
        let emoji = Emoji::parse("e").unwrap();
        let users = (1..=REACTIONS as u64).map(UserId::from).collect();
        let mut reactions = vec![Reaction { emoji: "e".into(), users }];
        let mut change =
            |user: u64, add| change_reactions(&mut reactions, &UserId::from(user), &emoji, add);
        assert_eq!(change(0, true), Err(ReactionLimit::Reactions));
        assert_eq!(change(1, true), Ok(false), "again");
        assert_eq!(change(1, false), Ok(true));
        assert_eq!(change(0, true), Ok(true));
        assert_eq!(change(1, true), Err(ReactionLimit::Reactions));
    }
}
