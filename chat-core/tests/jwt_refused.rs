//! Tokens that are not let in (RFC 8725; failures.md, B6).

mod common;

use chat_core::host::{AuthError, JwtAuthenticator};
use common::tokens::{
    EC, EC_PUBLIC, ED, ED_PUBLIC, RSA, RSA_PUBLIC, ask, base64, claims_with, good, hs256, signed,
    user_of, with_header, with_payload,
};
use common::{SECRET, Time};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

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
fn nothing_that_a_header_says_leads_to_another_key_or_another_meaning() {
    let time = Time::new();
    let good = good(&time);
    let other = EncodingKey::from_secret(b"another secret of at least 32 bytes");
    let jwk = r#"{"alg":"HS256","jwk":{"kty":"oct","k":"YW5vdGhlciBzZWNyZXQgb2YgYXQgbGVhc3QgMzIgYnl0ZXM"}}"#;
    let cases = [
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
    ];
    for (why, token) in &cases {
        assert_refused(hs256(&time), &time, why, token);
    }
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
    let either = strict().with_issuer("https://two.example").with_audience("mobile");
    for (iss, aud) in [("https://example.com", "mobile"), ("https://two.example", "chat")] {
        assert_eq!(user_of(&either, &issued(json!({ "iss": iss, "aud": aud }))), "1");
    }
    let neither = issued(json!({ "iss": "https://three.example", "aud": "chat" }));
    assert_refused(either, &time, "none of two iss", &neither);
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
