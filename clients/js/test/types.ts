// Compiled, never run: the document's examples with the declared types.

import { ChatClient, HttpError, TeamRoom, getStatusIcon } from "../index.js";

const chatClient = new ChatClient({ roomId: 1, token: async () => "jwt", heartbeatInterval: 30000 });
chatClient.onTypingIndicator = (data) => console.log(data.username, data.isTyping);
chatClient.onMessageStatusUpdate = (messageId, status) => console.log(messageId, getStatusIcon(status));
chatClient.onUserStatusChange = (data) => console.log(data.user_id, data.is_online, data.last_seen);
chatClient.onError = (message, error) => console.error("Chat error:", message, error);
chatClient.onConnectionChange = (status, code) => console.log(status === "disconnected" && code !== 1000);
chatClient.onMessage = (message) => console.log(message.id.toFixed(), message.temp_id);
chatClient.connect();
const tempId: string = chatClient.sendMessage("Hello!", `temp_${Date.now()}`);
chatClient.discardMessage(tempId);

const room = new TeamRoom({ roomId: "uuid", token: "jwt", heartbeatInterval: 30000, random: Math.random });
room.onError = (message, error) => {
  if (error instanceof HttpError) console.error(message, error.status, error.retryAfter?.toFixed());
};
