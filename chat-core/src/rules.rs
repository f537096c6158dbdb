//! Pure functions: who may do what, what may be said and found, how reactions come and go, when
//! typing ends.

mod access;
mod content;
mod files;
mod members;
mod reactions;
mod typing;
mod words;

pub use access::{Access, Action, Caller, Denial, Guarded, Standing, permit_message};
pub use content::{Content, ContentError, Emoji, RoomName, check_text};
pub(crate) use files::HEAD;
pub use files::{OCTET_STREAM, UploadPolicy, safe_file_name};
pub use members::{RoomFull, admit};
pub(crate) use reactions::LARGEST_REACTIONS;
pub use reactions::{ReactionLimit, change_reactions, take_reactions};
pub use typing::{Typed, Typing};
pub use words::{Term, Words};
