//! Tokens that are let in, and where they are looked for (wire.md, "Credentials").

mod common;

use std::time::Duration;

use chat_core::dialect::MESSENGER;
use chat_core::host::{
    AuthError, Authenticator, Clock, Credentials, Identity, JwtAuthenticator, Transport,
};
use chat_core::model::Timestamp;
use common::tokens::{
    EC, EC_PUBLIC, ED, ED_PUBLIC, RSA, RSA_PUBLIC, ask, claims_with, good, hs256, signed, user_of,
    with_payload,
};
use common::{SECRET, Time, headers, now, request};
use http::HeaderMap;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

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
    let uri = format!("/?{}", query.unwrap_or_default());
    let parts = request("GET", &uri, headers.clone(), Vec::new()).parts;
    let credentials = Credentials::new(transport, &parts, schemes);
    let known: Result<Identity, AuthError> = now(hs256(&time).authenticate(credentials));
    known.ok().map(|identity| identity.user.to_string())
}

fn token_of(user: u64) -> String {
    let exp = Time::new().now().after(Duration::from_mins(1)).as_micros() / 1_000_000;
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
fn claims_that_the_host_requires_have_to_have_its_values() {
    let time = Time::new();
    let access = hs256(&time).with_claim("token_type", "access");
    let is_let_in = |authenticator: &JwtAuthenticator, name: &str, value| {
        authenticator.verify(&with_payload(&claims_with(&time, name, value))).is_ok()
    };
    assert!(is_let_in(&access, "token_type", json!("access")));
    for value in [json!("refresh"), json!("Access"), json!(["access"]), json!(null)] {
        assert!(!is_let_in(&access, "token_type", value.clone()), "{value}");
    }
    assert!(!is_let_in(&access, "type", json!("access")));
    assert!(access.verify(&with_payload(&good(&time))).is_err());
    let both = access.with_claim("admin", true);
    assert!(!is_let_in(&both, "token_type", json!("access")));
    let mut claims: Value = serde_json::from_str(&good(&time)).unwrap();
    claims["token_type"] = json!("access");
    claims["admin"] = json!(true);
    assert_eq!(user_of(&both, &with_payload(&claims.to_string())), "1");
}

#[test]
fn neither_tokens_nor_secrets_are_in_debug_texts() {
    let token = token_of(1);
    let query = format!("token={token}");
    let map = headers(&[("authorization", &format!("Bearer {token}"))]);
    let (transport, schemes) = (Transport::WebSocket, MESSENGER.schemes);
    let request = request("GET", &format!("/x?{query}"), map, Vec::new());
    let credentials = Credentials::new(transport, &request.parts, schemes);
    let texts = format!("{credentials:?} {request:?} {:?}", JwtAuthenticator::hs256(SECRET));
    for slice in token.as_bytes().windows(16) {
        assert!(!texts.contains(std::str::from_utf8(slice).unwrap()));
    }
    assert!(!texts.contains("a secret of at least"));
}
