// A phone's life with the generated client: enrol, check in without a network, reconnect, correct, sync.
// Called with the service's address, an enrolment code and the time it is; prints what it saw as JSON.

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./schema.d.ts";

declare const process: { argv: string[]; stdout: { write(text: string): void } };

type Schemas = components["schemas"];
type CheckIn = Schemas["CheckInReply"];
type Reply<Data, Problem> = { data?: Data; error?: Problem };

const ZONE = "Europe/Berlin";
const DAY = 24 * 60 * 60 * 1000;

/** Make a UUIDv7, as a phone does without a network. */
function newId(at: Date): string {
  const time = at.getTime().toString(16).padStart(12, "0");
  const rest = crypto.randomUUID().slice(15);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${rest}`;
}

/** Insist on the reply that was hoped for. */
function the<Data, Problem>(reply: Reply<Data, Problem>): Data {
  if (reply.data === undefined) throw new Error(JSON.stringify(reply.error));
  return reply.data;
}

/** The client with its tokens, and the check-ins as the phone knows them. */
class Phone {
  readonly known = new Map<string, CheckIn>();
  readonly client: Client<paths>;
  accessToken = "";
  refreshToken = "";
  cursor: string | null = null;

  constructor(url: string) {
    this.client = createClient<paths>({ baseUrl: url });
    this.client.use({
      onRequest: ({ request }) => {
        if (this.accessToken) request.headers.set("authorization", `Bearer ${this.accessToken}`);
        return request;
      },
    });
  }

  async enrol(code: string): Promise<void> {
    const body = { code, device_name: "TypeScript phone" };
    const enrolled = the(await this.client.POST("/v1/enrolments", { body }));
    this.accessToken = enrolled.access_token;
    this.refreshToken = enrolled.refresh_token;
  }

  async refresh(): Promise<Schemas["TokensReply"]> {
    return the(await this.client.POST("/v1/tokens/refresh", { body: { refresh_token: this.refreshToken } }));
  }

  /** Ask for new tokens; the first answer is lost, so the old token is used once more. */
  async refreshWithALostReply(): Promise<void> {
    await this.refresh();
    const tokens = await this.refresh();
    this.accessToken = tokens.access_token;
    this.refreshToken = tokens.refresh_token;
  }

  /** Send what was queued, with the phone's clock; gives each item's status. */
  async send(items: Schemas["CheckInItem"][], at: Date): Promise<number[]> {
    const header = { "Afterglow-Client-Time": at.toISOString() };
    const reply = await this.client.POST("/v1/check-ins/batch", { body: { items }, params: { header } });
    return the(reply).results.map((result) => result.status);
  }

  /** Take in what changed since the last time; gives the number of pages. */
  async sync(): Promise<number> {
    for (let pages = 0; ; pages += 1) {
      const query = { after: this.cursor, limit: 2 };
      const changes = the(await this.client.GET("/v1/check-ins", { params: { query } }));
      this.cursor = changes.cursor;
      if (changes.items.length === 0) return pages;
      for (const one of changes.items) this.known.set(one.id, one);
    }
  }
}

/** Five days without a network. */
function queued(now: Date): Schemas["CheckInItem"][] {
  return [1, 2, 3, 4, 5].map((mood) => {
    const day = new Date(now.getTime() - (6 - mood) * DAY);
    return {
      id: newId(day),
      recorded_at: day.toISOString(),
      time_zone: ZONE,
      mood,
      energy: 4,
      sleep_hours: 7.25,
      note: "héllo",
    };
  });
}

/** What a problem says, through its types. */
function refusalOf(problem: Schemas["Problem"] | undefined): object {
  if (problem === undefined) throw new Error("it was not refused");
  return {
    type: problem.type,
    status: problem.status,
    pointers: (problem.errors ?? []).map((one) => one.pointer),
    server_time: problem["server_time"],
  };
}

async function main(url: string, code: string, time: string): Promise<void> {
  const now = new Date(time);
  const phone = new Phone(url);
  await phone.enrol(code);
  const queue = queued(now);
  const first = await phone.send(queue, now); // Kept, but the answer is lost on its way ...
  const again = await phone.send(queue, now); // ... so the phone sends it all once more.
  await phone.refreshWithALostReply();
  const pages = [await phone.sync()];

  const [, wrong, , takenBack] = queue;
  if (wrong === undefined || takenBack === undefined) throw new Error("the queue is too short");
  const rightId = newId(now);
  const put = (check_in_id: string, body: Schemas["CheckInEntry"]) =>
    phone.client.PUT("/v1/check-ins/{check_in_id}", { params: { path: { check_in_id } }, body });
  the(await put(rightId, { recorded_at: wrong.recorded_at, time_zone: ZONE, mood: 9, supersedes: wrong.id }));
  const withdrawal = await phone.client.DELETE("/v1/check-ins/{check_in_id}", {
    params: { path: { check_in_id: takenBack.id } },
  });
  const future = new Date(now.getTime() + 365 * DAY).toISOString();
  const refused = await put(newId(now), { recorded_at: future, time_zone: ZONE, mood: 5 });
  pages.push(await phone.sync());

  const seen = {
    patient: the(await phone.client.GET("/v1/me")).id,
    made: queue.map((one) => one.id),
    right: rightId,
    first,
    again,
    pages,
    withdrawal: withdrawal.response.status,
    refused: refusalOf(refused.error),
    known: [...phone.known.values()],
  };
  process.stdout.write(JSON.stringify(seen));
}

const [, , url = "", code = "", time = ""] = process.argv;
await main(url, code, time);
