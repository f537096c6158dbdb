// A TCP proxy that cuts connections and loses what is on its way.

import net from "node:net";

/** Starts a proxy to a port of this machine. */
export async function startProxy(port) {
  const sockets = new Set();
  const proxy = {
    target: port,
    /** New connections are closed at once. */
    refuses: false,
    /** What the server says is lost. */
    losesAnswers: false,
    /** What the client says is lost. */
    losesRequests: false,
    /** How many connections were made. */
    connections: 0,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async stop() {
      proxy.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = net.createServer((client) => {
    proxy.connections += 1;
    if (proxy.refuses) {
      client.destroy();
      return;
    }
    const upstream = net.connect(proxy.target, "127.0.0.1");
    for (const [from, to, lossy] of [
      [client, upstream, "losesRequests"],
      [upstream, client, "losesAnswers"],
    ]) {
      sockets.add(from);
      from.on("data", (bytes) => proxy[lossy] || to.write(bytes));
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  return proxy;
}
