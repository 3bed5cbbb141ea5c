/** The two credentials and what is called with them: a patient's device, and a clinic's API key. */
import type { OfflineQueue, QueuedCheckIn } from "./offlineQueue.ts";

const BATCH = 100;
// Answers that may be others when the same is sent again later.
const LATER = new Set([401, 408, 429, 500, 502, 503, 504]);

export interface Problem {
  type: string;
  status: number;
  detail: string;
  errors?: { pointer: string; code: string; detail: string }[];
  crisis_help?: unknown;
}

/** The service cannot be reached; what is in the queue stays there. */
export class NetworkAwayError extends Error {}

/** The service refused a request; `code` is stable, and `problem.errors` say where. */
export class ProblemError extends Error {
  readonly status: number;
  readonly code: string;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(`${status} ${problem.detail}`);
    this.status = status;
    this.code = problem.type.slice(problem.type.lastIndexOf("/") + 1);
    this.problem = problem;
  }
}

/** A device's credentials. Keep them where secrets are kept. */
export interface Tokens {
  access: string;
  refresh: string;
}

export interface Sent {
  kept: string[];
  refused: { item: QueuedCheckIn; problem: Problem }[];
  waiting: number;
  crisisHelp: unknown;
}

async function call(url: string, method: string, path: string, body: unknown, token?: string): Promise<any> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let reply: Response;
  let text: string;
  try {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    reply = await fetch(url.replace(/\/$/, "") + path, { method, headers, ...sent });
    text = await reply.text();
  } catch (error) {
    throw new NetworkAwayError(String(error));
  }
  if (reply.ok) return text === "" ? undefined : JSON.parse(text);
  throw new ProblemError(reply.status, problemIn(text, reply.status));
}

function problemIn(text: string, status: number): Problem {
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return { type: "", status, detail: "" };
  }
}

/** A clinic's system, with an API key. */
export class Clinic {
  #url: string;
  #key: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  request(method: string, path: string, body?: unknown): Promise<any> {
    return call(this.#url, method, path, body, this.#key);
  }

  /** Moves the time of a clinic in test mode forward; gives what time it is there. */
  async advanceTestClock(days: number): Promise<Date> {
    const moved = await this.request("POST", "/v1/test-clock/advance", { seconds: Math.round(days * 86_400) });
    return new Date(moved.now);
  }
}

/** A patient's device. */
export class Phone {
  tokens: Tokens;
  #url: string;
  #onTokens: (tokens: Tokens) => void | Promise<void>;
  #renewal: Promise<void> | undefined;

  constructor(url: string, tokens: Tokens, onTokens: (tokens: Tokens) => void | Promise<void> = () => {}) {
    this.#url = url;
    this.tokens = tokens;
    this.#onTokens = onTokens;
  }

  /** Exchanges a one-time code from the clinic for this device's tokens. */
  static async enroll(url: string, code: string, deviceName: string): Promise<Phone> {
    const reply = await call(url, "POST", "/v1/enrolments", { code, device_name: deviceName });
    return new Phone(url, { access: reply.access_token, refresh: reply.refresh_token });
  }

  /** Calls one operation; an access token that has run out is renewed once. */
  async request(method: string, path: string, body?: unknown): Promise<any> {
    try {
      return await call(this.#url, method, path, body, this.tokens.access);
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 401) throw error;
    }
    await this.refresh();
    return call(this.#url, method, path, body, this.tokens.access);
  }

  /** Renews the tokens; calls that overlap wait for one renewal. */
  refresh(): Promise<void> {
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #renew(): Promise<void> {
    const reply = await call(this.#url, "POST", "/v1/tokens/refresh", { refresh_token: this.tokens.refresh });
    this.tokens = { access: reply.access_token, refresh: reply.refresh_token };
    await this.#onTokens(this.tokens);
  }

  /** Switches the import of measured nights on, once the patient was asked, or off. */
  async importNights(on: boolean): Promise<void> {
    await this.request("PUT", "/v1/me/sleep-import", { on });
  }

  /** Sends a night that the phone's health store has; under the same id it is kept once, also after a lost reply. */
  sendNight(id: string, night: Record<string, unknown>): Promise<any> {
    return this.request("PUT", `/v1/me/sleep-nights/${id}`, night);
  }

  /** Sends what waits, oldest first; whatever may still be taken later stays in the queue under its id. */
  async sync(queue: OfflineQueue): Promise<Sent> {
    const sent: Sent = { kept: [], refused: [], waiting: 0, crisisHelp: undefined };
    for (let batch = queue.first(BATCH); batch.length > 0; batch = queue.first(BATCH)) {
      const over = await this.#send(batch, sent);
      await queue.remove(over);
      if (over.size === 0) break;
    }
    sent.waiting = queue.length;
    return sent;
  }

  async #send(batch: QueuedCheckIn[], sent: Sent): Promise<Set<string>> {
    const over = new Set<string>();
    let reply: { results: { status: number; problem: Problem; crisis_help?: unknown }[]; crisis_help?: unknown };
    try {
      reply = await this.request("POST", "/v1/check-ins/batch", { items: batch });
    } catch (error) {
      if (error instanceof NetworkAwayError) return over;
      if (!(error instanceof ProblemError)) throw error;
      sent.crisisHelp = error.problem.crisis_help ?? sent.crisisHelp;
      if (LATER.has(error.status)) return over;
      throw error;
    }
    sent.crisisHelp = reply.crisis_help ?? sent.crisisHelp;
    batch.forEach((item, place) => {
      const result = reply.results[place]!;
      sent.crisisHelp = result.crisis_help ?? sent.crisisHelp;
      if (LATER.has(result.status)) return;
      over.add(item.id);
      if (result.status < 300) sent.kept.push(item.id);
      else sent.refused.push({ item, problem: result.problem });
    });
    return over;
  }
}
