// The clients of the messenger and the team dialect, and what they are made of.

export { ChatClient } from "./src/messenger.js";
export { ChatRest, HttpError } from "./src/rest.js";
export { getStatusIcon } from "./src/status.js";
export { TeamRoom } from "./src/team.js";
export { TeamRest } from "./src/team_rest.js";
