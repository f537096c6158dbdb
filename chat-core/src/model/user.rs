//! A user, as the host's directory describes them.

use super::UserId;

/// What the library shows of a user. It comes from the host's
/// [`Directory`](crate::host::Directory) and is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The host's id.
    pub id: UserId,
    /// The name to sign in with or to be mentioned by.
    pub username: String,
    /// The name to show.
    pub display_name: String,
    /// The mail address; empty where the host shows none.
    pub email: String,
    /// The given name; may be empty.
    pub first_name: String,
    /// The family name; may be empty.
    pub last_name: String,
    /// A word of the host's for what the user is, such as `Student`; may be empty.
    pub role: String,
    /// The URL of the profile picture.
    pub picture: Option<String>,
    /// The URLs of further pictures, the most important first.
    pub image_urls: Vec<String>,
}

impl User {
    /// A user of whom nothing but id and username is known; the display name is the username.
    pub fn new(id: UserId, username: impl Into<String>) -> Self {
        let username = username.into();
        Self {
            id,
            display_name: username.clone(),
            username,
            email: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            role: String::new(),
            picture: None,
            image_urls: Vec::new(),
        }
    }

    /// Stands for somebody whom the directory no longer knows but whose messages stay: the id is
    /// shown as the name.
    pub fn unknown(id: UserId) -> Self {
        let name = id.as_str().to_owned();
        Self::new(id, name)
    }

    /// Sets the name to show.
    #[must_use]
    pub fn with_display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = name.into();
        self
    }

    /// Sets the mail address.
    #[must_use]
    pub fn with_email(mut self, email: impl Into<String>) -> Self {
        self.email = email.into();
        self
    }

    /// Sets given and family name.
    #[must_use]
    pub fn with_names(mut self, first: impl Into<String>, last: impl Into<String>) -> Self {
        self.first_name = first.into();
        self.last_name = last.into();
        self
    }

    /// Sets the role.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<String>) -> Self {
        self.role = role.into();
        self
    }

    /// Sets the URL of the profile picture.
    #[must_use]
    pub fn with_picture(mut self, url: impl Into<String>) -> Self {
        self.picture = Some(url.into());
        self
    }

    /// Sets the URLs of further pictures.
    #[must_use]
    pub fn with_image_urls(mut self, urls: Vec<String>) -> Self {
        self.image_urls = urls;
        self
    }
}
