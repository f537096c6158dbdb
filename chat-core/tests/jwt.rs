//! Tokens: what is let in and what is not (wire.md, "Credentials"; RFC 8725).

mod common;

use std::time::Duration;

use chat_core::Chat;
use chat_core::dialect::MESSENGER;
use chat_core::host::{
    AuthError, Authenticator, Clock, Credentials, Identity, JwtAuthenticator, StaticDirectory,
    Transport,
};
use chat_core::http::dispatch;
use chat_core::model::{Timestamp, User};
use common::{Answer, Flaky, SECRET, Time, headers, now, request};
use http::HeaderMap;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

const RSA: &[u8] = include_bytes!("keys/rsa.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("keys/rsa.pub.pem");
const EC: &[u8] = include_bytes!("keys/ec.pem");
const EC_PUBLIC: &[u8] = include_bytes!("keys/ec.pub.pem");
const ED: &[u8] = include_bytes!("keys/ed.pem");
const ED_PUBLIC: &[u8] = include_bytes!("keys/ed.pub.pem");

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 for URLs without padding.
fn base64(bytes: impl AsRef<[u8]>) -> String {
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
fn signed(header: &str, payload: &str, algorithm: Algorithm, key: &EncodingKey) -> String {
    let message = format!("{}.{}", base64(header), base64(payload));
    let signature = sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A token of any payload, signed with the secret.
fn with_payload(payload: &str) -> String {
    with_header(r#"{"alg":"HS256","typ":"JWT"}"#, payload)
}

/// A token of any header and payload, signed with the secret.
fn with_header(header: &str, payload: &str) -> String {
    signed(header, payload, Algorithm::HS256, &EncodingKey::from_secret(SECRET))
}

/// The claims of user 1 with another claim, or another value for one.
fn claims_with(time: &Time, name: &str, value: Value) -> String {
    let mut claims = json!({ "sub": 1, "exp": time.seconds() + 60 });
    claims[name] = value;
    claims.to_string()
}

fn good(time: &Time) -> String {
    json!({ "sub": 1, "exp": time.seconds() + 60 }).to_string()
}

fn hs256(time: &Time) -> JwtAuthenticator {
    JwtAuthenticator::hs256(SECRET).with_clock(time.clone())
}

fn user_of(authenticator: &JwtAuthenticator, token: &str) -> String {
    authenticator.verify(token).unwrap().user.to_string()
}

/// Asks for the list of rooms with a token.
fn ask(authenticator: JwtAuthenticator, time: &Time, token: &str) -> Answer {
    let directory = StaticDirectory::from_iter([User::new(1.into(), "john_doe")]);
    let chat = Chat::new(Flaky::default(), directory, authenticator);
    let bearer = format!("Bearer {token}");
    let headers = headers(&[("authorization", &bearer)]);
    let request = request("GET", "/api/v1.0/chat/rooms/", headers, Vec::new());
    Answer::new(now(dispatch(&chat, MESSENGER, request, time.instant())))
}

#[track_caller]
fn assert_refused(authenticator: JwtAuthenticator, time: &Time, why: &str, token: &str) {
    assert!(matches!(authenticator.verify(token), Err(AuthError::Invalid)), "{why}: {token}");
    if token.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return; // No header can hold it.
    }
    let answer = ask(authenticator, time, token);
    let body =
        json!({ "detail": "Authentication credentials were not provided or are not valid." });
    assert_eq!((answer.status, &answer.body), (401, &body), "{why}");
    assert_eq!(answer.header("www-authenticate"), "Bearer", "{why}");
}

#[test]
fn tokens_that_are_not_signed_by_the_secret_are_refused() {
    let time = Time::new();
    let good = good(&time);
    let secret = EncodingKey::from_secret(SECRET);
    let other = EncodingKey::from_secret(b"another secret of at least 32 bytes");
    let rsa = EncodingKey::from_rsa_pem(RSA).unwrap();
    let valid = with_payload(&good);
    let (message, signature) = valid.rsplit_once('.').unwrap();
    let unsigned = |header: &str| format!("{}.{}.", base64(header), base64(&good));
    let hs256 = r#"{"alg":"HS256"}"#;
    let jwk = r#"{"alg":"HS256","jwk":{"kty":"oct","k":"YW5vdGhlciBzZWNyZXQgb2YgYXQgbGVhc3QgMzIgYnl0ZXM"}}"#;
    let mut broken_signature = signature.to_owned();
    broken_signature.replace_range(0..1, if signature.starts_with('A') { "B" } else { "A" });
    let cases = [
        ("alg none", unsigned(r#"{"alg":"none"}"#)),
        ("alg None", unsigned(r#"{"alg":"None"}"#)),
        ("alg NONE", unsigned(r#"{"alg":"NONE"}"#)),
        ("alg nOnE", unsigned(r#"{"alg":"nOnE"}"#)),
        ("alg empty", unsigned(r#"{"alg":""}"#)),
        ("alg null", unsigned(r#"{"alg":null}"#)),
        ("no alg", unsigned(r#"{"typ":"JWT"}"#)),
        ("alg none with the right signature", with_header(r#"{"alg":"none"}"#, &good)),
        ("alg hs256 in lower case", with_header(r#"{"alg":"hs256"}"#, &good)),
        ("alg twice", with_header(r#"{"alg":"HS256","alg":"none"}"#, &good)),
        ("alg as an array", with_header(r#"{"alg":["HS256"]}"#, &good)),
        ("no signature", unsigned(hs256)),
        ("another secret", signed(hs256, &good, Algorithm::HS256, &other)),
        (
            "the empty secret",
            signed(hs256, &good, Algorithm::HS256, &EncodingKey::from_secret(b"")),
        ),
        ("the right secret, HS384", signed(r#"{"alg":"HS384"}"#, &good, Algorithm::HS384, &secret)),
        ("the right secret, HS512", signed(r#"{"alg":"HS512"}"#, &good, Algorithm::HS512, &secret)),
        ("HS512 named as HS256", signed(hs256, &good, Algorithm::HS512, &secret)),
        (
            "RS256 where HS256 is configured",
            signed(r#"{"alg":"RS256"}"#, &good, Algorithm::RS256, &rsa),
        ),
        ("the key that it brings", signed(jwk, &good, Algorithm::HS256, &other)),
        (
            "jku",
            signed(
                r#"{"alg":"HS256","jku":"https://evil.example/keys"}"#,
                &good,
                Algorithm::HS256,
                &other,
            ),
        ),
        (
            "x5u",
            signed(
                r#"{"alg":"HS256","x5u":"https://evil.example/cert"}"#,
                &good,
                Algorithm::HS256,
                &other,
            ),
        ),
        (
            "kid as a path",
            signed(
                r#"{"alg":"HS256","kid":"../../dev/null"}"#,
                &good,
                Algorithm::HS256,
                &EncodingKey::from_secret(b""),
            ),
        ),
        (
            "kid as SQL",
            signed(
                r#"{"alg":"HS256","kid":"x' union select 'k'--"}"#,
                &good,
                Algorithm::HS256,
                &EncodingKey::from_secret(b"k"),
            ),
        ),
        (
            "kid as a URL",
            signed(
                r#"{"alg":"HS256","kid":"https://evil.example/k"}"#,
                &good,
                Algorithm::HS256,
                &other,
            ),
        ),
        (
            "a critical extension nobody knows",
            with_header(r#"{"alg":"HS256","crit":["exp2"],"exp2":1}"#, &good),
        ),
        (
            "an unencoded payload",
            with_header(r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, &good),
        ),
        (
            "an empty list of critical extensions",
            with_header(r#"{"alg":"HS256","crit":[]}"#, &good),
        ),
        ("a changed signature", format!("{message}.{broken_signature}")),
        ("a shortened signature", format!("{message}.{}", &signature[..signature.len() - 2])),
        (
            "another payload",
            format!(
                "{}.{}.{signature}",
                base64(hs256),
                base64(claims_with(&time, "sub", json!(2)))
            ),
        ),
    ];
    for (why, token) in &cases {
        assert_refused(self::hs256(&time), &time, why, token);
    }
    assert_eq!(user_of(&self::hs256(&time), &valid), "1");
}

#[test]
fn texts_that_are_no_tokens_are_refused() {
    let time = Time::new();
    let good = good(&time);
    let valid = with_payload(&good);
    let (message, signature) = valid.rsplit_once('.').unwrap();
    let padding = "x".repeat(6_200);
    let cases = [
        ("nothing", String::new()),
        ("a word", "token".to_owned()),
        ("dots", "..".to_owned()),
        ("two parts", message.to_owned()),
        ("four parts", format!("{valid}.{signature}")),
        ("five parts, as if encrypted", format!("{valid}.a.b")),
        ("a dot behind", format!("{valid}.")),
        ("a dot before", format!(".{valid}")),
        ("trailing data", format!("{valid}AA")),
        ("padding", format!("{valid}=")),
        ("padding inside", format!("{}=.{}.{signature}", base64("{}"), base64(&good))),
        ("a blank inside", valid.replacen('.', ". ", 1)),
        ("a line break behind", format!("{valid}\n")),
        ("NUL behind", format!("{valid}\0")),
        ("standard base64", valid.replacen('.', "+/.", 1)),
        ("no base64 at all", format!("%%%.{signature}.{signature}")),
        ("a second token behind a comma", format!("{valid},{valid}")),
        ("a header that is no JSON", with_header("alg=HS256", &good)),
        ("a header that is an array", with_header(r#"["HS256"]"#, &good)),
        ("a header with trailing data", with_header(r#"{"alg":"HS256"} x"#, &good)),
        ("an empty payload", with_payload("")),
        ("a payload that is no JSON", with_payload("sub=1")),
        ("a payload that is an array", with_payload("[1]")),
        ("a payload that is null", with_payload("null")),
        ("a payload with trailing data", with_payload(&format!("{good}{good}"))),
        ("a payload that is cut off", with_payload(&good[..good.len() - 1])),
        ("a payload too deep", with_payload(&format!("{{\"sub\":1,\"x\":{}", "[".repeat(1_000)))),
        ("8 KiB and more", with_payload(&claims_with(&time, "x", json!(padding)))),
        ("1 MiB", "x".repeat(1 << 20)),
        ("1 MiB of dots", ".".repeat(1 << 20)),
    ];
    for (why, token) in &cases {
        assert_refused(hs256(&time), &time, why, token);
    }
}

#[test]
fn claims_of_a_wrong_kind_or_time_are_refused() {
    let time = Time::new();
    let (seconds, with) = (time.seconds(), |name, value| claims_with(&time, name, value));
    let later = seconds + 60;
    let cases = [
        ("exp missing", json!({ "sub": 1 }).to_string()),
        ("exp null", with("exp", Value::Null)),
        ("exp a string", with("exp", json!(later.to_string()))),
        ("exp a float", format!(r#"{{"sub":1,"exp":{later}.0}}"#)),
        ("exp with an exponent", r#"{"sub":1,"exp":2e9}"#.to_owned()),
        ("exp negative", with("exp", json!(-1))),
        ("exp zero", with("exp", json!(0))),
        ("exp 2^63", r#"{"sub":1,"exp":9223372036854775808}"#.to_owned()),
        ("exp 2^63-1", with("exp", json!(i64::MAX))),
        ("exp 2^64", r#"{"sub":1,"exp":18446744073709551616}"#.to_owned()),
        ("exp infinite", r#"{"sub":1,"exp":1e999}"#.to_owned()),
        ("exp true", with("exp", json!(true))),
        ("exp an array", with("exp", json!([later]))),
        ("exp an object", with("exp", json!({ "at": later }))),
        ("exp over, and its leeway", with("exp", json!(seconds - 30))),
        ("exp long over", with("exp", json!(seconds - 100_000))),
        ("exp twice", format!(r#"{{"sub":1,"exp":1,"exp":{later}}}"#)),
        ("nbf beyond the leeway", with("nbf", json!(seconds + 31))),
        ("nbf a string", with("nbf", json!(seconds.to_string()))),
        ("nbf a float", with("nbf", json!(1.5))),
        ("nbf negative", with("nbf", json!(-1))),
        ("nbf 2^63", r#"{"sub":1,"exp":9999999999,"nbf":9223372036854775808}"#.to_owned()),
        ("nbf twice", format!(r#"{{"sub":1,"exp":{later},"nbf":{later},"nbf":1}}"#)),
        ("iat in the future", with("iat", json!(seconds + 31))),
        ("iat a string", with("iat", json!("now"))),
        ("sub missing", json!({ "exp": later }).to_string()),
        ("sub null and nothing else", with("sub", Value::Null)),
        ("sub empty", with("sub", json!(""))),
        ("sub a float", with("sub", json!(1.5))),
        ("sub 1.0", format!(r#"{{"sub":1.0,"exp":{later}}}"#)),
        ("sub true", with("sub", json!(true))),
        ("sub an array", with("sub", json!([1]))),
        ("sub an object", with("sub", json!({ "id": 1 }))),
        ("sub with NUL", with("sub", json!("1\0"))),
        ("sub with a line break", with("sub", json!("1\n"))),
        ("sub too long", with("sub", json!("1".repeat(256)))),
        ("sub 2^64", format!(r#"{{"sub":18446744073709551616,"exp":{later}}}"#)),
        ("sub twice", format!(r#"{{"sub":2,"sub":1,"exp":{later}}}"#)),
        ("sub wrong, user_id right", json!({ "sub": [], "user_id": 1, "exp": later }).to_string()),
        ("user_id a float", json!({ "user_id": 1.5, "exp": later }).to_string()),
        ("user_id twice", format!(r#"{{"user_id":2,"user_id":1,"exp":{later}}}"#)),
    ];
    for (why, payload) in &cases {
        assert_refused(hs256(&time), &time, why, &with_payload(payload));
    }
}

#[test]
fn issuer_and_audience_are_required_where_they_are_configured() {
    let time = Time::new();
    let issued = |claims: Value| {
        let mut all = json!({ "sub": 1, "exp": time.seconds() + 60 });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        with_payload(&all.to_string())
    };
    let strict = || hs256(&time).with_issuer("https://example.com").with_audience("chat");
    let later = time.seconds() + 60;
    let twice = |name: &str, first: &str, second: &str| {
        with_payload(&format!(
            r#"{{"sub":1,"exp":{later},"iss":"https://example.com","{name}":"{first}","{name}":"{second}"}}"#
        ))
    };
    let cases = [
        ("neither", issued(json!({}))),
        ("no aud", issued(json!({ "iss": "https://example.com" }))),
        ("no iss", issued(json!({ "aud": "chat" }))),
        ("wrong iss", issued(json!({ "iss": "https://evil.example", "aud": "chat" }))),
        ("longer iss", issued(json!({ "iss": "https://example.com/", "aud": "chat" }))),
        ("empty iss", issued(json!({ "iss": "", "aud": "chat" }))),
        ("null iss", issued(json!({ "iss": null, "aud": "chat" }))),
        ("iss a number", issued(json!({ "iss": 1, "aud": "chat" }))),
        ("wrong aud", issued(json!({ "iss": "https://example.com", "aud": "mail" }))),
        ("empty aud", issued(json!({ "iss": "https://example.com", "aud": "" }))),
        ("no aud in the list", issued(json!({ "iss": "https://example.com", "aud": [] }))),
        ("other auds", issued(json!({ "iss": "https://example.com", "aud": ["mail", "files"] }))),
        ("aud an object", issued(json!({ "iss": "https://example.com", "aud": { "chat": 1 } }))),
        ("aud twice", twice("aud", "mail", "chat")),
        ("iss twice", twice("iss", "https://evil.example", "https://example.com")),
    ];
    for (why, token) in &cases {
        assert_refused(strict(), &time, why, token);
    }
    for aud in [json!("chat"), json!(["mail", "chat"])] {
        let token = issued(json!({ "iss": "https://example.com", "aud": aud }));
        assert_eq!(user_of(&strict(), &token), "1");
    }
    let other = issued(json!({ "iss": "https://anybody.example", "aud": "anything" }));
    assert_eq!(user_of(&hs256(&time), &other), "1");
}

#[test]
fn a_public_key_is_no_secret_and_algorithms_are_not_swapped() {
    let time = Time::new();
    let good = good(&time);
    let rs256 = || JwtAuthenticator::rs256(RSA_PUBLIC).unwrap().with_clock(time.clone());
    let es256 = || JwtAuthenticator::es256(EC_PUBLIC).unwrap().with_clock(time.clone());
    let eddsa = || JwtAuthenticator::eddsa(ED_PUBLIC).unwrap().with_clock(time.clone());
    let hs = |secret: &[u8]| {
        let key = EncodingKey::from_secret(secret);
        signed(r#"{"alg":"HS256"}"#, &good, Algorithm::HS256, &key)
    };
    let rsa = EncodingKey::from_rsa_pem(RSA).unwrap();
    let ec = EncodingKey::from_ec_pem(EC).unwrap();
    let ed = EncodingKey::from_ed_pem(ED).unwrap();
    let trimmed = RSA_PUBLIC.trim_ascii_end();
    let confusion = |algorithm, key| signed(r#"{"alg":"HS256"}"#, &good, algorithm, key);
    assert_refused(rs256(), &time, "HS256 by the public RSA key", &hs(RSA_PUBLIC));
    assert_refused(rs256(), &time, "HS256 by the trimmed public RSA key", &hs(trimmed));
    assert_refused(es256(), &time, "HS256 by the public EC key", &hs(EC_PUBLIC));
    assert_refused(eddsa(), &time, "HS256 by the public Ed25519 key", &hs(ED_PUBLIC));
    assert_refused(rs256(), &time, "RS256 named as HS256", &confusion(Algorithm::RS256, &rsa));
    assert_refused(hs256(&time), &time, "RS256 named as HS256", &confusion(Algorithm::RS256, &rsa));
    for (name, algorithm, key) in [
        ("RS384", Algorithm::RS384, &rsa),
        ("RS512", Algorithm::RS512, &rsa),
        ("PS256", Algorithm::PS256, &rsa),
        ("ES256", Algorithm::ES256, &ec),
        ("EdDSA", Algorithm::EdDSA, &ed),
    ] {
        let token = signed(&format!(r#"{{"alg":"{name}"}}"#), &good, algorithm, key);
        assert_refused(rs256(), &time, name, &token);
        let renamed = signed(r#"{"alg":"RS256"}"#, &good, algorithm, key);
        assert_refused(rs256(), &time, &format!("{name} named as RS256"), &renamed);
    }
    for name in ["RS256", "EdDSA", "ES384"] {
        let token = signed(&format!(r#"{{"alg":"{name}"}}"#), &good, Algorithm::ES256, &ec);
        assert_refused(es256(), &time, name, &token);
    }
    let unsigned = format!("{}.{}.", base64(r#"{"alg":"none"}"#), base64(&good));
    for authenticator in [rs256(), es256(), eddsa()] {
        assert_refused(authenticator, &time, "none", &unsigned);
    }
}

#[test]
fn tokens_of_each_kind_of_key_are_let_in() {
    let time = Time::new();
    let good = good(&time);
    let rsa = EncodingKey::from_rsa_pem(RSA).unwrap();
    let ec = EncodingKey::from_ec_pem(EC).unwrap();
    let ed = EncodingKey::from_ed_pem(ED).unwrap();
    let secret = EncodingKey::from_secret(SECRET);
    for (name, algorithm, key, authenticator) in [
        ("HS256", Algorithm::HS256, secret.clone(), JwtAuthenticator::hs256(SECRET)),
        ("HS512", Algorithm::HS512, secret, JwtAuthenticator::hs512(SECRET)),
        ("RS256", Algorithm::RS256, rsa, JwtAuthenticator::rs256(RSA_PUBLIC).unwrap()),
        ("ES256", Algorithm::ES256, ec, JwtAuthenticator::es256(EC_PUBLIC).unwrap()),
        ("EdDSA", Algorithm::EdDSA, ed, JwtAuthenticator::eddsa(ED_PUBLIC).unwrap()),
    ] {
        let token = signed(&format!(r#"{{"alg":"{name}","typ":"JWT"}}"#), &good, algorithm, &key);
        let authenticator = authenticator.with_clock(time.clone());
        assert_eq!(user_of(&authenticator, &token), "1", "{name}");
        assert_eq!(ask(authenticator, &time, &token).status, 200, "{name}");
    }
}

#[test]
fn a_key_of_another_kind_is_no_key() {
    assert!(JwtAuthenticator::rs256(b"no key").is_err());
    assert!(JwtAuthenticator::rs256(EC_PUBLIC).is_err());
    assert!(JwtAuthenticator::es256(RSA_PUBLIC).is_err());
    assert!(JwtAuthenticator::eddsa(RSA_PUBLIC).is_err());
}

#[test]
fn the_user_is_sub_else_user_id_and_an_integer_counts_in_decimal() {
    let time = Time::new();
    let later = time.seconds() + 60;
    for (claims, user) in [
        (json!({ "sub": "1" }), "1"),
        (json!({ "sub": 1 }), "1"),
        (json!({ "sub": "user_2abc" }), "user_2abc"),
        (json!({ "sub": 9_007_199_254_740_993_u64 }), "9007199254740993"),
        (json!({ "user_id": 1 }), "1"),
        (json!({ "user_id": "1" }), "1"),
        (json!({ "sub": null, "user_id": 1 }), "1"),
        (json!({ "sub": 1, "user_id": 2 }), "1"),
    ] {
        let mut all = claims.clone();
        all["exp"] = json!(later);
        assert_eq!(user_of(&hs256(&time), &with_payload(&all.to_string())), user, "{claims}");
    }
}

#[test]
fn the_leeway_is_30_seconds_to_the_microsecond() {
    let time = Time::new();
    let expired = with_payload(&claims_with(&time, "exp", json!(time.seconds())));
    let early = with_payload(&claims_with(&time, "nbf", json!(time.seconds() + 61)));
    let issued_early = with_payload(&claims_with(&time, "iat", json!(time.seconds() + 61)));
    let authenticator = hs256(&time);
    let verify = |token: &str| authenticator.verify(token).is_ok();

    time.advance(Duration::from_micros(29_999_999));
    assert_eq!((verify(&expired), verify(&early), verify(&issued_early)), (true, false, false));
    time.advance(Duration::from_micros(1));
    assert!(!verify(&expired));
    time.advance(Duration::from_micros(999_999));
    assert_eq!((verify(&early), verify(&issued_early)), (false, false));
    time.advance(Duration::from_micros(1));
    assert_eq!((verify(&early), verify(&issued_early)), (true, true));
}

#[test]
fn the_leeway_is_configurable() {
    let time = Time::new();
    let token = with_payload(&claims_with(&time, "exp", json!(time.seconds())));
    assert!(hs256(&time).with_leeway(Duration::ZERO).verify(&token).is_err());
    assert!(hs256(&time).with_leeway(Duration::from_secs(1)).verify(&token).is_ok());
}

#[test]
fn an_identity_lasts_until_its_token_expires() {
    let time = Time::new();
    let expiry = |seconds: i64| {
        let exp = json!(time.seconds() + seconds);
        hs256(&time).verify(&with_payload(&claims_with(&time, "exp", exp))).unwrap().expires_at
    };
    let after = |seconds| Some(Timestamp::from_seconds(time.seconds() + seconds));
    assert_eq!(expiry(60), after(60));
    assert_eq!(expiry(1), after(1));
    assert_eq!(expiry(0), after(30));
    assert_eq!(expiry(-10), after(20));
}

#[test]
fn a_token_of_8_kib_is_looked_at() {
    let time = Time::new();
    let sized = |size: usize| with_payload(&claims_with(&time, "x", json!("x".repeat(size))));
    let longest = (6_000..6_200).map(sized).take_while(|token| token.len() <= 8_192).last();
    assert!(longest.as_ref().unwrap().len() > 8_180);
    assert!(hs256(&time).verify(&longest.unwrap()).is_ok());
}

/// Who is recognised by what a request brought: the user's id, or nobody.
fn recognised(transport: Transport, headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    let time = Time::new();
    let schemes = MESSENGER.schemes;
    let credentials = Credentials { transport, headers, query, schemes };
    let known: Result<Identity, AuthError> = now(hs256(&time).authenticate(credentials));
    known.ok().map(|identity| identity.user.to_string())
}

fn token_of(user: u64) -> String {
    let exp = Time::new().now().after(Duration::from_secs(60)).as_micros() / 1_000_000;
    with_payload(&json!({ "sub": user, "exp": exp }).to_string())
}

#[test]
fn the_first_of_header_query_subprotocol_and_cookie_counts() {
    let bearer = format!("Bearer {}", token_of(1));
    let query = format!("page=2&token={}", token_of(2));
    let protocol = format!("bearer, {}", token_of(3));
    let cookie = format!("theme=dark; sessionid={}; other=1", token_of(4));
    let all = [
        ("authorization", bearer.as_str()),
        ("sec-websocket-protocol", protocol.as_str()),
        ("cookie", cookie.as_str()),
    ];
    let user =
        |first: usize, query| recognised(Transport::WebSocket, &headers(&all[first..]), query);
    assert_eq!(user(0, Some(&query)).as_deref(), Some("1"));
    assert_eq!(user(1, Some(&query)).as_deref(), Some("2"));
    assert_eq!(user(1, None).as_deref(), Some("3"));
    assert_eq!(user(1, Some("page=2")).as_deref(), Some("3"));
    assert_eq!(user(2, None).as_deref(), Some("4"));
    assert_eq!(user(3, None), None);
}

#[test]
fn a_bad_token_in_a_place_that_counts_is_not_made_up_for_by_another() {
    let query = format!("token={}", token_of(2));
    let cookie = format!("sessionid={}", token_of(4));
    let both = |name, value| headers(&[(name, value), ("cookie", cookie.as_str())]);
    let user = |headers, query| recognised(Transport::WebSocket, &headers, query);
    assert_eq!(user(both("authorization", "Bearer nonsense"), Some(&query)), None);
    assert_eq!(user(both("authorization", "Basic am9objpkb2U="), Some(&query)), None);
    assert_eq!(user(both("authorization", "Bearer"), Some(&query)), None);
    assert_eq!(user(headers(&[("cookie", cookie.as_str())]), Some("token=nonsense")), None);
    assert_eq!(user(headers(&[("cookie", cookie.as_str())]), Some("token=")), None);
    assert_eq!(user(both("sec-websocket-protocol", "bearer, nonsense"), None), None);
}

#[test]
fn the_letter_case_of_the_scheme_does_not_count_and_other_schemes_do_not() {
    let token = token_of(1);
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        for transport in [Transport::Http, Transport::WebSocket] {
            let headers = headers(&[("authorization", &format!("{scheme} {token}"))]);
            assert_eq!(recognised(transport, &headers, None).as_deref(), Some("1"), "{scheme}");
        }
    }
    for scheme in ["Token", "JWT", "Basic", "Bearer:", ""] {
        let headers = headers(&[("authorization", &format!("{scheme} {token}"))]);
        assert_eq!(recognised(Transport::Http, &headers, None), None, "{scheme}");
    }
    let bare = headers(&[("authorization", &token)]);
    assert_eq!(recognised(Transport::Http, &bare, None), None);
}

#[test]
fn http_takes_the_header_alone() {
    let query = format!("token={}", token_of(2));
    let cookie = format!("sessionid={}", token_of(4));
    let protocol = format!("bearer, {}", token_of(3));
    let all = headers(&[("cookie", &cookie), ("sec-websocket-protocol", &protocol)]);
    assert_eq!(recognised(Transport::Http, &all, Some(&query)), None);
}

#[test]
fn cookies_and_subprotocols_are_found_among_others_and_over_several_headers() {
    let mut several = headers(&[("cookie", "a=1")]);
    several.append("cookie", format!("sessionid={}", token_of(4)).parse().unwrap());
    assert_eq!(recognised(Transport::WebSocket, &several, None).as_deref(), Some("4"));

    let mut several = headers(&[("sec-websocket-protocol", "chat, Bearer")]);
    several.append("sec-websocket-protocol", token_of(3).parse().unwrap());
    assert_eq!(recognised(Transport::WebSocket, &several, None).as_deref(), Some("3"));

    let similar = format!("xsessionid={0}; sessionidx={0}", token_of(4));
    let similar = headers(&[("cookie", &similar)]);
    assert_eq!(recognised(Transport::WebSocket, &similar, None), None);
}

#[test]
fn neither_tokens_nor_secrets_are_in_debug_texts() {
    let token = token_of(1);
    let query = format!("token={token}");
    let map = headers(&[("authorization", &format!("Bearer {token}"))]);
    let (transport, schemes) = (Transport::WebSocket, MESSENGER.schemes);
    let credentials = Credentials { transport, headers: &map, query: Some(&query), schemes };
    let request = request("GET", &format!("/x?{query}"), map.clone(), Vec::new());
    let texts = format!("{credentials:?} {request:?} {:?}", JwtAuthenticator::hs256(SECRET));
    for slice in token.as_bytes().windows(16) {
        assert!(!texts.contains(std::str::from_utf8(slice).unwrap()));
    }
    assert!(!texts.contains("a secret of at least"));
}
