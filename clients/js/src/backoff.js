// How long to wait before the next attempt to connect.

/**
 * Doubles with each attempt up to the maximum; the later half of that is random, so that clients
 * that were cut off together do not return together.
 * @param {number} attempt from 1
 * @param {{ base: number, max: number, random: () => number }} options milliseconds, and numbers in [0, 1)
 */
export function backoff(attempt, { base, max, random }) {
  // 2 ** 30 times any base is past every maximum, and finite.
  const delay = Math.min(base * 2 ** Math.min(attempt - 1, 30), max);
  return delay / 2 + (random() * delay) / 2;
}
