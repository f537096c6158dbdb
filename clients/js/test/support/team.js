// Pairs who talk by the team document, and requests whose answers can be kept back.

import WebSocket from "ws";

import { TeamRest, TeamRoom } from "../../index.js";
import { tokenFor } from "./server.js";
import { until } from "./world.js";

export const uuid = (id) => `00000000-0000-8000-8000-${id.toString(16).padStart(12, "0")}`;
export const contents = (person) => person.messages.map(({ content }) => content);

/**
 * Makes pairs in their direct room, connected unless told otherwise. `mine` goes through the proxy,
 * with these options.
 */
export function pairs(room) {
  return async (t, given = {}, isConnecting = true) => {
    const { roomId, proxy, direct, me, you } = await room(t);
    const people = [];
    t.after(() => people.forEach((person) => person.disconnect()));
    const person = (user, origin, more) => {
      const options = { baseUrl: `${origin}/team`, roomId: uuid(roomId), token: tokenFor(user) };
      const live = recordTeam({ ...options, ...more });
      live.rest = new TeamRest({ ...options, baseUrl: `${direct}/team` });
      live.options = { ...options, WebSocket };
      people.push(live);
      return live;
    };
    const [mine, yours] = [person(me, proxy.url, given), person(you, direct)];
    if (isConnecting) await joined(mine, yours);
    const post = async (from, to) => {
      for (let n = from; n < to; n += 1) {
        await yours.rest.sendMessage(uuid(roomId), { content: `${n}` });
      }
    };
    return { mine, yours, me: String(me), you: String(you), roomId: uuid(roomId), proxy, direct, post };
  };
}

/** A room that notes all it tells and all frames, with short intervals. */
export function recordTeam(options) {
  const seen = { typing: [], attendance: [], errors: [], states: [], messages: [], changes: [] };
  const [received, sockets] = [[], []];
  class Spy extends WebSocket {
    constructor(url) {
      super(url);
      sockets.push(this);
      // After the client's own listener.
      setImmediate(() => this.on("message", (data) => received.push(JSON.parse(data))));
    }
  }
  const live = new TeamRoom({ WebSocket: Spy, reconnectInterval: 20, ...options });
  live.seen = { ...seen, received, sockets };
  live.onTyping = (data) => seen.typing.push(data);
  live.onAttendance = (data) => seen.attendance.push(data);
  live.onError = (...error) => seen.errors.push(error);
  live.onConnectionChange = (...state) => seen.states.push(state);
  live.onMessage = (message) => seen.messages.push(message);
  live.onChange = () => seen.changes.push(live.messages.length);
  return live;
}

/** Connects these and waits until history is there, too. */
export async function joined(...people) {
  for (const live of people) {
    const before = live.seen.changes.length;
    live.connect();
    await until(() => live.isConnected && live.seen.changes.length > before);
  }
}

/** Cuts the connection and keeps it away until `proxy.refuses` is false again. */
export async function cutOff(proxy, live) {
  proxy.refuses = true;
  proxy.cut();
  await until(() => !live.isConnected);
}

/** A `fetch` that keeps answers back where `keeps(url, options)`, until `release()`. */
export function held() {
  const kept = [];
  const requests = {
    keeps: () => false,
    get count() {
      return kept.length;
    },
    release() {
      requests.keeps = () => false;
      for (const free of kept.splice(0)) free();
    },
    async fetch(url, options) {
      const keeps = requests.keeps(String(url), options);
      const answer = await fetch(url, options);
      if (keeps) await new Promise((resolve) => kept.push(resolve));
      return answer;
    },
  };
  return requests;
}
