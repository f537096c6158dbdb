// What an application and a client say to each other.

/**
 * Calls one of a client's `on…` callbacks. An exception of the application's is its own: it is
 * reported and changes nothing here.
 */
export function tell(client, name, ...args) {
  try {
    client[name]?.(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** A key of a message that no other has. */
export function newTempId() {
  const random = crypto.getRandomValues(new Uint32Array(2));
  return `temp_${Date.now()}_${random[0].toString(36)}${random[1].toString(36)}`;
}
