// A room of the team document, live: one connection, every message once.

import { newTempId, tell } from "./callbacks.js";
import { configured, DEFAULTS } from "./options.js";
import { inTurn, shared } from "./requests.js";
import { Room } from "./room.js";
import { TeamHistory } from "./team_history.js";
import { TeamRest } from "./team_rest.js";

/** A room of the team document. Set the `on…` callbacks, then call `connect()`. */
export class TeamRoom {
  /** Something of `messages` has changed. */
  onChange = () => {};
  /** A message that came, or that was missed: not those of the page that it begins with. @type {(message: object) => void} */
  onMessage = () => {};
  /** @type {(data: { userId: string, email: string, isTyping: boolean }) => void} */
  onTyping = () => {};
  /** A user's first socket in the room has opened, or the last one closed. @type {(data: { userId: string, email: string, isHere: boolean }) => void} */
  onAttendance = () => {};
  /** @type {(message: string, error?: Error) => void} */
  onError = () => {};
  /** @type {(status: string, code?: number) => void} */
  onConnectionChange = () => {};

  #roomId;
  #rest;
  #history;
  #room;
  #files = new WeakMap();
  // Shown, but without the links of their files: no frame has these.
  #linkless = new Set();
  #loadOlder = shared(() => this.#readOlder());
  #refresh = inTurn(() => this.#readNewest());

  /** @param {object} options see README.md and index.d.ts */
  constructor(options) {
    const all = configured(options, DEFAULTS);
    this.#roomId = all.roomId;
    this.#rest = new TeamRest(all);
    this.#history = new TeamHistory(this.#rest, all);
    this.#room = new Room(this, all, {
      path: `ws/chat/${all.roomId}/`,
      probe: (signal) => this.#probe(signal),
      merge,
      history: (signal) => {
        const { lastId, oldestId } = this.#room.timeline;
        return this.#history.since(lastId, oldestId, signal);
      },
      message: ({ content, temp_id, reply_to }) => ({
        type: "message",
        content,
        temp_id,
        ...(reply_to && { reply_to }),
      }),
      stored: whole,
      typing: (isTyping) => ({ type: "typing", is_typing: isTyping }),
      fileOf: (draft) => this.#files.get(draft),
      upload: (draft, signal) => this.#upload(draft, signal),
      onJoined: () => tell(this, "onChange"),
      onFrame: (frame) => this.#receive(frame),
      onEvents: (events) => this.#emit(events),
      onTyping: (userId, email, isTyping) => tell(this, "onTyping", { userId, email, isTyping }),
    });
  }

  /** Whether a connection stands. */
  get isConnected() {
    return this.#room.connection.isConnected;
  }

  /**
   * Every message to show, oldest first, as REST shows them; those not stored yet last, with `id`
   * null, a `temp_id` and a `status`: `sending` or `failed`.
   */
  get messages() {
    return this.#room.timeline.messages;
  }

  /** Connects, and stays connected until `disconnect()`. */
  connect() {
    this.#room.connection.connect();
  }

  /** Disconnects. What was not sent yet goes out after the next `connect()`. */
  disconnect() {
    this.#room.connection.disconnect();
  }

  /**
   * Sends a message, now or once connected; with a file over HTTP. Repeating it with the same
   * `tempId` is safe: the server stores it once. Returns the `tempId`.
   * @param {string} content
   * @param {{ replyTo?: string, file?: Blob, tempId?: string }} [more]
   */
  send(content, { replyTo = null, file, tempId = newTempId() } = {}) {
    if (content.trim() === "" && !file) throw new TypeError("A message needs some text or a file");
    const draft = {
      temp_id: tempId,
      content,
      reply_to: replyTo,
      message_type: file ? "file" : "text",
      file_name: file?.name ?? null,
      file_size: file?.size ?? null,
      timestamp: new Date().toISOString(),
      reactions: {},
      read_by: [],
    };
    if (file) this.#files.set(draft, file);
    this.#room.send(draft);
    return tempId;
  }

  /** Sends a failed message again. */
  retry(tempId) {
    const draft = this.#room.timeline.failedAs(tempId);
    if (draft) this.#room.send(draft);
  }

  /** Forgets a failed message. */
  discard(tempId) {
    this.#room.timeline.discard(tempId);
    tell(this, "onChange");
  }

  async edit(messageId, content) {
    const edited = await this.#rest.editMessage(this.#roomId, messageId, content);
    this.#change(messageId, textOf(edited));
  }

  async delete(messageId) {
    await this.#rest.deleteMessage(this.#roomId, messageId);
    this.#change(messageId, deleted());
  }

  /** @param {"add" | "remove"} action */
  async react(messageId, emoji, action = "add") {
    const { reactions } = await this.#rest.react(this.#roomId, messageId, emoji, action);
    // Frames come in the order of what they tell, answers need not.
    if (!this.isConnected) this.#change(messageId, { reactions });
  }

  /** Marks one message as read. */
  markRead(messageId) {
    this.#room.connection.send({ type: "read_receipt", message_id: messageId });
  }

  /** Marks everything as read. */
  markAllRead() {
    return this.#rest.markRoomRead(this.#roomId);
  }

  /** Tells the others that one is typing; to be called at each key. Ends by itself. */
  startTyping() {
    this.#room.typing.start();
  }

  /** Tells the others that one has stopped. */
  stopTyping() {
    this.#room.typing.stop();
  }

  /**
   * Loads the page of messages before the oldest one shown. Returns whether there may be more.
   */
  loadOlder() {
    return this.#loadOlder();
  }

  /**
   * Reads the newest page again for what the document tells no socket, such as `read_by`. Messages
   * that are not shown come with the connection, in their order.
   */
  refresh() {
    return this.#refresh();
  }

  /** Finds out whether the connection is alive, and reconnects if not. */
  checkConnection() {
    return this.#room.connection.check();
  }

  async #readOlder() {
    const { timeline } = this.#room;
    const { oldestId } = timeline;
    if (oldestId === null || this.#history.isComplete) return false;
    const page = await timeline.current(() => this.#history.before(oldestId));
    if (timeline.prepend(page).length > 0) tell(this, "onChange");
    return !this.#history.isComplete;
  }

  async #readNewest() {
    const { timeline } = this.#room;
    const linkless = [...this.#linkless].sort();
    const rows = await timeline.current(() => this.#history.newest(linkless[0]));
    for (const id of linkless) this.#linkless.delete(id);
    this.#emit(timeline.revise(rows));
  }

  /** Nothing that it says is answered, but what is stored must come. */
  async #probe(signal) {
    const { connection, timeline } = this.#room;
    const newest = await this.#history.newestId(signal);
    if (newest === undefined) return;
    while (!timeline.isJoining && !timeline.has(newest)) await connection.heard();
  }

  #upload(draft, signal) {
    const { content, reply_to: replyTo, temp_id: idempotencyKey } = draft;
    const message = { content, replyTo, file: this.#files.get(draft), idempotencyKey, signal };
    return this.#rest.sendMessage(this.#roomId, message);
  }

  #receive(frame) {
    switch (frame.type) {
      case "message_edited":
        this.#change(frame.message.id, textOf(frame.message));
        break;
      case "message_deleted":
        this.#change(frame.message.id, deleted());
        break;
      case "reaction":
        this.#change(frame.message_id, { reactions: frame.reactions });
        break;
      case "typing":
        this.#room.typed(frame.user_id, frame.user, frame.is_typing);
        break;
      case "user_joined":
      case "user_left": {
        const isHere = frame.type === "user_joined";
        tell(this, "onAttendance", { userId: frame.user_id, email: frame.user, isHere });
        break;
      }
      default:
    }
  }

  #change(messageId, fields) {
    this.#emit(this.#room.timeline.change(messageId, fields));
  }

  #emit(events) {
    if (events.length === 0) return;
    for (const { type, message, isFirst } of events) {
      if (type !== "message") continue;
      if (["file", "image"].includes(message.message_type) && !("file_attachment" in message)) {
        this.#linkless.add(message.id);
      }
      if (!isFirst) tell(this, "onMessage", message);
    }
    tell(this, "onChange");
    if (this.#linkless.size > 0) this.refresh().catch(() => {});
  }
}

/** A new message, with what live frames leave out. */
function whole(message) {
  return { read_by: [], reactions: {}, is_deleted: false, is_edited: false, ...message };
}

/** What is left of a deleted message. */
function deleted() {
  return { is_deleted: true, content: "", reactions: {}, file_attachment: null };
}

/** Nothing undoes a deletion, and no text an edit that came after it. */
function merge(known, news) {
  if (known.is_deleted) return known;
  const isText = "content" in news && !news.is_deleted;
  const isOlder = isText && isBefore(news.edited_at, known.edited_at);
  return { ...known, ...news, ...(isOlder && textOf(known)) };
}

function textOf({ content, edited_at, is_edited }) {
  return { content, edited_at, is_edited };
}

/** Whether one moment, or none, is before another. Fractions are as long as they need to be. */
function isBefore(moment, other) {
  const plain = (text) => text?.replace("Z", "") ?? "";
  return plain(moment) < plain(other);
}
