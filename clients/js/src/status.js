// The statuses of a message, their order and their icons.

const ICONS = { sending: "🕐", sent: "✓", delivered: "✓✓", read: "✓✓", failed: "❌" };
const ORDER = ["sent", "delivered", "read"];

/**
 * The icon of a status. `delivered` and `read` share theirs: the first is shown gray, the second
 * blue, which is for the style sheet. Of an unknown status: the empty string.
 * @param {string} status
 */
export function getStatusIcon(status) {
  return Object.hasOwn(ICONS, status) ? ICONS[status] : "";
}

/** Whether a stored message may go from one status to the other: they only move forward. */
export function isForward(from, to) {
  return ORDER.indexOf(to) > ORDER.indexOf(from);
}
