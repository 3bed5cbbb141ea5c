// A receiver for Afterglow's webhooks, to read and to copy: Node.js 18 or newer, its standard library only.
//
//     AFTERGLOW_WEBHOOK_SECRET=whsec_... node receiver.mjs --port 8080
//
// Put TLS in front of it. While a secret rotates every message carries two signatures, so one secret is enough
// here; to change over without a gap, list both, separated by a blank.
//
// What any receiver has to do, in this order:
//
// 1. Check the signature over the raw bytes of the body, before parsing them.
// 2. Check the time, so that a recorded message cannot be played back later.
// 3. Store what arrived under its `webhook-id`; the same id again is a repetition, not news.
// 4. Answer 2xx within 15 seconds. Work that takes longer comes after the answer.
// 5. Fetch what the ids in the message stand for with your API key: the message itself says no more.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const TOLERANCE_SECONDS = 5 * 60;
const MOST_BODY_BYTES = 64 * 1024;

/** The request does not prove that it comes from Afterglow, and just now. */
export class NotOurs extends Error {}

/** Read a secret as the API shows it: `whsec_` and base64, with or without padding. */
export function keyOf(secret) {
  const text = secret.replace(/^whsec_/, "");
  // Buffer.from would leave out in silence whatever is no base64.
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new TypeError("this is no signing secret");
  return Buffer.from(text, "base64");
}

/**
 * Give the message's id if one of its signatures is right, or throw NotOurs.
 *
 * `body` is a Buffer of the bytes as they came, `headers` has lower-case names as in node:http, `now` is Unix time in
 * seconds.
 */
export function verify(body, headers, keys, now) {
  const webhookId = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (webhookId === "" || !/^[0-9]{1,12}$/.test(timestamp)) throw new NotOurs();
  if (Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) throw new NotOurs();
  const expected = keys.map((key) =>
    Buffer.from(
      "v1," + createHmac("sha256", key).update(`${webhookId}.${timestamp}.`).update(body).digest("base64"),
    ),
  );
  // Compared as text, entry by entry: a malformed entry, or one of a later version, is just not equal and does not
  // keep us from the good one beside it. timingSafeEqual throws where lengths differ.
  const given = (headers["webhook-signature"] ?? "").split(" ").map((entry) => Buffer.from(entry));
  const same = (one, other) => one.length === other.length && timingSafeEqual(one, other);
  if (!expected.some((one) => given.some((other) => same(one, other)))) throw new NotOurs();
  return webhookId;
}

/** Takes each message once. Here in memory; a real one is a table with a unique `webhook_id`. */
export class Inbox {
  #take;
  #taken = new Map();

  constructor(take) {
    this.#take = take;
  }

  /**
   * Take a message unless it was taken before.
   *
   * The id is kept only if the work succeeds, and in the same transaction where there is one: if the work fails the
   * answer is 500, and Afterglow sends the message again. A repetition that comes meanwhile waits for how it ends.
   */
  async accept(webhookId, message) {
    if (!this.#taken.has(webhookId)) {
      const work = Promise.resolve().then(() => this.#take(message));
      this.#taken.set(webhookId, work);
      work.catch(() => this.#taken.delete(webhookId));
    }
    await this.#taken.get(webhookId);
  }
}

/** Make a server that hands each verified message to `take` once; `take` may be asynchronous. */
export function makeServer(secrets, take) {
  if (secrets.length === 0) throw new TypeError("a receiver needs a secret");
  const keys = secrets.map(keyOf);
  const inbox = new Inbox(take);
  const server = createServer(async (request, response) => {
    const answer = (status) => response.writeHead(status, { "content-length": "0", connection: "close" }).end();
    if (request.method !== "POST") return answer(405);
    const length = request.headers["content-length"];
    if (length === undefined) return answer(411);
    if (Number(length) > MOST_BODY_BYTES) return answer(413);
    let webhookId = "";
    try {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      webhookId = verify(body, request.headers, keys, Date.now() / 1000);
      await inbox.accept(webhookId, JSON.parse(body.toString("utf8")));
    } catch (error) {
      if (error instanceof NotOurs) return answer(401);
      // The message is good, so it must come again.
      console.error(`could not take ${webhookId}: ${error?.name}`);
      return answer(500);
    }
    answer(204);
  });
  server.requestTimeout = 10_000;
  return server;
}

function main() {
  const { values } = parseArgs({
    options: { host: { type: "string", default: "127.0.0.1" }, port: { type: "string", default: "8080" } },
  });
  const secrets = (process.env.AFTERGLOW_WEBHOOK_SECRET ?? "").split(/\s+/).filter(Boolean);
  const server = makeServer(secrets, (message) => console.log(JSON.stringify(message)));
  server.listen(Number(values.port), values.host, () => {
    console.log(`listening on http://${values.host}:${server.address().port}`);
  });
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) main();
