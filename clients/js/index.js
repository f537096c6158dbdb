// The client of the messenger dialect, and what it is made of.

export { ChatClient } from "./src/messenger.js";
export { ChatRest, HttpError } from "./src/rest.js";
export { getStatusIcon } from "./src/status.js";
