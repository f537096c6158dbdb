//! Signed links: leave for one user to fetch what lies at one path, for a while.

use std::time::Duration;

use form_urlencoded::Serializer;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Chat;
use crate::model::{Timestamp, UserId};

/// How long a link is good (wire.md, "team").
const GOOD_FOR: Duration = Duration::from_hours(1);

/// What makes a link good, as its query has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkProof {
    /// For whom.
    pub user: UserId,
    /// Until when, in whole seconds since the start of 1970.
    pub expires: i64,
    /// HMAC-SHA256 over the path, the user and the end, in lowercase hex.
    pub signature: String,
}

impl Chat {
    /// Signs a link to a path for a user, good for an hour. Whether they may have what lies there
    /// is asked when it is used. A trailing slash of the path does not count.
    pub fn sign_link(&self, path: &str, user: &UserId) -> LinkProof {
        let expires = self.clock().now().after(GOOD_FOR).as_micros() / 1_000_000;
        let signature = self.link_mac(path, user, expires).finalize().into_bytes();
        LinkProof { user: user.clone(), expires, signature: hex(&signature) }
    }

    /// The URL of a path below a base ([`Links::base`](crate::http::Links::base)), signed for a user.
    pub fn signed_url(&self, base: &str, path: &str, user: &UserId) -> String {
        let LinkProof { user, expires, signature } = self.sign_link(path, user);
        let mut query = Serializer::new(String::new());
        query.append_pair("user", user.as_str());
        query.append_pair("expires", &expires.to_string());
        query.append_pair("signature", &signature);
        format!("{base}{path}?{}", query.finish())
    }

    /// Whether a link to a path was signed with this chat's key and is still good. Compares in
    /// constant time.
    pub fn verify_link(&self, path: &str, proof: &LinkProof) -> bool {
        let Some(signature) = unhex(&proof.signature) else { return false };
        let mac = self.link_mac(path, &proof.user, proof.expires);
        let genuine = mac.verify_slice(&signature).is_ok();
        genuine && self.clock().now() < Timestamp::from_seconds(proof.expires)
    }

    fn link_mac(&self, path: &str, user: &UserId, expires: i64) -> Hmac<Sha256> {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.inner.signing_key) else {
            unreachable!("HMAC takes keys of any length")
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        mac.update(&expires.to_be_bytes());
        mac.update(&(path.len() as u64).to_be_bytes());
        mac.update(path.as_bytes());
        mac.update(user.as_str().as_bytes());
        mac
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}
