//! Signed tokens (JSON Web Tokens, RFC 7519) as credentials.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{AuthError, Authenticator, Clock, Credentials, Identity, SystemClock};
use crate::model::{Timestamp, UserId};

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;

/// Why a key cannot be used: it is not in the format, or not of the kind, that was said.
#[derive(Debug, thiserror::Error)]
#[error("the key cannot be used")]
pub struct InvalidKey(#[source] jsonwebtoken::errors::Error);

/// Recognises users by signed tokens (wire.md, "Credentials").
///
/// A token comes where [`Credentials::token`] looks, and has at most 8 KiB. The user id is the claim
/// `sub`, else `user_id`; an integer is taken in its decimal form. `exp` is required, and neither
/// `nbf` nor `iat` may lie in the future, all as integers, with a leeway of 30 seconds. The
/// algorithm is the key's own and no other, whatever a token's header says. An open socket ends when
/// its token expires.
///
/// The first one made in a process installs a cryptography provider for `jsonwebtoken`, unless
/// there is one. A host that installs its own must do so earlier.
///
/// ```
/// use chat_core::host::JwtAuthenticator;
///
/// let authenticator = JwtAuthenticator::hs256(b"at least 32 random bytes, kept safe").with_issuer("https://example.com");
/// ```
#[derive(Clone)]
pub struct JwtAuthenticator {
    key: DecodingKey,
    validation: Validation,
    required: Vec<(String, Value)>,
    leeway: Duration,
    clock: Arc<dyn Clock>,
}

/// Without the key.
impl fmt::Debug for JwtAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthenticator")
            .field("algorithms", &self.validation.algorithms)
            .finish_non_exhaustive()
    }
}

impl JwtAuthenticator {
    /// Tokens signed with HMAC and SHA-256, by whoever knows the secret: at least 32 random bytes
    /// (RFC 7518, section 3.2), which is not checked.
    pub fn hs256(secret: &[u8]) -> Self {
        Self::new(Algorithm::HS256, DecodingKey::from_secret(secret))
    }

    /// Tokens signed with HMAC and SHA-512, likewise with a secret of at least 64 random bytes.
    pub fn hs512(secret: &[u8]) -> Self {
        Self::new(Algorithm::HS512, DecodingKey::from_secret(secret))
    }

    /// Tokens signed with RSA (PKCS #1 v1.5) and SHA-256; the public key as PEM.
    ///
    /// # Errors
    /// [`InvalidKey`] where the text is no such key.
    pub fn rs256(public_key_pem: &[u8]) -> Result<Self, InvalidKey> {
        let key = DecodingKey::from_rsa_pem(public_key_pem).map_err(InvalidKey)?;
        Ok(Self::new(Algorithm::RS256, key))
    }

    /// Tokens signed with ECDSA on P-256 and SHA-256; the public key as PEM.
    ///
    /// # Errors
    /// [`InvalidKey`] where the text is no such key.
    pub fn es256(public_key_pem: &[u8]) -> Result<Self, InvalidKey> {
        let key = DecodingKey::from_ec_pem(public_key_pem).map_err(InvalidKey)?;
        Ok(Self::new(Algorithm::ES256, key))
    }

    /// Tokens signed with Ed25519; the public key as PEM.
    ///
    /// # Errors
    /// [`InvalidKey`] where the text is no such key.
    pub fn eddsa(public_key_pem: &[u8]) -> Result<Self, InvalidKey> {
        let key = DecodingKey::from_ed_pem(public_key_pem).map_err(InvalidKey)?;
        Ok(Self::new(Algorithm::EdDSA, key))
    }

    /// Tokens of any algorithm and key that [`jsonwebtoken`] knows.
    pub fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        install_provider();
        let mut validation = Validation::new(algorithm);
        // Times are checked here, against the clock that the host may replace.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let leeway = Duration::from_secs(30);
        Self { key, validation, required: Vec::new(), leeway, clock: Arc::new(SystemClock) }
    }

    /// Requires this issuer (`iss`), or one of those that were set before.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.validation.iss.get_or_insert_default().insert(issuer.into());
        self.validation.required_spec_claims.insert("iss".to_owned());
        self
    }

    /// Requires this audience (`aud`), or one of those that were set before.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.validation.aud.get_or_insert_default().insert(audience.into());
        self.validation.validate_aud = true;
        self.validation.required_spec_claims.insert("aud".to_owned());
        self
    }

    /// Requires a claim of the token's to have this value, such as `token_type` to be `access` where
    /// tokens for other purposes are signed with the same key, as simplejwt does. Not for the user
    /// and the times; each claim that is set so is required.
    #[must_use]
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.required.push((name.into(), value.into()));
        self
    }

    /// Sets how far clocks may differ; 30 seconds unless set.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Sets the clock; the system's unless set.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Says whose token it is.
    ///
    /// # Errors
    /// [`AuthError::Invalid`], whatever is wrong with it.
    pub fn verify(&self, token: &str) -> Result<Identity, AuthError> {
        if token.len() > MAX_TOKEN {
            return Err(AuthError::Invalid);
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|_| AuthError::Invalid)?;
        // Whoever does not understand a critical extension has to refuse the token (RFC 7515,
        // section 4.1.11), and none is understood here.
        if decoded.header.crit.is_some() {
            return Err(AuthError::Invalid);
        }
        let claims = decoded.claims;
        if self.required.iter().any(|(name, value)| claims.others.get(name) != Some(value)) {
            return Err(AuthError::Invalid);
        }
        let now = self.clock.now();
        let expires = moment(&claims.exp)?;
        if expires.after(self.leeway) <= now {
            return Err(AuthError::Invalid);
        }
        for not_before in [&claims.nbf, &claims.iat].into_iter().flatten() {
            if moment(not_before)? > now.after(self.leeway) {
                return Err(AuthError::Invalid);
            }
        }
        let user = claims.sub.or(claims.user_id).ok_or(AuthError::Invalid)?;
        // Who was let in by the leeway alone has until its end.
        let expires_at = Some(if expires > now { expires } else { expires.after(self.leeway) });
        Ok(Identity { user: user_id(&user)?, expires_at })
    }
}

/// The claims that are looked at. A claim that is there twice is refused by serde.
#[derive(Deserialize)]
struct Claims {
    sub: Option<Value>,
    user_id: Option<Value>,
    exp: Value,
    nbf: Option<Value>,
    iat: Option<Value>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The moment of a time claim, which must be an integer that a [`Timestamp`] can hold.
fn moment(claim: &Value) -> Result<Timestamp, AuthError> {
    const YEAR_10000: i64 = 253_402_300_800;
    let seconds = claim.as_i64().filter(|seconds| (0..YEAR_10000).contains(seconds));
    seconds.map(Timestamp::from_seconds).ok_or(AuthError::Invalid)
}

fn user_id(claim: &Value) -> Result<UserId, AuthError> {
    let text = match claim {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return Err(AuthError::Invalid),
    };
    UserId::new(text).map_err(|_| AuthError::Invalid)
}

/// With no provider, or with both compiled in through a host, `jsonwebtoken` would panic at its
/// first use; an error here means that somebody else was first, which is as good.
fn install_provider() {
    #[cfg(feature = "jwt-aws-lc")]
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    #[cfg(all(feature = "jwt-rust-crypto", not(feature = "jwt-aws-lc")))]
    let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
}

#[async_trait]
impl Authenticator for JwtAuthenticator {
    async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Identity, AuthError> {
        let token = credentials.token()?.ok_or(AuthError::Missing)?;
        self.verify(&token)
    }
}
