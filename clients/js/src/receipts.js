// How far one has marked messages, until the server has said so.

import { isForward } from "./status.js";

/** Marks that are sent again on the next connection unless they are known to have come. */
export class Receipts {
  #noted = new Map();

  /**
   * Notes that a message is to be marked. Returns whether there is something to send: nothing is
   * if the message is as far already. One that is not shown is marked once.
   * @param {number} id
   * @param {string} to
   * @param {string} [known] its status, where it is shown
   */
  mark(id, to, known) {
    if (known === undefined) return true;
    const noted = this.#noted.get(id);
    if (!isForward(known, to) || (noted && !isForward(noted, to))) return false;
    this.#noted.set(id, to);
    return true;
  }

  /** A message has come so far. */
  confirm(id, to) {
    const noted = this.#noted.get(id);
    if (noted && !isForward(to, noted)) this.#noted.delete(id);
  }

  /** The server has taken these, whatever came of it. */
  forget(marks) {
    for (const [id, to] of marks) this.confirm(id, to);
  }

  /** The marks that nothing has confirmed. */
  get unconfirmed() {
    return [...this.#noted];
  }
}
