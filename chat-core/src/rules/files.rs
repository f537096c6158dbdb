//! What may be uploaded, under which name and type.

/// The longest file name, in bytes.
const NAME_BYTES: usize = 255;

/// What a file is called whose name says nothing.
const NAMELESS: &str = "file";

/// The type of everything that is not known to be harmless.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// How many bytes of a file tell its type.
pub(crate) const HEAD: usize = 4096;

/// What attachments of a chat usually are, and browsers do not run.
const TYPES: [&str; 17] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/heic",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "audio/mpeg",
    "audio/ogg",
    "audio/x-wav",
    "audio/m4a",
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "text/plain",
];

/// Which files may be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadPolicy {
    /// The largest file in bytes; 25 MiB. More is answered 413.
    pub max_bytes: u64,
    /// The media types that files may keep, as found in their content. Every other file is stored
    /// and served as `application/octet-stream`. What browsers run (HTML, SVG, XML, scripts) has no
    /// business in here.
    pub types: Vec<String>,
    /// Whether files of other types are taken at all; yes.
    pub others: bool,
}

impl Default for UploadPolicy {
    fn default() -> Self {
        Self { max_bytes: 25 * 1024 * 1024, types: TYPES.map(String::from).into(), others: true }
    }
}

impl UploadPolicy {
    /// The media type of a file, found in how it begins; what a client says does not count. None
    /// where such files are not taken.
    pub fn media_type(&self, head: &[u8]) -> Option<&'static str> {
        let found = infer::get(head).map(|kind| kind.mime_type());
        let found = found.or_else(|| is_text(head).then_some("text/plain"));
        let kept = found.filter(|found| self.types.iter().any(|kept| kept == found));
        kept.or(self.others.then_some(OCTET_STREAM))
    }
}

/// Whether a file begins as plain text does, in UTF-8 without control characters.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end inside of a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    !text.is_empty() && !text.contains(control)
}

/// A file name without what could mislead anybody: no path, no control or bidirectional
/// characters, at most 255 bytes, never empty.
///
/// ```
/// # use chat_core::rules::safe_file_name;
/// assert_eq!(safe_file_name("../../etc/passwd"), "passwd");
/// assert_eq!(safe_file_name("C:\\temp\\notes.txt"), "notes.txt");
/// assert_eq!(safe_file_name("invoice\u{202e}fdp.exe"), "invoicefdp.exe");
/// assert_eq!(safe_file_name(".."), "file");
/// ```
pub fn safe_file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !c.is_control() && !misleads(*c)).collect();
    let short = shortened(trimmed(kept.trim_start()));
    if short.is_empty() { NAMELESS.to_owned() } else { short }
}

/// Without the dots and spaces at the end, which some systems leave out.
fn trimmed(name: &str) -> &str {
    name.trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// Characters that change in which direction, or whether, others are seen.
fn misleads(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// At most 255 bytes, of which the ending is kept where it is short.
fn shortened(name: &str) -> String {
    const ENDING: usize = 16;
    if name.len() <= NAME_BYTES {
        return name.to_owned();
    }
    let ending = name.rfind('.').map_or("", |dot| &name[dot..]);
    let ending = if ending.len() <= ENDING { ending } else { "" };
    let end = name.floor_char_boundary(NAME_BYTES - ending.len());
    format!("{}{ending}", trimmed(&name[..end]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_type_is_what_the_content_says() {
        let policy = UploadPolicy::default();
        let cases: [(&[u8], &str); 8] = [
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"%PDF-1.7\n", "application/pdf"),
            (b"plain text, caf\xc3", "text/plain"),
            (b"<!DOCTYPE html><script>alert(1)</script>", OCTET_STREAM),
            (b"<?xml version=\"1.0\"?><svg/>", OCTET_STREAM),
            (b"\0\x01\x02", OCTET_STREAM),
            (b"", OCTET_STREAM),
        ];
        for (head, expected) in cases {
            assert_eq!(policy.media_type(head), Some(expected), "{head:?}");
        }
        let strict = UploadPolicy { others: false, ..policy };
        assert_eq!(strict.media_type(b"\0\x01\x02"), None);
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let name = safe_file_name(&format!("{}.jpeg", "é".repeat(10_000)));
        assert!(name.len() <= NAME_BYTES && name.ends_with("é.jpeg"), "{name}");
    }

    #[test]
    fn no_name_ends_with_a_dot_or_a_space_however_it_was_cut() {
        assert_eq!(safe_file_name("a\u{2003}. ."), "a");
        let cut = format!("{}. .{}", "a".repeat(253), "b".repeat(100));
        assert_eq!(safe_file_name(&cut), "a".repeat(253));
        assert_eq!(safe_file_name(&format!("{}{}", ".".repeat(300), "b".repeat(100))), NAMELESS);
    }

    proptest! {
        #[test]
        fn every_name_is_safe(name in "\\PC{0,300}|[./\\\\\u{202e}\u{0} a]{0,40}") {
            let safe = safe_file_name(&name);
            prop_assert!(!safe.is_empty() && safe.len() <= NAME_BYTES);
            prop_assert!(!safe.contains(['/', '\\']) && !safe.chars().any(|c| c.is_control() || misleads(c)));
            prop_assert!(!safe.ends_with('.') && safe.trim() == safe);
            prop_assert_eq!(safe_file_name(&safe), safe.clone());
        }
    }
}
