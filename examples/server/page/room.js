// One room: its messages, who types, who is there, and what one writes.

import { ChatClient, TeamRoom } from "/page/client/index.js";
import { byId, h, lastSeen } from "./dom.js";
import { renderMessages } from "./messages.js";
import { nameOf } from "./rooms.js";

const STATES = { connecting: "Connecting…", connected: "", disconnected: "Offline, trying again" };

/** How often it is asked who has read one's messages, where nobody says so. */
const INTERVAL = 4000;

export class Room {
  #session;
  #details;
  #live;
  #direct = null;
  #statuses = new Map();
  #typists = new Map();
  #listeners = new AbortController();
  #poll;
  #replyTo = null;
  #editing = null;
  #found = null;
  #marking = false;
  #loading = false;
  #atEnd = true;
  #sizes = new ResizeObserver(() => this.#stayAtEnd());

  constructor(session, details) {
    this.#session = session;
    this.#details = details;
    this.id = details.id;
    this.#live = new TeamRoom({
      baseUrl: `${location.origin}/team`,
      roomId: details.id,
      token: session.token,
      maxReconnectAttempts: 1_000_000,
      reconnectInterval: 1000,
      maxReconnectInterval: 10000,
    });
    this.#live.onChange = () => this.#render();
    this.#live.onMessage = () => {
      this.#session.rooms.refresh();
      this.#markRead();
    };
    this.#live.onTyping = ({ userId, isTyping }) => this.#typed(userId, isTyping);
    this.#live.onConnectionChange = (state, code) => this.#connection(state, code);
    this.#show();
    if (details.other_user) this.#watchDirect();
    this.#live.connect();
  }

  close() {
    this.#saveDraft();
    this.#live.disconnect();
    this.#direct?.disconnect();
    this.#listeners.abort();
    this.#sizes.disconnect();
    clearInterval(this.#poll);
    byId("messages").replaceChildren();
    byId("typing").textContent = "";
  }

  /** Goes to a message, however old it is. */
  async find(messageId) {
    this.#found = messageId;
    const is = () => this.#live.messages.some(({ id }) => id === messageId);
    while (!is() && !this.#listeners.signal.aborted) {
      if (this.#live.messages.length === 0) await new Promise((done) => setTimeout(done, 50));
      else if (!(await this.#live.loadOlder())) break;
    }
    this.#atEnd = false;
    this.#render();
    byId("messages").querySelector(".found-one")?.scrollIntoView({ block: "center" });
  }

  /** Direct rooms: statuses and presence live, by the messenger document. */
  #watchDirect() {
    this.#direct = new ChatClient({
      baseUrl: `${location.origin}/messenger`,
      roomId: Number.parseInt(this.id.replaceAll("-", "").slice(-12), 16),
      token: this.#session.token,
      maxReconnectAttempts: 1_000_000,
      reconnectInterval: 1000,
    });
    this.#direct.onMessage = ({ id, status }) => this.#status(id, status);
    this.#direct.onMessageStatusUpdate = (id, status) => this.#status(id, status);
    this.#direct.onUserStatusChange = ({ user_id: user, is_online, last_seen }) => {
      this.#session.rooms.setPresence(String(user), { is_online, last_seen });
      this.#showState();
    };
    this.#direct.connect();
    this.#session.rooms.askPresence().then(() => this.#showState());
  }

  #status(id, status) {
    this.#statuses.set(id, status);
    this.#render();
  }

  #show() {
    const { signal } = this.#listeners;
    const on = (id, event, listener) => byId(id).addEventListener(event, listener, { signal });
    byId("nothing").hidden = true;
    byId("conversation").hidden = false;
    byId("room-name").textContent = nameOf(this.#details);
    document.title = `${nameOf(this.#details)} · Chat`;
    this.#showState();
    this.#showMenu();
    this.#cancel();
    byId("text").value = localStorage.getItem(this.#draftKey) ?? "";
    on("composer", "submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    on("text", "keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.#submit();
      } else if (event.key === "Escape") this.#cancel();
    });
    on("text", "input", () => {
      if (byId("text").value) this.#live.startTyping();
      this.#saveDraft();
    });
    on("file", "change", () => this.#context());
    on("context-cancel", "click", () => this.#cancel());
    on("older", "click", () => this.#older());
    on("scroll", "scroll", () => this.#scrolled());
    this.#sizes.observe(byId("messages"));
    this.#sizes.observe(byId("scroll"));
    document.addEventListener("visibilitychange", () => this.#markRead(), { signal });
    this.#poll = setInterval(() => this.#readers(), INTERVAL);
    byId("text").focus();
  }

  #showState() {
    const { other_user: other, participants } = this.#details;
    const presence = other && this.#session.rooms.presence(other.id);
    const names = participants.map((user) => user.display_name).join(", ");
    byId("room-state").textContent = other
      ? presence?.is_online
        ? "online"
        : lastSeen(presence?.last_seen)
      : names;
  }

  #showMenu() {
    const { room_type: kind, created_by: creator } = this.#details;
    const items = [];
    if (kind !== "direct") {
      items.push(h("button", { onclick: () => this.#leave() }, "Leave"));
      if (creator?.id === this.#session.id) {
        items.push(h("button", { onclick: () => this.#rename() }, "Rename"));
      }
    }
    byId("room-menu").hidden = items.length === 0;
    byId("room-menu-items").replaceChildren(...items);
  }

  async #leave() {
    await this.#session.ask(this.#session.rest.leaveRoom(this.id));
    await this.#session.rooms.refresh();
    this.#session.open(null);
  }

  async #rename() {
    const name = prompt("Name of the room", nameOf(this.#details))?.trim();
    if (!name) return;
    this.#details = await this.#session.ask(this.#session.rest.updateRoom(this.id, { name }));
    byId("room-name").textContent = nameOf(this.#details);
    this.#session.rooms.refresh();
  }

  #connection(state, code) {
    byId("connection").textContent = STATES[state] ?? state;
    if (code === 4401) this.#session.expired();
    else if (code === 4403) this.#session.open(null);
    if (state === "connected") this.#markRead();
  }

  #typed(userId, isTyping) {
    const user = this.#details.participants.find(({ id }) => id === userId);
    if (isTyping) this.#typists.set(userId, user?.display_name ?? "Somebody");
    else this.#typists.delete(userId);
    const names = [...this.#typists.values()];
    const verb = names.length === 1 ? "is" : "are";
    byId("typing").textContent = names.length ? `${names.join(", ")} ${verb} typing…` : "";
  }

  /** What is seen is read. */
  async #markRead() {
    const unseen = document.hidden || this.#marking;
    if (unseen || !this.#live.messages.some((message) => message.sender?.id !== this.#session.id)) {
      return;
    }
    this.#marking = true;
    try {
      const { count } = await this.#session.ask(this.#live.markAllRead());
      if (count > 0) this.#session.rooms.refresh();
    } catch {
      // The next message, or the next look at the page, tries again.
    } finally {
      this.#marking = false;
    }
  }

  /** Who has read one's own messages is told to no socket in a group. */
  async #readers() {
    const others = this.#details.participants.length - 1;
    const waits = ({ id, sender, read_by, is_deleted }) =>
      id && sender?.id === this.#session.id && !is_deleted && read_by.length < others;
    if (document.hidden || !this.#live.messages.some(waits)) return;
    await this.#session.ask(this.#live.refresh()).catch(() => {});
  }

  #statusOf(message) {
    if (message.status) return message.status;
    const others = this.#details.participants.length - 1;
    const known = this.#statuses.get(Number.parseInt(message.id.slice(-12), 16));
    if (known === "read" || (others > 0 && message.read_by.length >= others)) return "read";
    return known === "delivered" || message.read_by.length > 0 ? "delivered" : "sent";
  }

  #render() {
    const scroll = byId("scroll");
    const fromEnd = scroll.scrollHeight - scroll.scrollTop;
    const messages = this.#live.messages;
    byId("older").hidden = messages.length < 50 || this.#loading;
    const isGroup = !this.#details.other_user;
    renderMessages(byId("messages"), messages, {
      me: this.#session.id,
      isGroup,
      found: this.#found,
      statusOf: (message) => this.#statusOf(message),
      onReply: (message) => this.#reply(message),
      onEdit: (message) => this.#edit(message),
      onDelete: (message) => this.#act(this.#live.delete(message.id)),
      onReact: (message, emoji, action) => this.#act(this.#live.react(message.id, emoji, action)),
      onRetry: (message) => this.#live.retry(message.temp_id),
      onDiscard: (message) => this.#live.discard(message.temp_id),
      onFind: (id) => this.find(id),
    });
    scroll.scrollTop = scroll.scrollHeight - fromEnd;
    this.#stayAtEnd();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = byId("scroll");
    this.#atEnd = scrollHeight - scrollTop - clientHeight < 60;
    if (scrollTop < 80) this.#older();
  }

  /** Whoever sees the newest message goes on seeing it, also when a picture has come. */
  #stayAtEnd() {
    if (this.#atEnd) byId("scroll").scrollTop = byId("scroll").scrollHeight;
  }

  #act(request) {
    this.#session.ask(request).catch((error) => {
      byId("typing").textContent = error.message;
    });
  }

  async #older() {
    if (this.#loading || this.#live.messages.length < 50) return;
    this.#loading = true;
    const more = await this.#session.ask(this.#live.loadOlder()).catch(() => true);
    // Once there is no more, the button stays away.
    this.#loading = !more;
    this.#render();
  }

  #reply(message) {
    this.#cancel();
    this.#replyTo = message;
    this.#context();
  }

  #edit(message) {
    this.#cancel();
    this.#editing = message;
    byId("text").value = message.content;
    this.#context();
  }

  #cancel() {
    if (this.#editing) byId("text").value = "";
    this.#replyTo = this.#editing = null;
    byId("file").value = "";
    this.#context();
  }

  /** What will be sent besides the text. */
  #context() {
    const [file] = byId("file").files;
    const parts = [];
    if (this.#editing) parts.push("Editing");
    if (this.#replyTo) parts.push(`Replying to ${this.#replyTo.sender?.display_name}: ${this.#replyTo.content}`);
    if (file) parts.push(`Attached: ${file.name}`);
    byId("context").hidden = parts.length === 0;
    byId("context-text").textContent = parts.join(" · ");
    byId("text").focus();
  }

  #submit() {
    const text = byId("text").value;
    const [file] = byId("file").files;
    if (!text.trim() && !file) return;
    if (this.#editing) this.#act(this.#live.edit(this.#editing.id, text));
    else this.#live.send(text, { replyTo: this.#replyTo?.id, file });
    byId("text").value = "";
    this.#editing = null;
    this.#cancel();
    this.#saveDraft();
    this.#atEnd = true;
    this.#stayAtEnd();
  }

  get #draftKey() {
    return `chat.draft.${this.#session.id}.${this.id}`;
  }

  #saveDraft() {
    if (this.#editing) return;
    const text = byId("text").value;
    if (text) localStorage.setItem(this.#draftKey, text);
    else localStorage.removeItem(this.#draftKey);
  }
}
