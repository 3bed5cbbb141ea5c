/** What the app does, without a screen: which screen is next, and what waits. */
import { OfflineQueue, Phone } from "../typescript/src/index.ts";
import type { CheckIn, Storage, Tokens } from "../typescript/src/index.ts";

export type Screen = "enroll" | "check-in" | "waiting" | "thanks" | "help";

export class Session {
  screen: Screen = "enroll";
  help: unknown;
  refused = 0;
  #url: string;
  #secrets: Storage;
  #queue: OfflineQueue;
  #phone: Phone | undefined;

  private constructor(url: string, secrets: Storage, queue: OfflineQueue) {
    this.#url = url;
    this.#secrets = secrets;
    this.#queue = queue;
  }

  /** Goes on where the app was left. */
  static async open(url: string, storage: Storage, secrets: Storage): Promise<Session> {
    const session = new Session(url, secrets, await OfflineQueue.open(storage, "check-ins"));
    const kept = await secrets.getItem("tokens");
    if (kept !== null) await session.#signIn(JSON.parse(kept) as Tokens);
    return session;
  }

  async enroll(code: string): Promise<void> {
    const { tokens } = await Phone.enroll(this.#url, code, "Sample app");
    await this.#keep(tokens);
    await this.#signIn(tokens);
  }

  /** Keeps the answers first; then they are sent, now or when there is a network. */
  async checkIn(answers: CheckIn): Promise<void> {
    await this.#queue.add(answers);
    await this.send();
  }

  async send(): Promise<void> {
    if (this.#phone === undefined) return;
    const sent = await this.#phone.sync(this.#queue);
    this.refused += sent.refused.length;
    this.help = sent.crisisHelp ?? this.help;
    this.screen = sent.crisisHelp ? "help" : sent.waiting > 0 ? "waiting" : "thanks";
  }

  /** Where the service is now: a phone without a network reaches none. */
  async useNetwork(url: string): Promise<void> {
    this.#url = url;
    const kept = await this.#secrets.getItem("tokens");
    if (kept !== null) this.#phone = this.#phoneWith(JSON.parse(kept) as Tokens);
  }

  async #signIn(tokens: Tokens): Promise<void> {
    this.#phone = this.#phoneWith(tokens);
    this.screen = "check-in";
  }

  #phoneWith(tokens: Tokens): Phone {
    return new Phone(this.#url, tokens, (renewed) => this.#keep(renewed));
  }

  async #keep(tokens: Tokens): Promise<void> {
    await this.#secrets.setItem("tokens", JSON.stringify(tokens));
  }
}
