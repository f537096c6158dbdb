// A room's stored messages, page by page, as the messenger document has them: page 1 is the newest.

import { patiently, within } from "./requests.js";

/** How many messages the server puts on a page. */
const PAGE = 50;

/** The history of one room. What it returns is oldest first, in the form that live frames have. */
export class History {
  #rest;
  #options;

  constructor(rest, options) {
    this.#rest = rest;
    this.#options = options;
  }

  /** What there is since a message, for a connection; the newest page where it is null. */
  async since(lastId, signal) {
    const read = (page) => this.#page(page, (request) => patiently(request, this.#options, signal));
    let found = [];
    for (let page = 1, count = 0; ; page += 1) {
      const body = await read(page);
      if (body === null || body.count < count) {
        // Deleted messages moved others to a page that was read already.
        [found, page, count] = [[], 0, 0];
        continue;
      }
      count = body.count;
      const oldest = found[0]?.id ?? Infinity;
      found.unshift(...body.messages.filter(({ id }) => id < oldest));
      const reached = lastId === null || body.messages.some(({ id }) => id <= lastId);
      if (reached || !body.hasNext) return found;
    }
  }

  /** The messages before one that has about so many after it; empty where there are none. */
  async before(oldest, after) {
    const { connectionTimeout } = this.#options;
    const read = (page) => this.#page(page, (request) => within(connectionTimeout, request));
    let page = Math.ceil(after / PAGE);
    let body = await read(page);
    // Where some were deleted, the oldest one shown is on an earlier page than its place says.
    while (page > 1 && !(body?.messages.at(-1)?.id >= oldest)) body = await read((page -= 1));
    for (;;) {
      const older = body.messages.filter(({ id }) => id < oldest);
      if (older.length > 0 || !body.hasNext) return older;
      const next = await read((page += 1));
      // Deleted meanwhile: a message may have moved to the page before.
      if (next === null || next.count < body.count) return this.before(oldest, after);
      body = next;
    }
  }

  /** One page; null where there is no such page. */
  async #page(page, ask) {
    const { roomId } = this.#options;
    try {
      const body = await ask((signal) => this.#rest.listMessages(roomId, page, { signal }));
      const messages = body.results.map(shown).reverse();
      return { messages, count: body.count, hasNext: body.next !== null };
    } catch (error) {
      if (page > 1 && error.status === 404) return null;
      throw error;
    }
  }
}

function shown({ id, content, sender, status, created_at, room }) {
  const who = { sender_id: sender.id, sender_username: sender.username };
  return { id, content, ...who, status, created_at, room_id: room };
}
