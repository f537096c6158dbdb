//! Tokens of any content, rightly signed.

use chat_core::Chat;
use chat_core::dialect::MESSENGER;
use chat_core::host::{JwtAuthenticator, StaticDirectory};
use chat_core::http::dispatch;
use chat_core::model::User;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::{Answer, Flaky, SECRET, Time, headers, now, request};

pub(crate) const RSA: &[u8] = include_bytes!("../keys/rsa.pem");
pub(crate) const RSA_PUBLIC: &[u8] = include_bytes!("../keys/rsa.pub.pem");
pub(crate) const EC: &[u8] = include_bytes!("../keys/ec.pem");
pub(crate) const EC_PUBLIC: &[u8] = include_bytes!("../keys/ec.pub.pem");
pub(crate) const ED: &[u8] = include_bytes!("../keys/ed.pem");
pub(crate) const ED_PUBLIC: &[u8] = include_bytes!("../keys/ed.pub.pem");

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 for URLs without padding.
pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    let mut text = String::new();
    for chunk in bytes.as_ref().chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..=chunk.len() {
            let index = bits >> (18 - 6 * place) & 63;
            text.push(char::from(ALPHABET[usize::try_from(index).unwrap()]));
        }
    }
    text
}

/// A token of any header and payload, rightly signed whatever they say.
pub(crate) fn signed(
    header: &str,
    payload: &str,
    algorithm: Algorithm,
    key: &EncodingKey,
) -> String {
    // Chooses the cryptography provider where both are compiled in.
    let _ = JwtAuthenticator::hs256(SECRET);
    let message = format!("{}.{}", base64(header), base64(payload));
    let signature = sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A token of any payload, signed with the secret.
pub(crate) fn with_payload(payload: &str) -> String {
    with_header(r#"{"alg":"HS256","typ":"JWT"}"#, payload)
}

/// A token of any header and payload, signed with the secret.
pub(crate) fn with_header(header: &str, payload: &str) -> String {
    signed(header, payload, Algorithm::HS256, &EncodingKey::from_secret(SECRET))
}

/// The claims of user 1 with another claim, or another value for one.
pub(crate) fn claims_with(time: &Time, name: &str, value: Value) -> String {
    let mut claims = json!({ "sub": 1, "exp": time.seconds() + 60 });
    claims[name] = value;
    claims.to_string()
}

pub(crate) fn good(time: &Time) -> String {
    json!({ "sub": 1, "exp": time.seconds() + 60 }).to_string()
}

pub(crate) fn hs256(time: &Time) -> JwtAuthenticator {
    JwtAuthenticator::hs256(SECRET).with_clock(time.clone())
}

pub(crate) fn user_of(authenticator: &JwtAuthenticator, token: &str) -> String {
    authenticator.verify(token).unwrap().user.to_string()
}

/// Asks for the list of rooms with a token.
pub(crate) fn ask(authenticator: JwtAuthenticator, time: &Time, token: &str) -> Answer {
    let directory = StaticDirectory::from_iter([User::new(1.into(), "john_doe")]);
    let chat = Chat::new(Flaky::default(), directory, authenticator);
    let bearer = format!("Bearer {token}");
    let headers = headers(&[("authorization", &bearer)]);
    let request = request("GET", "/api/v1.0/chat/rooms/", headers, Vec::new());
    Answer::new(now(dispatch(&chat, MESSENGER, request, time.instant())).response)
}
