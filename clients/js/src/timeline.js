// What is shown in a room: stored messages, once each and in order, then those not stored yet.
// Pure: no socket, no timer. Each method returns what the application is to be told, in order:
// { type: "message", message } or { type: "status", id, status, detail }.

import { isForward } from "./status.js";

/**
 * One room's messages, joined from history and live frames by id. Ids ascend inside a room, so
 * whatever is not above the last one shown was shown before.
 */
export class Timeline {
  #stored = [];
  #byId = new Map();
  #pending = [];
  #receipts = new Map();
  #lastId = null;
  #join = null;

  /** The id of the newest message shown; null before the first join. */
  get lastId() {
    return this.#lastId;
  }

  /** The id of the oldest message shown. */
  get oldestId() {
    return this.#stored[0]?.id ?? null;
  }

  /** Everything to show, oldest first; what is not stored yet comes last. */
  get messages() {
    return [...this.#stored, ...this.#pending].map((message) => ({ ...message }));
  }

  /** The sends that the server has not answered. */
  get unanswered() {
    return this.#pending.filter((message) => message.status === "sending");
  }

  /** Whether history and live frames are still being joined. */
  get isJoining() {
    return this.#join !== null;
  }

  /** Adds a send. A repetition of one that is not stored is that one. */
  send(draft) {
    const known = this.#find(draft.temp_id, draft.content);
    if (known?.status === "sending") return [];
    if (known) known.status = "sending";
    else this.#pending.push({ ...draft, id: null, status: "sending" });
    return [status(draft.temp_id, "sending")];
  }

  /** The first unanswered send with this `temp_id`. */
  unansweredAs(tempId) {
    return this.unanswered.find((message) => message.temp_id === tempId);
  }

  /** A send did not succeed. It stays, as failed, until it is sent again or discarded. */
  fail(message) {
    message.status = "failed";
    this.#join?.awaited.delete(message);
    return [status(message.temp_id, "failed"), ...this.#settle()];
  }

  /** Forgets a failed send. */
  discard(tempId) {
    this.#pending = this.#pending.filter(
      (message) => message.temp_id !== tempId || message.status !== "failed",
    );
  }

  /**
   * A connection stands. What was sent before is to be sent again, and nothing is shown until
   * history is there and the server has said what became of these: history does not tell which
   * of its messages is which send, and one may be in it.
   */
  beginJoin() {
    const repeated = this.unanswered;
    this.#join = { awaited: new Set(repeated), live: [], sent: new Map(), history: null };
    return repeated;
  }

  /** The connection is gone. What came live is in the history of the next one. */
  abandonJoin() {
    this.#join = null;
  }

  /** The history since the last message shown (or the newest page), oldest first. */
  joinHistory(messages) {
    if (!this.#join) return [];
    this.#join.history = messages;
    return this.#settle();
  }

  /** A message of the server's; with the `temp_id` if this socket sent it. */
  receive(message, tempId) {
    const events = tempId === undefined ? [] : this.#answer(message, tempId);
    const shown = tempId === undefined ? message : { ...message, temp_id: tempId };
    if (!this.#join) return [...events, ...this.#show(shown)];
    this.#join.live.push(() => this.#show(shown));
    if (tempId !== undefined) this.#join.sent.set(message.id, tempId);
    return [...events, ...this.#settle()];
  }

  /** A status of a stored message. */
  update(id, to, detail) {
    if (this.#join) {
      this.#join.live.push(() => this.#advance(id, to, detail));
      return [];
    }
    return this.#advance(id, to, detail);
  }

  /** Messages from before the oldest one shown, oldest first. Returns those that were new. */
  prepend(messages) {
    const added = messages.filter(({ id }) => !this.#byId.has(id) && !(id >= this.oldestId));
    this.#stored.unshift(...added);
    for (const message of added) this.#byId.set(message.id, message);
    return added.map((message) => ({ ...message }));
  }

  /** Whether this message was shown. */
  has(id) {
    return this.#byId.has(id);
  }

  /**
   * Notes that a message is to be marked. Returns whether there is something to send: nothing is
   * if the message is as far already. What is noted is sent again until a status confirms it.
   */
  mark(id, to) {
    const known = this.#byId.get(id);
    if (!known) return true;
    if (!isForward(known.status, to)) return false;
    const noted = this.#receipts.get(id);
    if (noted && !isForward(noted, to)) return false;
    this.#receipts.set(id, to);
    return true;
  }

  /** The marks that no status has confirmed. */
  get unconfirmed() {
    return [...this.#receipts];
  }

  #find(tempId, content) {
    return this.#pending.find(
      (message) => message.temp_id === tempId && message.content === content,
    );
  }

  #answer(message, tempId) {
    const known = this.#find(tempId, message.content);
    if (!known) return [];
    this.#pending.splice(this.#pending.indexOf(known), 1);
    this.#join?.awaited.delete(known);
    return [status(tempId, "sent", { message_id: message.id })];
  }

  #settle() {
    const join = this.#join;
    if (!join?.history || join.awaited.size > 0) return [];
    this.#join = null;
    const events = [];
    for (const message of join.history) {
      const tempId = join.sent.get(message.id);
      events.push(...this.#show(tempId === undefined ? message : { ...message, temp_id: tempId }));
    }
    // An empty room has been joined, too.
    this.#lastId ??= 0;
    for (const replay of join.live) events.push(...replay());
    return events;
  }

  #show(message) {
    const known = this.#byId.get(message.id);
    if (known) {
      if (message.temp_id !== undefined) known.temp_id = message.temp_id;
      return this.#advance(message.id, message.status);
    }
    if (this.#lastId !== null && message.id <= this.#lastId) return [];
    this.#stored.push(message);
    this.#byId.set(message.id, message);
    this.#lastId = message.id;
    return [{ type: "message", message: { ...message } }];
  }

  #advance(id, to, detail) {
    const noted = this.#receipts.get(id);
    if (noted && !isForward(to, noted)) this.#receipts.delete(id);
    const known = this.#byId.get(id);
    if (known && !isForward(known.status, to)) return [];
    if (known) known.status = to;
    return [status(id, to, detail)];
  }
}

function status(id, to, detail = {}) {
  return { type: "status", id, status: to, detail };
}
