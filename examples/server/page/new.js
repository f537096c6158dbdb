// Beginning a conversation: with a person, in a group, in a public room.

import { avatar, byId, h } from "./dom.js";
import { nameOf } from "./rooms.js";

export class NewConversation {
  #session;
  #listeners = new AbortController();
  #dialog = byId("new-dialog");

  constructor(session) {
    this.#session = session;
    const { signal } = this.#listeners;
    byId("new").addEventListener("click", () => this.#open(), { signal });
    byId("public-search").addEventListener("input", () => this.#findPublic(), { signal });
    byId("new-group").addEventListener("submit", (event) => this.#create(event), { signal });
  }

  end() {
    this.#listeners.abort();
    this.#dialog.close();
  }

  async #open() {
    byId("new-problem").textContent = "";
    byId("new-group").reset();
    byId("public-search").value = "";
    byId("public-rooms").replaceChildren();
    this.#dialog.showModal();
    const headers = { Authorization: `Bearer ${this.#session.token}` };
    const answer = await fetch("/direct/api/users/", { headers }).catch(() => null);
    this.#showPeople(answer?.ok ? await answer.json() : []);
  }

  #showPeople(people) {
    const direct = ({ id, username }) =>
      h(
        "li",
        {},
        h(
          "button",
          { onclick: () => this.#go(this.#session.rest.openDirectRoom(String(id))) },
          avatar(username.replaceAll("_", " "), id),
          username,
        ),
      );
    const member = ({ id, username }) =>
      h("label", { class: "check" }, h("input", { type: "checkbox", value: `${id}` }), username);
    byId("new-people").replaceChildren(...people.map(direct));
    byId("group-members").replaceChildren(...people.map(member));
  }

  async #findPublic() {
    const term = byId("public-search").value.trim();
    const search = term ? this.#session.ask(this.#session.rest.searchRooms(term)) : [];
    const found = await Promise.resolve(search).catch(() => []);
    if (byId("public-search").value.trim() !== term) return;
    const mine = new Set(this.#session.rooms.rooms.map(({ id }) => id));
    const open = found.filter((room) => room.room_type === "public" && !mine.has(room.id));
    const row = (room) =>
      h(
        "li",
        {},
        h(
          "button",
          { onclick: () => this.#join(room.id) },
          avatar(nameOf(room), room.id),
          h("span", { class: "name" }, nameOf(room)),
          h("span", { class: "when" }, "Join"),
          h("span", { class: "last" }, room.participants.map((user) => user.display_name).join(", ")),
        ),
      );
    byId("public-rooms").replaceChildren(...open.map(row));
  }

  #create(event) {
    event.preventDefault();
    const chosen = byId("group-members").querySelectorAll("input:checked");
    const room = {
      name: byId("group-name").value,
      type: byId("group-public").checked ? "public" : "group",
      participantIds: [...chosen].map(({ value }) => value),
    };
    this.#go(this.#session.rest.createRoom(room));
  }

  #join(roomId) {
    this.#go(this.#session.rest.joinRoom(roomId).then(() => ({ id: roomId })));
  }

  /** Goes to the room that comes of it. */
  async #go(made) {
    try {
      const { id } = await this.#session.ask(made);
      this.#dialog.close();
      await this.#session.rooms.refresh();
      this.#session.open(id);
    } catch (error) {
      byId("new-problem").textContent = error.message;
    }
  }
}
