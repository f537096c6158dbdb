// The list of one's rooms, with search.

import { ChatRest } from "/page/client/index.js";
import { avatar, byId, h, whenOf } from "./dom.js";

/** How often the list is read again while the page is seen. */
const INTERVAL = 4000;

/** How often it is asked who is there. */
const PRESENCE = 15000;

export function nameOf(room) {
  return room.name ?? room.other_user?.display_name ?? "Conversation";
}

export class Rooms {
  #session;
  #rooms = [];
  #selected = null;
  #timers = [];
  #presence = new Map();
  #searching = null;
  #isStale = false;
  #refreshing = null;
  #listeners = new AbortController();
  #direct;

  constructor(session) {
    this.#session = session;
    this.#direct = new ChatRest({ baseUrl: `${location.origin}/messenger`, token: session.token });
    const { signal } = this.#listeners;
    byId("search").value = "";
    byId("search").addEventListener("input", () => this.#search(), { signal });
    document.addEventListener("visibilitychange", () => this.refresh(), { signal });
    this.#timers = [
      setInterval(() => document.hidden || this.refresh(), INTERVAL),
      setInterval(() => document.hidden || this.askPresence(), PRESENCE),
    ];
    this.refresh().then(() => this.askPresence());
  }

  get rooms() {
    return this.#rooms;
  }

  end() {
    this.#timers.forEach(clearInterval);
    this.#listeners.abort();
    byId("rooms").replaceChildren();
    this.#showFound(null);
  }

  select(roomId) {
    this.#selected = roomId;
    this.#render();
  }

  /** Many messages may come at once: one request at a time, the last one after all of them. */
  refresh() {
    this.#isStale = true;
    this.#refreshing ??= this.#read().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #read() {
    while (this.#isStale) {
      this.#isStale = false;
      const page = await this.#session.ask(this.#session.rest.listRooms(1, 100)).catch(() => null);
      if (this.#listeners.signal.aborted) return;
      if (page) this.#rooms = page.results;
      this.#render();
    }
  }

  /** Whether somebody is online, as last heard, and when they were seen. */
  presence(userId) {
    return this.#presence.get(userId);
  }

  setPresence(userId, presence) {
    this.#presence.set(userId, presence);
    this.#render();
  }

  /** The team document shows no presence outside of an open room; that of messenger does. */
  async askPresence() {
    const page = await this.#session.ask(this.#direct.listRooms()).catch(() => null);
    if (!page || this.#listeners.signal.aborted) return;
    for (const { other_participant: other } of page.results) {
      this.#presence.set(String(other.id), other);
    }
    this.#render();
  }

  #render() {
    const term = byId("search").value.trim().toLowerCase();
    const shown = this.#rooms.filter((room) => nameOf(room).toLowerCase().includes(term));
    const list = byId("rooms");
    const focused = list.contains(document.activeElement) && document.activeElement.dataset.id;
    list.replaceChildren(...shown.map((room) => h("li", {}, this.#row(room))));
    if (focused) list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  #row(room) {
    const name = nameOf(room);
    const last = room.last_message;
    const mine = last?.sender.id === this.#session.id;
    const online = this.#presence.get(room.other_user?.id)?.is_online === true;
    const unread = room.id === this.#selected ? 0 : room.unread_count;
    const text = last ? `${mine ? "You: " : ""}${last.content || "Attachment"}` : "No messages yet";
    return h(
      "button",
      {
        "data-id": room.id,
        "aria-current": room.id === this.#selected ? "true" : undefined,
        onclick: () => this.#session.open(room.id),
      },
      avatar(name, room.other_user?.id ?? room.id, online),
      h("span", { class: "name" }, name, online ? h("span", { class: "hidden" }, " (online)") : null),
      h("span", { class: "when" }, last ? whenOf(last.timestamp) : ""),
      h("span", { class: "last" }, text),
      unread > 0
        ? h("span", { class: "unread" }, `${unread}`, h("span", { class: "hidden" }, " unread"))
        : h("span"),
    );
  }

  #search() {
    this.#render();
    clearTimeout(this.#searching);
    const term = byId("search").value.trim();
    if (!term) {
      this.#showFound(null);
      return;
    }
    this.#searching = setTimeout(async () => {
      const found = await this.#session.ask(this.#session.rest.searchMessages(term)).catch(() => []);
      if (byId("search").value.trim() === term) this.#showFound(found);
    }, 250);
  }

  #showFound(found) {
    byId("found").hidden = found === null;
    if (found === null) {
      byId("found").replaceChildren();
      return;
    }
    const row = (message) =>
      h(
        "li",
        {},
        h(
          "button",
          { onclick: () => this.#session.open(message.room, message.id) },
          avatar(message.sender.display_name, message.sender.id),
          h("span", { class: "name" }, message.sender.display_name),
          h("span", { class: "when" }, whenOf(message.timestamp)),
          h("span", { class: "last" }, message.content),
          h("span"),
        ),
      );
    byId("found").replaceChildren(
      h("h2", {}, found.length ? "Messages" : "No messages found"),
      h("ul", { class: "rooms" }, ...found.map(row)),
    );
  }
}
