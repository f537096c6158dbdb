/** What a message is shown as. */
export interface Message {
  /** Null until the server has stored it. */
  id: number | null;
  content: string;
  /** Null until the first connection, for a message of one's own. */
  sender_id: number | string | null;
  /** Null while it is sending or failed. */
  sender_username: string | null;
  status: Status;
  created_at: string;
  room_id: number;
  /** On messages that this client sent. */
  temp_id?: string;
}

/** A message that the server has stored. */
export interface StoredMessage extends Message {
  id: number;
  sender_id: number | string;
  sender_username: string;
}

export type Status = "sending" | "sent" | "delivered" | "read" | "failed";

export type ConnectionStatus = "connecting" | "connected" | "disconnected";

/**
 * A JWT, or a function that returns one; it is asked again for each connection and request. Where a
 * token is refused that was good until then, a function is asked for another one, once.
 */
export type Token = string | (() => string | Promise<string>);

export interface ChatClientOptions {
  /** Where the API is mounted, such as `https://your-domain.com`. In a page: its own origin. */
  baseUrl?: string | URL;
  roomId: number | string;
  token: Token;
  /** Milliseconds between pings. Default 30000. */
  heartbeatInterval?: number;
  /** Milliseconds before the first attempt to reconnect; doubles with each. Default 5000. */
  reconnectInterval?: number;
  /** Attempts in a row before it gives up. Default 10. */
  maxReconnectAttempts?: number;
  /** Milliseconds after the last `startTyping()` until typing ends. Default 3000. */
  typingTimeout?: number;
  /** Milliseconds a sent message may go without an answer until it has failed. Default 30000. */
  messageTimeout?: number;
  /**
   * Milliseconds a connection, a page of history or an answer to `checkConnection()` may take.
   * Default 10000.
   */
  connectionTimeout?: number;
  /** The longest wait between attempts in milliseconds. Default 60000. */
  maxReconnectInterval?: number;
  /** The bytes a frame may have; a longer message fails unsent. The server's default, 262144. */
  maxFrameBytes?: number;
  /** Whether messages shown are marked as delivered by themselves. Default true. */
  deliveryReceipts?: boolean;
  /** For platforms without one, such as Node 20: that of the `ws` package. */
  WebSocket?: new (url: string) => unknown;
  fetch?: typeof fetch;
  /** Numbers in [0, 1) that spread reconnections. Default `Math.random`. */
  random?: () => number;
}

export interface TypingIndicator {
  userId: number | string;
  username: string;
  isTyping: boolean;
}

export interface UserStatusChange {
  type: "user_status_change";
  user_id: number | string;
  username: string;
  is_online: boolean;
  last_seen: string | null;
}

export interface StatusDetail {
  /** With `sent`, where `messageId` is the `tempId`: the id that the message has from now on. */
  message_id?: number;
  timestamp?: string;
  updated_by?: number | string;
}

export class ChatClient {
  constructor(options: ChatClientOptions);

  /** A stored message, one's own too: each once, in the room's order. At first the newest page. */
  onMessage: (message: StoredMessage) => void;
  onTypingIndicator: (data: TypingIndicator) => void;
  /** `messageId` is the `tempId` for `sending`, `failed` and one's own `sent`, else the id. */
  onMessageStatusUpdate: (messageId: number | string, status: Status, detail: StatusDetail) => void;
  onUserStatusChange: (data: UserStatusChange) => void;
  /**
   * "Connection failed", "Message sending failed", "Authentication failed", "Access denied", or a
   * sentence of the server's. `error.message` says why.
   */
  onError: (message: string, error?: Error & { code?: number; tempId?: string }) => void;
  /** `code` is the close code of a "disconnected" connection, if it got that far. */
  onConnectionChange: (status: ConnectionStatus, code?: number) => void;

  readonly isConnected: boolean;
  readonly userId: number | string | null;
  readonly messages: Message[];

  connect(): void;
  disconnect(): void;
  /** Returns the `tempId`. */
  sendMessage(content: string, tempId?: string): string;
  discardMessage(tempId: string): void;
  startTyping(): void;
  stopTyping(): void;
  sendMessageRead(messageId: number | string): void;
  sendMessageDelivered(messageId: number | string): void;
  pauseHeartbeat(): void;
  resumeHeartbeat(): void;
  /** Resolves to whether the connection is alive. */
  checkConnection(): Promise<boolean>;
  /** The page before the oldest message shown, oldest first; empty at the beginning. */
  loadOlder(): Promise<StoredMessage[]>;
}

export interface Page<T> {
  count: number;
  next: string | null;
  previous: string | null;
  results: T[];
}

export interface User {
  id: number | string;
  username: string;
  display_name: string;
  imageUrls: string[];
  is_online: boolean;
  last_seen: string | null;
}

export interface Room {
  id: number;
  participant1: User;
  participant2: User;
  other_participant: User;
  match: unknown;
  last_message: Pick<StoredMessage, "id" | "content" | "sender_id" | "status" | "created_at"> | null;
  unread_count: number;
  typing_users: Pick<User, "id" | "username" | "display_name">[];
  created_at: string;
}

export interface RestMessage {
  id: number;
  room: number;
  sender: User;
  content: string;
  status: Status;
  status_display: string;
  sent_at: string | null;
  delivered_at: string | null;
  read_at: string | null;
  is_read: boolean;
  created_at: string;
  updated_at: string;
}

export interface Stats {
  user_id: number | string;
  total_rooms: number;
  active_rooms_today: number;
  recent_messages_24h: number;
  channel_layer_status: "available" | "unavailable";
  timestamp: string;
  connection_settings: {
    heartbeat_interval: number;
    connection_timeout: number;
    ping_timeout: number;
    max_reconnect_attempts: number;
  };
}

export interface RoomHealth {
  room_id: number;
  group_name: string;
  health_check_sent: boolean;
  recent_messages_count: number;
  timestamp: string;
}

export interface HealthChecks {
  health_checks_sent: number;
  total_rooms: number;
  timestamp: string;
}

/** The REST endpoints. Each method rejects with `HttpError` unless the answer is a success. */
export class ChatRest {
  constructor(options: { baseUrl?: string | URL; token: Token; fetch?: typeof fetch });
  listRooms(page?: number): Promise<Page<Room>>;
  getRoom(roomId: number | string): Promise<Room>;
  /** Newest first. */
  listMessages(
    roomId: number | string,
    page?: number,
    options?: { signal?: AbortSignal },
  ): Promise<Page<RestMessage>>;
  sendMessage(
    roomId: number,
    content: string,
    options?: { idempotencyKey?: string },
  ): Promise<RestMessage>;
  getStats(): Promise<Stats>;
  checkRoomHealth(roomId: number | string): Promise<RoomHealth>;
  broadcastHealthCheck(): Promise<HealthChecks>;
}

export class HttpError extends Error {
  readonly status: number;
  readonly body: unknown;
  /** After how many seconds the server will be asked again, where it says so. */
  readonly retryAfter: number | null;
}

/** "🕐", "✓", "✓✓", "✓✓" (to be shown blue) or "❌"; the empty string for any other status. */
export function getStatusIcon(status: Status | string): string;

export interface TeamUser {
  id: string;
  email: string;
  display_name: string;
  profile_picture?: string | null;
  clerk_profile_image_url?: string | null;
}

export interface TeamMessage {
  /** Null while it is not stored. */
  id: string | null;
  /** There while it is not stored. */
  status?: "sending" | "failed";
  /** Of what was sent over this connection. */
  temp_id?: string;
  room?: string;
  sender?: TeamUser;
  content: string;
  message_type: string;
  file_attachment?: string | null;
  file_name?: string | null;
  file_size?: number | null;
  timestamp: string;
  edited_at?: string | null;
  is_edited?: boolean;
  is_deleted?: boolean;
  reply_to: string | null;
  reactions: Record<string, string[]>;
  read_by: TeamUser[];
}

export interface TeamRoomOptions {
  roomId: string;
  token: Token;
  /** Where the document's paths begin; the page's own origin. */
  baseUrl?: string | URL;
  /** 30,000 ms: how often a silent connection is checked, with a small request. */
  heartbeatInterval?: number;
  /** 5,000 ms. */
  reconnectInterval?: number;
  /** 10. */
  maxReconnectAttempts?: number;
  /** 3,000 ms. */
  typingTimeout?: number;
  /** 30,000 ms; for a file a second more for each 64,000 bytes. */
  messageTimeout?: number;
  /** 10,000 ms. */
  connectionTimeout?: number;
  /** 60,000 ms. */
  maxReconnectInterval?: number;
  /** 262,144. */
  maxFrameBytes?: number;
  WebSocket?: unknown;
  fetch?: typeof fetch;
  /** Numbers in [0, 1) that spread reconnections; `Math.random`. */
  random?: () => number;
}

/** A room of the team document over one WebSocket. */
export class TeamRoom {
  constructor(options: TeamRoomOptions);
  onChange: () => void;
  /** A message that came or was missed, in the room's order; not those of the page it begins with. */
  onMessage: (message: TeamMessage) => void;
  onTyping: (data: { userId: string; email: string; isTyping: boolean }) => void;
  onAttendance: (data: { userId: string; email: string; isHere: boolean }) => void;
  onError: (message: string, error?: Error & { tempId?: string }) => void;
  onConnectionChange: (status: ConnectionStatus, code?: number) => void;
  readonly isConnected: boolean;
  readonly messages: TeamMessage[];
  connect(): void;
  disconnect(): void;
  send(content: string, more?: { replyTo?: string; file?: Blob; tempId?: string }): string;
  retry(tempId: string): void;
  discard(tempId: string): void;
  edit(messageId: string, content: string): Promise<void>;
  delete(messageId: string): Promise<void>;
  react(messageId: string, emoji: string, action?: "add" | "remove"): Promise<void>;
  markRead(messageId: string): void;
  markAllRead(): Promise<{ status: string; count: number }>;
  startTyping(): void;
  stopTyping(): void;
  loadOlder(): Promise<boolean>;
  /** Reads what is shown again; what is not shown comes with the connection. */
  refresh(): Promise<void>;
  /** Resolves to whether the connection is alive. */
  checkConnection(): Promise<boolean>;
}

export interface TeamRoomDetails {
  id: string;
  name: string | null;
  room_type: "direct" | "group" | "project" | "public";
  participants: TeamUser[];
  created_by: TeamUser | null;
  created_at: string;
  updated_at: string;
  is_active: boolean;
  last_message: { id: string; content: string; sender: TeamUser; timestamp: string } | null;
  unread_count: number;
  other_user: TeamUser | null;
}

/** The team document's REST endpoints. Each method rejects with `HttpError` unless the answer is a success. */
export class TeamRest {
  constructor(options: { baseUrl?: string | URL; token: Token; fetch?: typeof fetch });
  listRooms(page?: number, pageSize?: number): Promise<Page<TeamRoomDetails>>;
  getRoom(roomId: string): Promise<TeamRoomDetails>;
  createRoom(room: {
    name: string;
    type?: "group" | "project" | "public";
    participantIds?: string[];
  }): Promise<TeamRoomDetails>;
  updateRoom(
    roomId: string,
    changes: { name?: string; is_active?: boolean; participant_ids?: string[] },
  ): Promise<TeamRoomDetails>;
  deleteRoom(roomId: string): Promise<null>;
  openDirectRoom(userId: string): Promise<TeamRoomDetails>;
  joinRoom(roomId: string): Promise<{ status: string }>;
  leaveRoom(roomId: string): Promise<{ status: string }>;
  markRoomRead(roomId: string): Promise<{ status: string; count: number }>;
  typingUsers(roomId: string): Promise<unknown[]>;
  /** Oldest first. */
  listMessages(
    roomId: string,
    options?: { before?: string; pageSize?: number; signal?: AbortSignal },
  ): Promise<Page<TeamMessage>>;
  sendMessage(
    roomId: string,
    message: {
      content?: string;
      replyTo?: string | null;
      file?: Blob;
      idempotencyKey?: string;
      signal?: AbortSignal;
    },
  ): Promise<TeamMessage>;
  editMessage(roomId: string, messageId: string, content: string): Promise<TeamMessage>;
  deleteMessage(roomId: string, messageId: string): Promise<null>;
  react(
    roomId: string,
    messageId: string,
    emoji: string,
    action?: "add" | "remove",
  ): Promise<{ reactions: Record<string, string[]>; message: string }>;
  markMessageRead(
    roomId: string,
    messageId: string,
  ): Promise<{ status: string; was_already_read: boolean }>;
  searchMessages(term: string): Promise<TeamMessage[]>;
  searchRooms(term: string): Promise<TeamRoomDetails[]>;
  listSessions(): Promise<unknown[]>;
  cleanUpSessions(): Promise<{ status: string; deleted_sessions: number }>;
}
