//! What nobody would send who means well.

/// Texts, each as a JSON string and, where that is one, what it says.
pub(crate) fn texts() -> Vec<(String, Option<String>)> {
    let valid = [
        // Nothing to see, or nearly.
        String::new(),
        " ".to_owned(),
        "\u{3000}\u{a0}\n\t".to_owned(),
        "\u{200b}".to_owned(),
        "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}".to_owned(),
        "\u{fe0f}".to_owned(),
        // Control characters, noncharacters, private use, the end of Unicode.
        "\0".to_owned(),
        "before\0after".to_owned(),
        "\u{1}\u{1b}[31m\u{7f}".to_owned(),
        "\u{85}\u{2028}\u{2029}".to_owned(),
        "\r\nSet-Cookie: a=b".to_owned(),
        "\u{fffe}\u{ffff}\u{fdd0}".to_owned(),
        "\u{e000}\u{10ffff}".to_owned(),
        "\u{fffd}".to_owned(),
        // What turns the direction of text, or stacks it up.
        "\u{202e}gpj.exe".to_owned(),
        "\u{2066}a\u{2069}\u{202a}b\u{202c}".to_owned(),
        format!("Z{}", "\u{301}".repeat(9_999)),
        format!("Z{}", "\u{301}".repeat(10_000)),
        "\u{301}".to_owned(),
        "e\u{301}".to_owned(),
        "ﷺ".repeat(300),
        // Chains of emoji.
        "👨\u{200d}👩\u{200d}👧\u{200d}👦".to_owned(),
        "👨\u{200d}".repeat(1_000),
        "👍🏽".to_owned(),
        "❤\u{fe0f}".to_owned(),
        "🇩🇪🇩".to_owned(),
        "🏴\u{e0067}\u{e0062}\u{e007f}".to_owned(),
        // Words of other languages.
        "__proto__".to_owned(),
        "constructor".to_owned(),
        "' or '1'='1'; drop table messages; --".to_owned(),
        "%' _ \\ %%%".to_owned(),
        "\\u0000 \\x00 \\".to_owned(),
        "<script>alert(1)</script><img src=x onerror=alert(1)>".to_owned(),
        "{\"type\":\"error\"}".to_owned(),
        "${jndi:ldap://x} {{7*7}} $(id) `id`".to_owned(),
        "../../../etc/passwd%00".to_owned(),
        "$room $message {room_id}".to_owned(),
        // Case and width that change what is compared or counted.
        "ǅ ß İ ı ﬁ ①".to_owned(),
        "x".repeat(256),
        "x".repeat(1_001),
        "x".repeat(10_001),
        "x".repeat(1024 * 1024),
    ];
    // Escapes that stand for no text at all.
    let broken = [
        r#""\ud800""#,
        r#""\udfff""#,
        r#""\ud800x""#,
        r#""\udc00\ud800""#,
        r#""\uD83D\u0041""#,
        r#""\u12""#,
        r#""\x41""#,
        "\"a\nb\"",
        "\"a\tb\"",
    ];
    let valid = valid.map(|text| (serde_json::to_string(&text).unwrap(), Some(text)));
    valid.into_iter().chain(broken.map(|raw| (raw.to_owned(), None))).collect()
}

/// JSON values that are no text.
pub(crate) const NO_TEXTS: [&str; 17] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e3",
    "-0",
    "2147483648",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "1e400",
    "[]",
    "{}",
    "[[[]]]",
    "{\"$ne\": null}",
];

/// What may stand in a path or query where an integer is expected, percent-encoded.
pub(crate) fn numbers() -> Vec<String> {
    let texts = [
        "-1",
        "0",
        "-0",
        "00",
        "+1",
        "1.0",
        "1.5",
        "2147483648",
        "4294967297",
        "281474976710655",
        "281474976710656",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e3",
        "1e400",
        "0x1",
        "0b1",
        "1_000",
        "1%20",
        "%201",
        "%00",
        "1%00",
        "%D9%A1",
        "%EF%BC%91",
        "%FF",
        "%",
        "%zz",
        "NaN",
        "inf",
        "null",
        "true",
        "[]",
        "%7B%7D",
        "%27",
        "1;2",
        "1,2",
        "..",
        "%2e%2e",
        "%2F",
        "~",
        "00000000-0000-8000-8000-000000000000",
        "00000000-0000-4000-8000-000000000001",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "00000000000080008000000000000001",
    ];
    let mut all: Vec<_> = texts.map(str::to_owned).into();
    all.extend(["9".repeat(40), "9".repeat(10_000), "a".repeat(10_000)]);
    all
}

/// What is no JSON object with each key once. Each begins like `valid`, which is one.
pub(crate) fn documents(valid: &str) -> Vec<Vec<u8>> {
    let fields = valid.trim().strip_prefix('{').unwrap().strip_suffix('}').unwrap();
    let first = fields.split_once(',').map_or(fields, |(first, _)| first);
    let deep =
        |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let (lists, objects) = (deep("[", "]"), deep("{\"a\":", "}"));
    let texts = [
        lists.clone(),
        objects.clone(),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        format!("{{{fields}, \"deep\": {lists}}}"),
        format!("{{{fields}, \"deep\": {objects}}}"),
        format!("{{{fields}, {first}}}"),
        format!("{{{fields}, \"x\": 1, \"x\": 1}}"),
        format!("\u{feff}{valid}"),
        format!("{valid}{valid}"),
        format!("{valid} x"),
        format!("{valid}\0"),
        format!("{{{fields},}}"),
        format!("{{{fields}"),
        format!("{{{fields}, \"x\": 1e999}}"),
        format!("{{{fields}, \"x\": -1e999}}"),
        format!("{{{fields}, \"x\": NaN}}"),
        format!("{{{fields}, \"x\": Infinity}}"),
        format!("{{{fields}, \"x\": 01}}"),
        format!("{{{fields}, \"x\": \"\\ud800\"}}"),
        format!("{{{fields}, x: 1}}"),
        format!("{{{fields} /* */}}"),
        format!("[{valid}]"),
        "null".to_owned(),
        "true".to_owned(),
        "1".to_owned(),
        "\"text\"".to_owned(),
        "[]".to_owned(),
        " ".to_owned(),
        "nonsense".to_owned(),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}

/// A field of every name that the model knows, with a value that nobody may give it.
pub(crate) const MODEL_FIELDS: &str = r#"{
    "id": 4242, "pk": 4242, "message_id": 4242, "chat_id": 4242, "room_id": 4242, "seq": 1, "version": 1,
    "sender": 16, "sender_id": 16, "user": 16, "user_id": 16, "author": 16, "created_by": 16, "creator": 16,
    "status": "read", "status_display": "Read", "is_read": true, "read_at": "2000-01-01T00:00:00Z",
    "delivered_at": "2000-01-01T00:00:00Z", "read_by": [16], "was_already_read": true,
    "created_at": "2000-01-01T00:00:00Z", "updated_at": "2000-01-01T00:00:00Z",
    "timestamp": "2000-01-01T00:00:00Z", "edited_at": "2000-01-01T00:00:00Z",
    "deleted_at": "2000-01-01T00:00:00Z", "is_edited": true, "is_deleted": true, "deleted": true,
    "is_active": false, "active": false, "room_type": "public", "kind": "system", "type_": "system",
    "message_type": "system", "participants": [16], "participant_ids": ["16"], "members": [16],
    "reactions": {"x": ["16"]}, "metadata": {"match": 1}, "match": 1, "unread_count": 99,
    "last_message": {"content": "x"}, "file_name": "x", "file_size": 1,
    "attachment": {"key": "x", "name": "x"}, "is_superuser": true, "role": "admin",
    "__proto__": {"sender": 16}, "origin": "x", "limit": 1000000, "key": "x"
}"#;
