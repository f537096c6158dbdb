//! Bodies of `multipart/form-data`, part by part.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use multer::{Constraints, Multipart, SizeLimit};

use super::{BodyError, Rejection};
use crate::host::Pieces;

/// The most parts of a form.
const PARTS: usize = 20;

/// How much longer than its files may be a form is read at all, in bytes: so that a client that
/// sends before it reads gets to know why its file is refused.
const BEYOND: u64 = 64 * 1024 * 1024;

/// A form that is being read.
pub struct Form {
    parts: Multipart<'static>,
    text_limit: usize,
    left: usize,
}

/// A part of a form.
pub enum Part {
    /// A field of text.
    Text {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A file. It has to be read, or given up, before the next part.
    File {
        /// The field's name.
        name: String,
        /// What the client calls the file.
        file_name: String,
        /// Its content, as it comes.
        pieces: Pieces,
    },
}

impl Form {
    /// Begins to read a form whose text fields have at most `text_limit` bytes each. That a file has
    /// more than `file_limit` is found out by who stores it.
    pub(super) fn new(
        body: BoxStream<'static, Result<Bytes, BodyError>>,
        boundary: String,
        text_limit: usize,
        file_limit: u64,
    ) -> Self {
        let whole = SizeLimit::new().whole_stream(file_limit.saturating_add(BEYOND));
        let constraints = Constraints::new().size_limit(whole);
        let parts = Multipart::with_constraints(body, boundary, constraints);
        Self { parts, text_limit, left: PARTS }
    }

    /// The next part; none at the end.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] and [`Rejection::TooLarge`].
    pub async fn next(&mut self) -> Result<Option<Part>, Rejection> {
        let Some(mut field) = self.parts.next_field().await.map_err(refused)? else {
            return Ok(None);
        };
        self.left = self.left.checked_sub(1).ok_or(Rejection::Malformed("Too many parts."))?;
        let name = field.name().unwrap_or_default().to_owned();
        // Browsers send a file without a name where none was chosen.
        let file_name = field.file_name().filter(|name| !name.is_empty()).map(str::to_owned);
        if let Some(file_name) = file_name {
            let pieces = stream::unfold(field, |mut field| async {
                let piece = field.chunk().await.transpose()?;
                Some((piece.map_err(Into::into), field))
            });
            return Ok(Some(Part::File { name, file_name, pieces: pieces.boxed() }));
        }
        let mut value = Vec::new();
        while let Some(piece) = field.chunk().await.map_err(refused)? {
            if value.len() + piece.len() > self.text_limit {
                return Err(Rejection::TooLarge);
            }
            value.extend_from_slice(&piece);
        }
        let value = String::from_utf8(value)
            .map_err(|_| Rejection::Malformed("A field of the form is not UTF-8."))?;
        Ok(Some(Part::Text { name, value }))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn refused(error: multer::Error) -> Rejection {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            Rejection::TooLarge
        }
        _ => Rejection::Malformed("The form could not be read."),
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Form").finish_non_exhaustive()
    }
}

/// Without names and values, which are nobody's business in a log.
impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text { .. } => "Part::Text",
            Self::File { .. } => "Part::File",
        })
    }
}
