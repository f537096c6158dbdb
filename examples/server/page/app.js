// Who one is, and what is on the page.

import { HttpError, TeamRest } from "/page/client/index.js";
import { avatar, byId, h } from "./dom.js";
import { NewConversation } from "./new.js";
import { Room } from "./room.js";
import { Rooms } from "./rooms.js";

const STORED = "chat.signed-in";

/** Everything that goes with the person who is signed in. */
let session = null;

async function start() {
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    signIn({ token: byId("token").value.trim() });
  });
  byId("sign-out").addEventListener("click", () => signOut());
  byId("back").addEventListener("click", () => session?.open(null));
  addEventListener("popstate", () => session?.show());
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus({ target: null });
  });
  const stored = sessionStorage.getItem(STORED);
  if (stored) await signIn(JSON.parse(stored));
  else await askWho();
}

/** Menus that are not clicked into close. */
function closeMenus({ target }) {
  for (const menu of document.querySelectorAll("details[open]")) {
    if (!target || !menu.contains(target) || target.closest(".menu-items button")) {
      menu.open = false;
    }
  }
}

async function askWho(note = "") {
  byId("app").hidden = true;
  byId("sign-in").hidden = false;
  byId("sign-in-note").textContent = note;
  document.title = "Chat";
  const answer = await fetch("/demo/people").catch(() => null);
  const people = answer?.ok ? await answer.json() : [];
  byId("people-section").hidden = people.length === 0;
  const person = ({ id, name, token }) =>
    h(
      "li",
      {},
      h("button", { onclick: () => signIn({ id, name, token }) }, avatar(name, id), name),
    );
  byId("people").replaceChildren(...people.map(person));
  byId("people").querySelector("button")?.focus();
}

async function signIn({ token, name }) {
  const rest = new TeamRest({ baseUrl: `${location.origin}/team`, token });
  try {
    await rest.listRooms(1, 1);
  } catch (error) {
    sessionStorage.removeItem(STORED);
    const refused = error instanceof HttpError && error.status === 401;
    await askWho(refused ? "That sign-in is not valid any more." : "The server cannot be reached.");
    return;
  }
  const id = String(subject(token));
  sessionStorage.setItem(STORED, JSON.stringify({ id, name, token }));
  session = new Session({ id, name: name ?? id, token, rest });
  byId("sign-in").hidden = true;
  byId("app").hidden = false;
  session.show();
}

function signOut(note) {
  session?.end();
  session = null;
  sessionStorage.removeItem(STORED);
  history.replaceState(null, "", location.pathname);
  return askWho(note);
}

/** Who a token is for. The server has checked it. */
function subject(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (c) => c.charCodeAt(0))));
  return claims.sub ?? claims.user_id;
}

class Session {
  #room = null;

  constructor({ id, name, token, rest }) {
    Object.assign(this, { id, name, token, rest });
    byId("me").replaceChildren(avatar(name, id), h("span", { class: "name" }, name));
    this.rooms = new Rooms(this);
    this.dialog = new NewConversation(this);
  }

  /** Asks the server; a sign-in that is over leads back to signing in. */
  async ask(request) {
    try {
      return await request;
    } catch (error) {
      if (error instanceof HttpError && error.status === 401) this.expired();
      throw error;
    }
  }

  expired() {
    if (session === this) signOut("Your sign-in has expired. Please sign in again.");
  }

  /** Opens a room, at a message where one is given; null closes it. */
  open(roomId, messageId) {
    const place = roomId ? `#${roomId}` : location.pathname;
    if (place !== location.hash) history.pushState(null, "", place);
    this.show(messageId);
  }

  /** Shows the room that the address names. */
  async show(messageId) {
    const roomId = location.hash.slice(1) || null;
    if (this.#room?.id !== roomId) {
      this.#room?.close();
      this.#room = null;
      byId("conversation").hidden = true;
      byId("nothing").hidden = false;
      byId("app").classList.toggle("in-room", roomId !== null);
      this.rooms.select(roomId);
      if (roomId) {
        try {
          const details = await this.ask(this.rest.getRoom(roomId));
          if (location.hash.slice(1) !== roomId || session !== this) return;
          this.#room = new Room(this, details);
        } catch {
          if (session === this) this.open(null);
          return;
        }
      } else {
        document.title = `${this.name} · Chat`;
        byId("rooms").querySelector("button")?.focus();
      }
    }
    if (messageId) this.#room?.find(messageId);
  }

  end() {
    this.#room?.close();
    this.rooms.end();
    this.dialog.end();
  }
}

start();
