// The reference server as a child process, with pairs of users who have a room each.

import { spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const BINARY =
  process.env.CHAT_SERVER ??
  new URL("../../../../target/debug/examples/server", import.meta.url).pathname;
const PAIRS = 40;
const SECRET = randomBytes(32).toString("hex");

/** Starts a server. Pair n is users 2n-1 and 2n in room n. */
export async function startServer() {
  const folder = await mkdtemp(join(tmpdir(), "chat-js-"));
  const file = join(folder, "data.json");
  const numbers = Array.from({ length: PAIRS }, (_, index) => index + 1);
  const users = numbers.flatMap((n) => [2 * n - 1, 2 * n]).map((id) => ({ id, username: `user_${id}` }));
  const rooms = numbers.map((n) => ({ kind: "direct", members: [2 * n - 1, 2 * n] }));
  await writeFile(file, JSON.stringify({ users, rooms }));
  const args = ["--listen", "127.0.0.1:0", "--dialect", "messenger", "--data", file];
  const child = spawn(BINARY, [...args, "--jwt-secret", SECRET], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.once("error", () => {});
  for await (const line of createInterface({ input: child.stdout })) {
    const said = /listening on (http:\S*:(\d+))/.exec(line);
    if (said) {
      child.stdout.resume();
      return {
        port: Number(said[2]),
        /** As an operator does it; resolves once it has ended. */
        async stop(signal = "SIGTERM") {
          child.kill(signal);
          await ended;
          await rm(folder, { recursive: true, force: true });
        },
      };
    }
  }
  throw new Error(`${BINARY} did not start: build it with cargo build --example server`);
}

/** A token of a user's. */
export function tokenFor(user, claims = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: String(user), exp, ...claims })}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}
