// A room's stored messages as the team document has them: a page at a time, back from a message.

import { patiently, within } from "./requests.js";

/** How many messages are asked for at once. */
const PAGE = 50;

/** How many pages are read again at least after a lost connection, for what changed on them. */
const REFRESHED = 5;

/** The history of one room, oldest first. */
export class TeamHistory {
  #rest;
  #options;
  #isComplete = false;

  constructor(rest, options) {
    this.#rest = rest;
    this.#options = options;
  }

  /** Whether the first message of the room is among what `since` and `before` were used to read. */
  get isComplete() {
    return this.#isComplete;
  }

  /**
   * What there is since a message, for a connection, and on through those that are shown, for their
   * edits, reactions and deletions; the newest page where nothing was read yet.
   */
  async since(lastId, oldestId, signal) {
    const read = (before) =>
      this.#page({ before }, (request) => patiently(request, this.#options, signal));
    let page = await read();
    let found = page;
    if (lastId === null) {
      this.#isComplete = page.length < PAGE;
      return found;
    }
    for (let pages = 1; page.length === PAGE && page[0].id > (oldestId ?? ""); pages += 1) {
      if (pages >= REFRESHED && page[0].id <= lastId) break;
      page = await read(page[0].id);
      found = [...page, ...found];
    }
    return found;
  }

  /** The page before the oldest message shown. */
  async before(oldestId) {
    const page = await this.#soon({ before: oldestId });
    this.#isComplete = page.length < PAGE;
    return page;
  }

  /** The newest page, and those before it back to a message where one is given. */
  async newest(downTo) {
    let page = await this.#soon({});
    let found = page;
    while (downTo !== undefined && page.length === PAGE && page[0].id > downTo) {
      page = await this.#soon({ before: page[0].id });
      found = [...page, ...found];
    }
    return found;
  }

  /** The id of the newest message; undefined in an empty room. */
  async newestId(signal) {
    const page = await this.#page({ pageSize: 1 }, (request) => request(signal));
    return page[0]?.id;
  }

  #soon(which) {
    return this.#page(which, (request) => within(this.#options.connectionTimeout, request));
  }

  async #page({ before, pageSize = PAGE }, ask) {
    const { roomId } = this.#options;
    const which = { before, pageSize };
    const body = await ask((signal) => this.#rest.listMessages(roomId, { ...which, signal }));
    return body.results;
  }
}
