// What is shown in a room: stored messages, once each and in order, then those not stored yet.
// Pure: no socket, no timer. Each method returns what the application is to be told, in order:
// { type: "message", message, isFirst } or { type: "status", id, status, detail }.

/**
 * One room's messages, joined from history and live frames by id. Ids ascend inside a room, so
 * whatever is not above the last one shown was shown before. A message shown is never changed, only
 * replaced.
 */
export class Timeline {
  #merge;
  #ids = [];
  #byId = new Map();
  // Drafts, and what is stored of them but not shown in its place yet: that has an id.
  #pending = [];
  #lastId = null;
  #join = null;
  #reads = new Set();

  /**
   * @param {(known: object, news: object) => object} merge what is known of a message with what is
   *   told of it; the same object where nothing has changed
   */
  constructor(merge) {
    this.#merge = merge;
  }

  /** The id of the newest message shown; null before the first join. */
  get lastId() {
    return this.#lastId;
  }

  /** The id of the oldest message shown. */
  get oldestId() {
    return this.#ids[0] ?? null;
  }

  /** How many messages are shown in their place. */
  get count() {
    return this.#ids.length;
  }

  /** Everything to show, oldest first; what is not stored yet comes last. */
  get messages() {
    const stored = this.#ids.map((id) => this.#byId.get(id));
    return [...stored, ...this.#pending.map((message) => ({ ...message }))];
  }

  /** The sends that the server has not answered. */
  get unanswered() {
    return this.#pending.filter(({ status, id }) => id === null && status === "sending");
  }

  /** Whether history and live frames are still being joined. */
  get isJoining() {
    return this.#join !== null;
  }

  /**
   * Adds a send, which is known by this object from now on. A repetition of one that is not stored
   * is that one.
   */
  send(draft) {
    const known = this.#find(draft.temp_id, draft.content);
    if (known && known.status !== "failed") return [];
    if (known) known.status = "sending";
    else this.#pending.push(Object.assign(draft, { id: null, status: "sending" }));
    return [status(draft.temp_id, "sending")];
  }

  /** The first unanswered send with this `temp_id`. */
  unansweredAs(tempId) {
    return this.unanswered.find((message) => message.temp_id === tempId);
  }

  /** The first failed send with this `temp_id`. */
  failedAs(tempId) {
    return this.#pending.find(
      (message) => message.temp_id === tempId && message.status === "failed",
    );
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
  beginJoin(repeated = this.unanswered) {
    this.#join = { awaited: new Set(repeated), came: new Set(), live: [], history: null };
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
    if (tempId === undefined) return this.#live(message);
    return [...this.answer(message, tempId), ...this.#live({ ...message, temp_id: tempId })];
  }

  /** The server has stored a send. It stays where it is until it is shown in its place. */
  answer(message, tempId) {
    const draft = this.#find(tempId, message.content) ?? this.unansweredAs(tempId);
    if (!draft) return [];
    this.#join?.awaited.delete(draft);
    const stored = { ...message, temp_id: tempId };
    this.#pending[this.#pending.indexOf(draft)] = stored;
    const events = [status(tempId, "sent", { message_id: message.id })];
    if (this.#isPast(message.id)) events.push(...this.#show(stored));
    return events;
  }

  /** Something of a stored message is another: a status, a text, a reaction. */
  change(id, fields, detail) {
    this.#note(id, fields);
    if (!this.#join) return this.#revise(id, fields, detail);
    this.#join.live.push(() => this.#revise(id, fields, detail));
    return [];
  }

  /**
   * What a request reads, with what is told meanwhile: the answer may be older than that.
   * @param {() => Promise<object[]>} request
   */
  async current(request) {
    const told = new Map();
    this.#reads.add(told);
    try {
      const rows = await request();
      return rows.map((row) => (told.get(row.id) ?? []).reduce(this.#merge, row));
    } finally {
      this.#reads.delete(told);
    }
  }

  /** What was read again. What is not shown yet stays so: there may be others before it. */
  revise(messages) {
    return messages.flatMap((row) => (this.has(row.id) ? this.#revise(row.id, row) : []));
  }

  /** Messages from before the oldest one shown, oldest first. Returns those that were new. */
  prepend(messages) {
    const added = messages.filter(({ id }) => !this.#byId.has(id) && !(id >= this.oldestId));
    this.#ids.unshift(...added.map(({ id }) => id));
    for (const message of added) this.#byId.set(message.id, message);
    return added.map((message) => ({ ...message }));
  }

  /** A message that is shown in its place. */
  get(id) {
    return this.#byId.get(id);
  }

  /** Whether this message is shown in its place. */
  has(id) {
    return this.#byId.has(id);
  }

  #find(tempId, content) {
    return this.#pending.find(
      (message) => message.temp_id === tempId && message.content === content && message.id === null,
    );
  }

  #isPast(id) {
    return this.#lastId !== null && id <= this.#lastId;
  }

  #live(message) {
    if (!this.#join) return this.#show(message);
    this.#join.came.add(message.id);
    this.#join.live.push(() => this.#show(message));
    return this.#settle();
  }

  #settle() {
    const join = this.#join;
    if (!join?.history || join.awaited.size > 0) return [];
    this.#join = null;
    const begins = this.#lastId === null;
    const events = [];
    for (const row of join.history) {
      this.#note(row.id, row);
      const isFirst = begins && !join.came.has(row.id);
      events.push(...(this.has(row.id) ? this.#revise(row.id, row) : this.#show(row, isFirst)));
    }
    // An empty room has been joined, too.
    this.#lastId ??= 0;
    for (const replay of join.live) events.push(...replay());
    // What history no longer has was deleted.
    this.#pending = this.#pending.filter(({ id }) => id === null || !this.#isPast(id));
    return events;
  }

  #show(message, isFirst = false) {
    const at = this.#pending.findIndex(({ id }) => id === message.id);
    const shown = at < 0 ? message : { ...this.#pending.splice(at, 1)[0], ...message };
    const known = this.#byId.get(message.id);
    if (known) {
      const { temp_id } = shown;
      if (temp_id !== undefined) this.#byId.set(message.id, { ...known, temp_id });
      return [];
    }
    if (this.#isPast(message.id)) return [];
    this.#ids.push(message.id);
    this.#byId.set(message.id, shown);
    this.#lastId = message.id;
    return [{ type: "message", message: { ...shown }, isFirst }];
  }

  #revise(id, news, detail) {
    const known = this.#byId.get(id);
    // A status is told of what is not shown, too.
    if (!known) return news.status === undefined ? [] : [status(id, news.status, detail)];
    const merged = this.#merge(known, news);
    if (merged === known) return [];
    this.#byId.set(id, merged);
    return [status(id, merged.status, detail)];
  }

  #note(id, news) {
    for (const told of this.#reads) told.set(id, [...(told.get(id) ?? []), news]);
  }
}

function status(id, to, detail = {}) {
  return { type: "status", id, status: to, detail };
}
