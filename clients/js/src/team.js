// A room of the team document, live: one connection, every message once.

import { newTempId, tell } from "./callbacks.js";
import { Connection } from "./connection.js";
import { tokenOf } from "./rest.js";
import { TeamRest } from "./team_rest.js";
import { Typing } from "./typing.js";

const DEFAULTS = {
  reconnectInterval: 5000,
  maxReconnectAttempts: 10,
  typingTimeout: 3000,
  messageTimeout: 30000,
  connectionTimeout: 10000,
  maxReconnectInterval: 60000,
};

/** How many messages are asked for at once. */
const PAGE = 50;

/** How many pages at most are read again after a lost connection, for what changed on them. */
const REFRESHED = 5;

/** A room of the team document. Set the `on…` callbacks, then call `connect()`. */
export class TeamRoom {
  /** Something of `messages` has changed. */
  onChange = () => {};
  /** A message that was not shown before. @type {(message: object) => void} */
  onMessage = () => {};
  /** @type {(data: { userId: string, email: string, isTyping: boolean }) => void} */
  onTyping = () => {};
  /** A user's first socket in the room has opened, or the last one closed. @type {(data: { userId: string, email: string, isHere: boolean }) => void} */
  onAttendance = () => {};
  /** @type {(message: string, error?: Error) => void} */
  onError = () => {};
  /** @type {(status: string, code?: number) => void} */
  onConnectionChange = () => {};

  #options;
  #rest;
  #connection;
  #messages = new Map();
  #sorted = null;
  #pending = [];
  #reading = null;
  #touched = new Set();
  #complete = false;
  #typing;

  /** @param {object} options see README.md and index.d.ts */
  constructor(options) {
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    const { WebSocket, fetch, location } = globalThis;
    const all = { baseUrl: location?.origin, WebSocket, fetch, random: Math.random };
    Object.assign(all, DEFAULTS, Object.fromEntries(given));
    if (!all.roomId) throw new TypeError("roomId must be a room's id");
    if (!all.token) throw new TypeError("token is required: a JWT, or a function that returns one");
    this.#options = all;
    this.#rest = new TeamRest(all);
    this.#typing = new Typing(
      (isTyping) => this.#connection.send({ type: "typing", is_typing: isTyping }),
      all.typingTimeout,
    );
    this.#connection = new Connection(
      { ...all, url: () => this.#url() },
      {
        onState: (status, code) => tell(this, "onConnectionChange", status, code),
        onOpen: () => this.#opened(),
        onFrame: (frame) => this.#receive(frame),
        onError: (message, error) => tell(this, "onError", message, error),
        onEnd: (error) => this.#failAll(error),
        onDoubt: () => this.checkConnection(),
      },
    );
  }

  /** Whether a connection stands. */
  get isConnected() {
    return this.#connection.isConnected;
  }

  /**
   * Every message to show, oldest first, as REST shows them; those not stored yet last, with `id`
   * null, a `temp_id` and a `status`: `sending` or `failed`.
   */
  get messages() {
    // Ids ascend inside a room, also as texts.
    this.#sorted ??= [...this.#messages.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    return [...this.#sorted, ...this.#pending.map(({ draft }) => ({ ...draft }))];
  }

  /** Connects, and stays connected until `disconnect()`. */
  connect() {
    this.#connection.connect();
  }

  /** Disconnects. What was not sent yet goes out after the next `connect()`. */
  disconnect() {
    this.#typing.forget();
    this.#connection.disconnect();
  }

  /**
   * Sends a message, now or once connected; with a file over HTTP. Repeating it with the same
   * `tempId` is safe: the server stores it once. Returns the `tempId`.
   * @param {string} content
   * @param {{ replyTo?: string, file?: Blob, tempId?: string }} [more]
   */
  send(content, { replyTo = null, file, tempId = newTempId() } = {}) {
    if (content.trim() === "" && !file) throw new TypeError("A message needs some text or a file");
    this.#typing.forget();
    const draft = {
      id: null,
      temp_id: tempId,
      status: "sending",
      content,
      reply_to: replyTo,
      message_type: file ? "file" : "text",
      file_name: file?.name ?? null,
      file_size: file?.size ?? null,
      timestamp: new Date().toISOString(),
      reactions: {},
      read_by: [],
    };
    const send = { draft, file, timer: null };
    this.#pending.push(send);
    this.#changed();
    this.#transmit(send);
    return tempId;
  }

  /** Sends a failed message again. */
  retry(tempId) {
    const send = this.#unsent(tempId);
    if (send?.draft.status !== "failed") return;
    send.draft.status = "sending";
    this.#changed();
    this.#transmit(send);
  }

  /** Forgets a failed message. */
  discard(tempId) {
    this.#pending = this.#pending.filter(
      ({ draft }) => draft.temp_id !== tempId || draft.status !== "failed",
    );
    this.#changed();
  }

  async edit(messageId, content) {
    this.#put(await this.#rest.editMessage(this.#options.roomId, messageId, content));
  }

  async delete(messageId) {
    await this.#rest.deleteMessage(this.#options.roomId, messageId);
    this.#put({ id: messageId, is_deleted: true, content: "", reactions: {} });
  }

  /** @param {"add" | "remove"} action */
  async react(messageId, emoji, action = "add") {
    const answer = await this.#rest.react(this.#options.roomId, messageId, emoji, action);
    this.#put({ id: messageId, reactions: answer.reactions });
  }

  /** Marks one message as read. */
  markRead(messageId) {
    this.#connection.send({ type: "read_receipt", message_id: messageId });
  }

  /** Marks everything as read. */
  markAllRead() {
    return this.#rest.markRoomRead(this.#options.roomId);
  }

  /** Tells the others that one is typing; to be called at each key. Ends by itself. */
  startTyping() {
    this.#typing.start();
  }

  /** Tells the others that one has stopped. */
  stopTyping() {
    this.#typing.stop();
  }

  /**
   * Loads the page of messages before the oldest one shown. Returns whether there may be more.
   */
  async loadOlder() {
    const oldest = this.messages[0]?.id;
    if (!oldest || this.#complete) return false;
    const page = await this.#page(oldest);
    this.#complete = page.length < PAGE;
    this.#merge(page);
    return !this.#complete;
  }

  /** Reads the newest page again: for what the document tells no socket, such as `read_by`. */
  async refresh() {
    if (this.#reading) return;
    const reading = (this.#reading = {});
    try {
      const page = await this.#page();
      if (this.#reading === reading) this.#merge(page);
    } finally {
      this.#read(reading);
    }
  }

  /** Finds out whether the server can be reached, and reconnects if not. */
  async checkConnection() {
    try {
      await this.refresh();
      return this.isConnected;
    } catch (error) {
      if (!(error.status >= 400)) this.#connection.drop(error);
      return false;
    }
  }

  async #url() {
    const { baseUrl, roomId, token } = this.#options;
    const url = new URL(`${String(baseUrl).replace(/\/+$/, "")}/ws/chat/${roomId}/`);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("token", await tokenOf(token));
    return url.href;
  }

  #opened() {
    this.#pending.forEach((send) => {
      if (send.draft.status === "sending" && !send.file) this.#transmit(send);
    });
    this.#catchUp();
  }

  /**
   * Reads what was missed: back to the newest message that is shown, and on through those that are,
   * for their edits, reactions and deletions; at first the newest page.
   */
  async #catchUp() {
    const reading = (this.#reading = {});
    const newest = this.#newest();
    const oldest = this.messages[0]?.id;
    this.#touched.clear();
    try {
      let page = await this.#page();
      let all = page;
      for (let pages = 1; newest && page.length === PAGE && page[0].id > oldest; pages += 1) {
        if (pages >= REFRESHED && page[0].id <= newest) break;
        page = await this.#page(page[0].id);
        all = [...page, ...all];
      }
      if (this.#reading !== reading) return;
      this.#connection.settle();
      if (newest === undefined) this.#complete = page.length < PAGE;
      this.#merge(all);
    } catch (error) {
      if (this.#reading === reading) this.#connection.fail(error);
    } finally {
      this.#read(reading);
    }
  }

  #read(reading) {
    if (this.#reading !== reading) return;
    this.#reading = null;
    this.#touched.clear();
  }

  #newest() {
    return this.messages.findLast(({ id }) => id !== null)?.id;
  }

  async #page(before) {
    const { roomId } = this.#options;
    return (await this.#rest.listMessages(roomId, { before, pageSize: PAGE })).results;
  }

  #receive(frame) {
    switch (frame.type) {
      case "message":
        this.#settle(frame.temp_id, frame.message);
        break;
      case "message_edited":
      case "message_deleted":
        this.#put(frame.message);
        break;
      case "reaction":
        this.#put({ id: frame.message_id, reactions: frame.reactions });
        break;
      case "typing":
        tell(this, "onTyping", {
          userId: frame.user_id,
          email: frame.user,
          isTyping: frame.is_typing,
        });
        break;
      case "user_joined":
      case "user_left": {
        const isHere = frame.type === "user_joined";
        tell(this, "onAttendance", { userId: frame.user_id, email: frame.user, isHere });
        break;
      }
      case "error":
        if (frame.temp_id === undefined) {
          tell(this, "onError", frame.message, new Error(frame.message));
        } else {
          this.#fail(this.#unsent(frame.temp_id), new Error(frame.message));
        }
        break;
      default:
    }
  }

  /** A message is stored; with the `tempId` if it was sent from here. */
  #settle(tempId, message) {
    const send = tempId === undefined ? undefined : this.#unsent(tempId);
    if (send) {
      clearTimeout(send.timer);
      this.#pending.splice(this.#pending.indexOf(send), 1);
    }
    this.#put(tempId === undefined ? message : { ...message, temp_id: tempId });
    // A live frame says nothing of a file.
    if (["file", "image"].includes(message.message_type) && !("file_attachment" in message)) {
      this.refresh().catch(() => {});
    }
  }

  async #transmit(send) {
    const { draft, file } = send;
    const { messageTimeout, roomId } = this.#options;
    clearTimeout(send.timer);
    const late = () => this.#fail(send, new Error(`No answer within ${messageTimeout} ms`));
    const { content, temp_id, reply_to } = draft;
    if (!file) {
      const frame = { type: "message", content, temp_id, ...(reply_to && { reply_to }) };
      if (this.#connection.send(frame)) send.timer = setTimeout(late, messageTimeout);
      return;
    }
    try {
      const message = { content, replyTo: reply_to, file, idempotencyKey: temp_id };
      this.#settle(temp_id, await this.#rest.sendMessage(roomId, message));
    } catch (error) {
      this.#fail(send, error);
    }
  }

  #unsent(tempId) {
    return this.#pending.find(({ draft }) => draft.temp_id === tempId);
  }

  #fail(send, error) {
    if (!send) return;
    clearTimeout(send.timer);
    send.draft.status = "failed";
    this.#changed();
    error.tempId = send.draft.temp_id;
    tell(this, "onError", "Message sending failed", error);
  }

  #failAll(error) {
    for (const send of this.#pending) {
      if (send.draft.status === "sending") this.#fail(send, new Error(`Not connected: ${error.message}`));
    }
  }

  /** What was read may be older than what came live meanwhile. */
  #merge(page) {
    for (const message of page) {
      if (!this.#touched.has(message.id)) this.#put(message, false);
    }
    this.#changed();
  }

  #put(message, isLive = true) {
    const known = this.#messages.get(message.id);
    if (!known && message.timestamp === undefined) return;
    if (isLive && this.#reading) this.#touched.add(message.id);
    const base = { read_by: [], reactions: {}, is_deleted: false, is_edited: false };
    const now = { ...(known ?? base), ...message };
    this.#messages.set(message.id, now);
    this.#sorted = null;
    if (!known && isLive) tell(this, "onMessage", { ...now });
    if (isLive) this.#changed();
  }

  #changed() {
    tell(this, "onChange");
  }
}
