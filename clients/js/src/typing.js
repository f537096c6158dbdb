// Telling the others that one is typing, or no more.

/** While typing goes on the server is told again after this long; it forgets after 30 s. */
const REPEAT = 10000;

/** What one tells of one's own typing in a room. */
export class Typing {
  #send;
  #timeout;
  #end = null;
  #since = 0;

  /**
   * @param {(isTyping: boolean) => boolean} send says whether it went out
   * @param {number} timeout ms without a key after which typing has ended
   */
  constructor(send, timeout) {
    this.#send = send;
    this.#timeout = timeout;
  }

  /** To be called at each key. Ends by itself. */
  start() {
    clearTimeout(this.#end);
    if (this.#end === null || Date.now() - this.#since >= REPEAT) {
      if (!this.#send(true)) {
        this.#end = null;
        return;
      }
      this.#since = Date.now();
    }
    this.#end = setTimeout(() => this.stop(), this.#timeout);
  }

  /** Tells that it has ended. */
  stop() {
    if (this.#end === null) return;
    this.forget();
    this.#send(false);
  }

  /** The server ends typing itself when a message arrives or the connection closes. */
  forget() {
    clearTimeout(this.#end);
    this.#end = null;
  }
}
