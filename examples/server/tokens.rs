//! Tokens for the users of the demo.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use uuid::Uuid;

/// How long a printed token is good.
const LIFETIME: Duration = Duration::from_hours(24);

/// Signs tokens with one secret.
pub(crate) struct Tokens {
    secret: String,
    random: bool,
}

impl Tokens {
    /// Signs with this secret, or a random one.
    pub(crate) fn new(secret: Option<String>) -> Self {
        let random = secret.is_none();
        let secret = secret
            .unwrap_or_else(|| format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()));
        Self { secret, random }
    }

    /// The secret.
    pub(crate) fn secret(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    /// The secret, if it was made for this run and may be shown.
    pub(crate) fn random_secret(&self) -> Option<&str> {
        self.random.then_some(self.secret.as_str())
    }

    /// A token for a user.
    pub(crate) fn sign(&self, user: &str) -> Result<String, jsonwebtoken::errors::Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = json!({ "sub": user, "exp": (now + LIFETIME).as_secs() });
        encode(&Header::default(), &claims, &EncodingKey::from_secret(self.secret()))
    }
}
