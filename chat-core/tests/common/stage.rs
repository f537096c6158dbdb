//! A room with secrets, and everybody who may or may not know them.

use chat_core::Config;
use chat_core::dialect::Dialect;
use chat_core::host::Clock;
use chat_core::model::{Kinds, MessageId, RoomId, RoomKind, Slice, UserId};
use chat_core::rules::{Action, Caller, RoomName};
use chat_core::service::Outgoing;
use chat_core::store::{Anchor, HistoryQuery, MessageStore, NewDirectRoom, NewRoom, RoomStore};
use futures::stream::{self, StreamExt};
use http::HeaderMap;
use serde_json::json;

use super::cast::{
    CREATOR, FORMER, MEMBER, OTHER, Place, SECRET_NAME, SENDER, Who, name, people, user,
};
use super::http::{Answer, request};
use super::team::uuid;
use super::{Peer, World, headers, now};

/// In the name, the metadata, the messages and the files of every room but the lobby.
const SECRET_WORD: &str = "quokka";

/// A room and a message that do not exist, and a user.
const MISSING: u64 = 999_999;

/// A world in which somebody calls something somewhere.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) dialect: &'static Dialect,
    pub(crate) place: Place,
    pub(crate) who: Who,
    kind: RoomKind,
    /// The room with the secrets.
    pub(crate) room: RoomId,
    message: u64,
    /// A room of who calls, which has no secrets.
    lobby: RoomId,
    /// A message of a room in which nobody of them is.
    foreign: u64,
}

impl Stage {
    /// A stage for a call. On one for a socket, direct rooms stand in for groups where the dialect
    /// shows no other.
    pub(crate) fn new(dialect: &'static Dialect, place: Place, who: Who) -> Self {
        // Many bad frames are sent here, and none closes a socket.
        let mut config = Config::default();
        config.bad_frame_limit = usize::MAX;
        let world = World::among(dialect, config, people());
        let kind = match place {
            Place::Room(kind) => kind,
            _ if dialect.kinds.contains(RoomKind::Group) => RoomKind::Group,
            _ => RoomKind::Direct,
        };
        let is_former = who == Who::Former;
        let members: &[u64] = match kind {
            RoomKind::Direct if is_former => &[FORMER, SENDER],
            RoomKind::Direct => &[CREATOR, SENDER],
            _ => &[CREATOR, SENDER, MEMBER, FORMER],
        };
        let room = make_room(&world, kind, "The quokka room", members);
        let lobby = make_room(&world, RoomKind::Group, "Lobby", &[OTHER, user(who, kind)]);
        let vault = make_room(&world, RoomKind::Group, "The quokka vault", &[OTHER, 1]);
        let sender = if is_former { FORMER } else { SENDER };
        let message = send(&world, sender, room);
        if place == Place::Deleted {
            let id = MessageId::new(message).unwrap();
            now(world.chat.acting_as(sender.to_string()).delete(room, id)).unwrap();
        }
        if place == Place::Inactive {
            let creator = world.chat.acting_as(CREATOR.to_string());
            now(creator.set_active(room, false)).unwrap();
        }
        let foreign = send(&world, OTHER, vault);
        if members.contains(&FORMER) {
            let at = world.time.now();
            now(world.store.remove_member(room, &FORMER.into(), at)).unwrap();
        }
        world.take_told();
        Self { world, dialect, place, who, kind, room, message, lobby, foreign }
    }

    /// Who calls, as a user.
    pub(crate) fn user(&self) -> u64 {
        user(self.who, self.kind)
    }

    /// Whether a text shows anything of the room, or of anybody in it other than who calls.
    pub(crate) fn shows(&self, text: &str) -> bool {
        let text = text.to_lowercase().replace(&name(self.user()), "");
        text.contains(SECRET_WORD) || text.contains(SECRET_NAME)
    }

    /// The member of the room who looks on.
    pub(crate) fn onlooker(&self) -> u64 {
        if self.user() == SENDER { CREATOR } else { SENDER }
    }

    /// The token that they come with.
    pub(crate) fn token(&self) -> Option<String> {
        match self.who {
            Who::Nobody => None,
            Who::BadToken => Some("nonsense".to_owned()),
            Who::Expired => Some(self.world.token_until(SENDER, -60)),
            Who::Unknown => Some(self.world.token(MISSING)),
            _ => Some(self.world.token(self.user())),
        }
    }

    /// A path or body with its words filled in.
    pub(crate) fn fill(&self, text: &str) -> String {
        let is_team = self.dialect.name == "team";
        let quoted = |id: String| if is_team { format!("\"{id}\"") } else { id };
        let in_query = text.starts_with('/');
        let message = if is_team { uuid(self.message_id()) } else { self.message_id().to_string() };
        let message = if in_query { message } else { quoted(message) };
        let mut filled = text
            .replace("$message", &message)
            .replace("$room", &self.room_id().to_string())
            .replace("$user", &quoted(self.other_user().to_string()))
            .replace("$form", FORM);
        if filled.contains("$link") {
            filled = filled.replace("$link", &self.link());
        }
        while let Some((before, after)) = filled.split_once('{').filter(|_| in_query) {
            let (_, after) = after.split_once('}').expect("a closed brace");
            let noun = before.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let id = match noun {
                "rooms" | "chats" | "chat" => self.room_id(),
                "messages" | "files" => self.message_id(),
                "users" | "direct" => self.other_user(),
                noun => panic!("what does {noun} name?"),
            };
            let id = if is_team && noun != "direct" { uuid(id) } else { id.to_string() };
            filled = format!("{before}{id}{after}");
        }
        filled
    }

    fn room_id(&self) -> u64 {
        match self.place {
            Place::NoRoom => MISSING,
            Place::OtherRoom => self.lobby.get(),
            _ => self.room.get(),
        }
    }

    fn message_id(&self) -> u64 {
        match self.place {
            Place::NoRoom | Place::NoMessage => MISSING,
            _ => self.message,
        }
    }

    fn other_user(&self) -> u64 {
        match self.place {
            Place::NoUser => MISSING,
            Place::Oneself => self.user(),
            _ => OTHER,
        }
    }

    /// From now on the message is one of a room in which nobody of them is.
    pub(crate) fn look_elsewhere(&mut self) {
        self.message = self.foreign;
    }

    /// Sends a request of the table.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_at(method, &self.fill(path), self.fill(body).as_bytes())
    }

    /// Sends a request as it is; one by a signed link is without credentials.
    pub(crate) fn ask_at(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.ask_with(method, path, HeaderMap::new(), body)
    }

    /// Sends a request as it is, with more headers.
    pub(crate) fn ask_with(
        &self,
        method: &str,
        path: &str,
        more: HeaderMap,
        body: &[u8],
    ) -> Answer {
        let mut all = headers(&[("host", "example.com")]);
        all.extend(more);
        let by_link = path.contains("?user=") && path.contains("&signature=");
        if let Some(token) = self.token().filter(|_| !by_link) {
            all.extend(headers(&[("authorization", &format!("Bearer {token}"))]));
        }
        let is_form = body.starts_with(b"--x");
        let kind = if is_form { "multipart/form-data; boundary=x" } else { "application/json" };
        if !body.is_empty() {
            all.extend(headers(&[("content-type", kind)]));
        }
        self.world.dispatch(request(method, path, all, vec![body.to_vec().into()]))
    }

    /// Opens a socket, or says with which code it was closed.
    pub(crate) fn open(&mut self, path: &str) -> Result<Peer, (u16, &'static str)> {
        let path = self.fill(path);
        let query = self.token().map(|token| format!("token={token}"));
        let opened = self.world.open_with(&path, &HeaderMap::new(), query.as_deref());
        opened.map_err(|close| (close.code, close.reason))
    }

    /// Everything that a refused call may not change.
    pub(crate) fn state(&self) -> String {
        let store = &self.world.store;
        let rooms: Vec<_> = (1..50).filter_map(RoomId::new).collect();
        let mut versions = now(store.versions(&rooms)).unwrap();
        let mut members = now(store.members(&rooms)).unwrap();
        versions.sort_unstable();
        members.sort_unstable_by_key(|(room, _)| *room);
        let by = Caller { user: self.onlooker_id(), kinds: Kinds::ALL };
        let query = HistoryQuery {
            room: self.room,
            by: Some(by),
            anchor: Anchor::Newest,
            slice: Slice::first(100),
            deleted: true,
        };
        let page = now(store.history(query)).unwrap().unwrap().permit(Action::ReadHistory).unwrap();
        let messages: Vec<_> = page
            .items
            .iter()
            .map(|message| {
                (&message.content, &message.reactions, message.versions, message.read_at)
            })
            .collect();
        format!("{versions:?} {members:?} {messages:?} {}", self.world.files.contents().len())
    }

    fn onlooker_id(&self) -> UserId {
        self.onlooker().into()
    }

    /// How many messages the room has.
    pub(crate) fn count(&self) -> u64 {
        let by = Caller { user: self.onlooker_id(), kinds: Kinds::ALL };
        now(self.world.store.access(&by, self.room)).unwrap().unwrap().last_seq
    }

    /// The query of a link to the message's file. A stranger was given none and puts their name in
    /// the sender's.
    fn link(&self) -> String {
        let path = format!("/api/chat/files/{}/", uuid(self.message_id()));
        let given = if self.who == Who::Stranger { SENDER } else { self.user() };
        let proof = self.world.chat.sign_link(&path, &given.into());
        format!("?user={}&expires={}&signature={}", self.user(), proof.expires, proof.signature)
    }
}

const FORM: &str = "--x\r\n\
    Content-Disposition: form-data; name=\"file_attachment\"; filename=\"a.txt\"\r\n\r\n\
    a file\r\n--x--\r\n";

fn make_room(world: &World, kind: RoomKind, name: &str, members: &[u64]) -> RoomId {
    let metadata = json!({ "match": name, "note": name }).as_object().unwrap().clone();
    let at = world.time.now();
    if kind == RoomKind::Direct {
        let (first, second) = (members[0].into(), members[1].into());
        let new = NewDirectRoom { first, second, metadata, at };
        return now(world.store.direct_room(new)).unwrap().0;
    }
    let name = Some(RoomName::parse(name).unwrap());
    let members: Vec<UserId> = members.iter().map(|id| (*id).into()).collect();
    let creator = Some(members[0].clone());
    now(world.store.create_room(NewRoom {
        kind,
        name,
        creator,
        members,
        member_limit: 100,
        metadata,
        at,
    }))
    .unwrap()
}

/// Sends a message with a file, and returns its id.
fn send(world: &World, user: u64, room: RoomId) -> u64 {
    let actor = world.chat.acting_as(user.to_string());
    let pieces = stream::iter([Ok("The quokka file".into())]).boxed();
    let file = now(actor.upload(room, "quokka.txt", pieces)).unwrap();
    let message = Outgoing::new("The quokka says this.").with_file(file);
    now(actor.send(room, message)).unwrap().message.id.get()
}
