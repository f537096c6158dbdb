//! Users and rooms to begin with.

use std::fmt;
use std::path::Path;

use chat_core::dialect::Dialect;
use chat_core::host::StaticDirectory;
use chat_core::model::{RoomId, RoomKind, Slice, User, UserId};
use chat_core::rules::RoomName;
use chat_core::store::{NewDirectRoom, NewRoom, RoomOrder, Store};
use chat_core::{Actor, Chat, Outgoing};
use serde::Deserialize;
use serde_json::{Map, Value};

type Error = Box<dyn std::error::Error>;

/// Users and rooms, as the data file has them.
#[derive(Debug, Deserialize)]
pub(crate) struct Data {
    pub(crate) users: Vec<UserRow>,
    #[serde(default)]
    rooms: Vec<RoomRow>,
    /// What was said already, in rooms by their place in the file. In the demo only.
    #[serde(skip)]
    history: Vec<(usize, &'static str, &'static str)>,
}

/// An id, as a number or a string.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Id {
    Number(u64),
    Text(String),
}

#[derive(Debug, Deserialize)]
pub(crate) struct UserRow {
    pub(crate) id: Id,
    pub(crate) username: String,
    email: Option<String>,
    pub(crate) display_name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    role: Option<String>,
    picture: Option<String>,
    image_urls: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct RoomRow {
    kind: String,
    name: Option<String>,
    members: Vec<Id>,
    created_by: Option<Id>,
    metadata: Option<Map<String, Value>>,
}

impl Data {
    /// Reads a data file.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        let data: Self =
            serde_json::from_str(&text).map_err(|error| format!("{shown}: {error}"))?;
        for id in data.ids() {
            UserId::new(id.to_string()).map_err(|error| format!("{shown}: user {id}: {error}"))?;
        }
        Ok(data)
    }

    /// Five people who have talked a little.
    pub(crate) fn demo() -> Self {
        let user = |id, first: &str, last: &str| UserRow {
            id: Id::Number(id),
            username: format!("{}_{}", first.to_lowercase(), last.to_lowercase()),
            email: Some(format!("{}@example.com", first.to_lowercase())),
            display_name: Some(format!("{first} {last}")),
            first_name: Some(first.to_owned()),
            last_name: Some(last.to_owned()),
            role: Some("Student".to_owned()),
            picture: None,
            image_urls: None,
        };
        let direct = |members: [u64; 2]| RoomRow {
            kind: "direct".to_owned(),
            name: None,
            members: members.map(Id::Number).into(),
            created_by: None,
            metadata: None,
        };
        let general = RoomRow {
            kind: "group".to_owned(),
            name: Some("General".to_owned()),
            members: (1..=5).map(Id::Number).collect(),
            created_by: Some(Id::Number(1)),
            metadata: None,
        };
        let lounge = RoomRow {
            kind: "public".to_owned(),
            name: Some("Lounge".to_owned()),
            members: vec![Id::Number(5), Id::Number(2)],
            created_by: Some(Id::Number(5)),
            metadata: None,
        };
        Self {
            users: vec![
                user(1, "John", "Doe"),
                user(2, "Jane", "Smith"),
                user(3, "Amina", "Diallo"),
                user(4, "Kenji", "Sato"),
                user(5, "Sofia", "Rossi"),
            ],
            rooms: vec![
                direct([1, 2]),
                direct([1, 3]),
                direct([2, 4]),
                general,
                direct([5, 1]),
                lounge,
            ],
            history: vec![
                (0, "2", "Hi John, are you coming to the reading group tonight?"),
                (0, "1", "Yes! I have even read the chapter this time."),
                (0, "2", "I don't believe a word of it 😄"),
                (1, "3", "The slides are in the folder."),
                (1, "1", "Thank you, I'll look at them after lunch."),
                (2, "4", "Did the build go through?"),
                (3, "1", "Welcome, everybody."),
                (3, "5", "Ciao!"),
                (4, "5", "Do you have a minute?"),
                (5, "5", "Anyone may come in here."),
            ],
        }
    }

    /// The users as a directory.
    pub(crate) fn directory(&self) -> StaticDirectory {
        self.users.iter().filter_map(UserRow::user).collect()
    }

    /// Makes the rooms, and says in them what was said.
    pub(crate) async fn load(&self, chat: &Chat, store: &impl Store) -> Result<(), Error> {
        let mut rooms = Vec::new();
        for (index, room) in self.rooms.iter().enumerate() {
            let made = room.make(chat, store).await;
            rooms.push(made.map_err(|error| format!("room {}: {error}", index + 1))?);
        }
        for (room, user, text) in &self.history {
            // The key finds what another start has said.
            let said = Outgoing::new(*text).with_key(format!("demo: {text}"));
            chat.acting_as(*user).send(rooms[*room], said).await?;
        }
        Ok(())
    }

    /// Each user's first room in a dialect, in the order of the users.
    pub(crate) async fn first_rooms(
        &self,
        chat: &Chat,
        dialect: &Dialect,
    ) -> Result<Vec<Option<RoomId>>, Error> {
        let mut first = Vec::new();
        for row in &self.users {
            let user =
                chat.user(&row.id.user_id()?).await?.ok_or("a user is not in the directory")?;
            let actor = Actor::recognised(chat, user, dialect.kinds, dialect.visitors);
            let rooms = actor.rooms(RoomOrder::Id, Slice::first(1)).await?;
            first.push(rooms.items.first().map(|summary| summary.room.id));
        }
        Ok(first)
    }

    fn ids(&self) -> impl Iterator<Item = &Id> {
        let of_rooms =
            self.rooms.iter().flat_map(|room| room.members.iter().chain(&room.created_by));
        self.users.iter().map(|user| &user.id).chain(of_rooms)
    }
}

impl RoomRow {
    async fn make(&self, chat: &Chat, store: &impl Store) -> Result<RoomId, Error> {
        let at = chat.clock().now();
        let metadata = self.metadata.clone().unwrap_or_default();
        let members: Vec<UserId> =
            self.members.iter().map(Id::user_id).collect::<Result<_, _>>()?;
        let kind = RoomKind::parse(&self.kind)
            .ok_or_else(|| format!("there is no kind {:?}", self.kind))?;
        if kind == RoomKind::Direct {
            let [first, second] =
                members.try_into().map_err(|_| "a direct room has two members")?;
            return Ok(store.direct_room(NewDirectRoom { first, second, metadata, at }).await?.0);
        }
        if let Some(found) = self.find(chat, &members, kind).await? {
            return Ok(found);
        }
        let name = self.name.as_deref().map(RoomName::parse).transpose()?;
        let creator = self.created_by.as_ref().map(Id::user_id).transpose()?;
        let member_limit = chat.config().members_per_room;
        let new = NewRoom { kind, name, creator, members, member_limit, metadata, at };
        Ok(store.create_room(new).await?)
    }

    /// The room of this kind and name, where an earlier start has made it.
    async fn find(
        &self,
        chat: &Chat,
        members: &[UserId],
        kind: RoomKind,
    ) -> Result<Option<RoomId>, Error> {
        const PAGE: usize = 100;
        let Some(member) = members.first() else { return Ok(None) };
        let (member, mut skip) = (chat.acting_as(member.clone()), 0);
        loop {
            let page = member.rooms(RoomOrder::Id, Slice { skip, take: PAGE }).await?;
            let known = page.items.iter().map(|summary| &summary.room);
            let name = self.name.as_deref().map(str::trim);
            let mut same = known.filter(|room| room.kind == kind && room.name.as_deref() == name);
            if let Some(room) = same.next() {
                return Ok(Some(room.id));
            }
            skip += page.items.len() as u64;
            if page.items.is_empty() || skip >= page.count {
                return Ok(None);
            }
        }
    }
}

impl UserRow {
    fn user(&self) -> Option<User> {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let mut user = User::new(self.id.user_id().ok()?, &self.username)
            .with_email(text(&self.email))
            .with_names(text(&self.first_name), text(&self.last_name))
            .with_role(text(&self.role))
            .with_image_urls(self.image_urls.clone().unwrap_or_default());
        if let Some(name) = &self.display_name {
            user = user.with_display_name(name);
        }
        if let Some(url) = &self.picture {
            user = user.with_picture(url);
        }
        Some(user)
    }
}

impl Id {
    fn user_id(&self) -> Result<UserId, chat_core::model::InvalidId> {
        UserId::new(self.to_string())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}
