// Better SSE as its documentation shows it: a session for each request of Express, a channel for
// each user; and node-redis as its documentation shows it: one client that subscribes.
// Nobody is asked who they are, and nothing is replayed.

import { createChannel, createSession } from "better-sse";
import express from "express";
import { createClient } from "redis";

const [, , redisSocket, port] = process.argv;
const subscriber = createClient({ socket: { path: redisSocket } });
subscriber.on("error", (error) => console.error("Redis Client Error", error));
await subscriber.connect();

const app = express();
const channels = new Map();

app.get("/healthz", (_request, response) => response.send("ok"));

app.get("/stream", async (request, response) => {
  const name = request.query.channel;
  const session = await createSession(request, response);
  const known = channels.get(name);
  const channel = known ?? createChannel();
  channel.register(session);
  if (!known) {
    channels.set(name, channel);
    await subscriber.subscribe(name, (message) => {
      channel.broadcast(JSON.parse(message), "message");
    });
  }
  channel.on("session-deregistered", async () => {
    if (channel.sessionCount === 0 && channels.delete(name)) {
      await subscriber.unsubscribe(name);
    }
  });
});

app.listen(Number(port), "127.0.0.1");
