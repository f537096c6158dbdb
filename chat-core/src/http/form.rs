//! Bodies of `multipart/form-data`, part by part.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream;
use futures::{Stream, StreamExt};
use multer::{Constraints, Multipart, SizeLimit};

use super::{BodyError, Incoming, Rejection};
use crate::host::Pieces;

/// The most parts of a form.
const PARTS: usize = 20;

/// How much is read that leads to no part and no piece of one, in bytes: what comes before the first
/// part, and the headers of a part.
const HEADERS: usize = 16 * 1024;

/// How much longer than its file may be a form is read at all, in bytes: it has other fields.
const BEYOND: u64 = 64 * 1024 * 1024;

/// A form that is being read.
pub struct Form {
    parts: Multipart<'static>,
    idle: Idle,
    /// How many bytes of text may still come.
    text_left: usize,
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
    /// A file. It has to be read before the next part.
    File {
        /// The field's name.
        name: String,
        /// What the client calls the file.
        file_name: String,
        /// Its content, as it comes. To be read to its end.
        pieces: Pieces,
    },
}

impl Form {
    /// Begins to read a form whose text fields have at most `text_limit` bytes together. That a file
    /// has more than `file_limit` is found out by who stores it.
    pub(super) fn new(
        body: Incoming,
        boundary: String,
        text_limit: usize,
        file_limit: u64,
    ) -> Self {
        let whole = SizeLimit::new().whole_stream(file_limit.saturating_add(BEYOND));
        let constraints = Constraints::new().size_limit(whole);
        let idle = Idle::default();
        let sips = Sips { body, idle: idle.clone(), rest: false };
        let parts = Multipart::with_constraints(sips, boundary, constraints);
        Self { parts, idle, text_left: text_limit, left: PARTS }
    }

    /// The next part; none at the end.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] and [`Rejection::TooLarge`].
    pub async fn next(&mut self) -> Result<Option<Part>, Rejection> {
        let Some(mut field) = self.parts.next_field().await.map_err(refused)? else {
            return Ok(None);
        };
        self.idle.end();
        self.left = self.left.checked_sub(1).ok_or(Rejection::Malformed("Too many parts."))?;
        let name = field.name().unwrap_or_default().to_owned();
        // Browsers send a file without a name where none was chosen.
        let file_name = field.file_name().filter(|name| !name.is_empty()).map(str::to_owned);
        if let Some(file_name) = file_name {
            let from = (field, self.idle.clone());
            let pieces = stream::unfold(from, |(mut field, idle)| async {
                let piece = field.chunk().await.transpose();
                idle.end();
                Some((piece?.map_err(Into::into), (field, idle)))
            });
            return Ok(Some(Part::File { name, file_name, pieces: pieces.boxed() }));
        }
        let mut value = Vec::new();
        while let Some(piece) = field.chunk().await.map_err(refused)? {
            self.idle.end();
            let left = self.text_left.checked_sub(piece.len());
            self.text_left = left.ok_or(Rejection::TooLarge)?;
            value.extend_from_slice(&piece);
        }
        let value = String::from_utf8(value)
            .map_err(|_| Rejection::Malformed("A field of the form is not UTF-8."))?;
        Ok(Some(Part::Text { name, value }))
    }
}

/// How many bytes were read since the last part, or piece of one, was found.
#[derive(Clone, Default)]
struct Idle(Arc<AtomicUsize>);

impl Idle {
    fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A body one piece at a time. The parser takes all that it can have before it looks at it, so it is
/// told to wait after each piece; and it would wait for the end of a header forever.
struct Sips {
    body: Incoming,
    idle: Idle,
    rest: bool,
}

impl Stream for Sips {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rest) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.idle.0.load(Ordering::Relaxed) > HEADERS {
            return Poll::Ready(Some(Err(BodyError("the headers of a part are too long".into()))));
        }
        let piece = self.body.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(piece))) = &piece {
            self.idle.0.fetch_add(piece.len(), Ordering::Relaxed);
            self.rest = true;
        }
        piece
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a form to its end: what its parts hold, or why it is refused; and the most bytes that
    /// had been read of the body, but not handed on, when a piece of a file came.
    async fn read(body: Vec<Bytes>) -> (Result<Vec<Vec<u8>>, Rejection>, usize, usize) {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = taken.clone();
        let body = stream::iter(body)
            .inspect(move |piece| {
                count.fetch_add(piece.len(), Ordering::Relaxed);
            })
            .map(Ok);
        let mut form = Form::new(body.boxed(), "x".into(), 1_000, 1 << 30);
        let (mut held, mut passed) = (0, 0);
        let all = async {
            let mut all = Vec::new();
            while let Some(part) = form.next().await? {
                all.push(match part {
                    Part::Text { value, .. } => value.into_bytes(),
                    Part::File { mut pieces, .. } => {
                        let mut file = Vec::new();
                        while let Some(piece) = pieces.next().await {
                            let piece = piece.map_err(|_| Rejection::Malformed("broken"))?;
                            held = held.max(taken.load(Ordering::Relaxed) - passed);
                            passed += piece.len();
                            file.extend_from_slice(&piece);
                        }
                        file
                    }
                });
            }
            Ok(all)
        };
        let all = all.await;
        (all, held, taken.load(Ordering::Relaxed))
    }

    fn in_pieces(body: &[u8], of: usize) -> Vec<Bytes> {
        body.chunks(of).map(Bytes::copy_from_slice).collect()
    }

    fn file(content: &[u8]) -> Vec<u8> {
        let head: &[u8] =
            b"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n";
        [head, content, b"\r\n--x--\r\n"].concat()
    }

    #[tokio::test]
    async fn a_file_is_handed_on_as_it_comes_however_fast() {
        let content = vec![7; 4 << 20];
        let (read, held, _) = read(in_pieces(&file(&content), 8_192)).await;
        assert!(read.unwrap() == [content]);
        assert!(held <= 4 * 8_192, "{held} bytes were held");
    }

    #[tokio::test]
    async fn what_leads_to_no_part_is_not_read_for_long() {
        let long = "a".repeat(4 << 20);
        for body in [
            long.clone(),
            format!("--x{}", " ".repeat(4 << 20)),
            format!("--x\r\nContent-Disposition: form-data; name=\"{long}"),
            format!(
                "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x\r\nX: {long}"
            ),
        ] {
            let (read, _, taken) = read(in_pieces(body.as_bytes(), 1_024)).await;
            assert!(matches!(read, Err(Rejection::Malformed(_))), "{read:?}");
            assert!(taken <= 2 * HEADERS, "{taken} bytes were read");
        }
    }

    #[tokio::test]
    async fn the_fields_of_a_form_share_one_bound() {
        let field = |length| {
            let text = "a".repeat(length);
            format!("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{text}\r\n")
        };
        let form = |last| format!("{}{}--x--\r\n", field(600), field(last));
        let (fits, ..) = read(in_pieces(form(400).as_bytes(), 100)).await;
        assert_eq!(fits.unwrap().concat().len(), 1_000);
        let (beyond, ..) = read(in_pieces(form(401).as_bytes(), 100)).await;
        assert!(matches!(beyond, Err(Rejection::TooLarge)), "{beyond:?}");
    }

    proptest! {
        #[test]
        fn a_form_is_read_alike_in_pieces_of_any_size(
            content in proptest::collection::vec("[\r\n]{1,2}|-{1,2}|[ab]{1,9}", 0..200),
            of in 1_usize..300,
        ) {
            let content = content.concat();
            let body = file(content.as_bytes());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (read, ..) = runtime.block_on(read(in_pieces(&body, of)));
            prop_assert_eq!(read.unwrap(), [content.into_bytes()]);
        }
    }
}
