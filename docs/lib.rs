//! The examples in README.md and on the pages beside this file, compiled and run.

macro_rules! pages {
    ($($name:ident: $path:literal)*) => {
        $(
            #[cfg(doctest)]
            #[doc = include_str!($path)]
            mod $name {}
        )*
    };
}

pages! {
    readme: "../README.md"
    authentication: "authentication.md"
    dialects: "dialects.md"
    django: "django.md"
    embedding: "embedding.md"
    operating: "operating.md"
    promises: "promises.md"
    security: "security.md"
    storage: "storage.md"
    users: "users.md"
}
