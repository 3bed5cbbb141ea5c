/** Check-ins that wait for a network: each keeps the id that it was made with, so that sending it twice is one report. */

export interface CheckIn {
  recorded_at: string;
  time_zone: string;
  mood?: number;
  energy?: number;
  sleep_quality?: number;
  sleep_hours?: number;
  note?: string;
  asks_about_booster?: boolean;
  self_harm_thoughts?: boolean;
  supersedes?: string;
}

export type QueuedCheckIn = CheckIn & { id: string };

/** What a queue is kept in: React Native's AsyncStorage is one, and so is localStorage. */
export interface Storage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): void | Promise<void>;
}

/** Makes a UUIDv7: ids in the order in which they were made. */
export function newId(now: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let place = 0; place < 6; place += 1) bytes[place] = Math.floor(now / 2 ** (8 * (5 - place))) % 256;
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20].reduceRight((id, at) => `${id.slice(0, at)}-${id.slice(at)}`, text);
}

export class OfflineQueue {
  #storage: Storage;
  #key: string;
  #items: QueuedCheckIn[];

  private constructor(storage: Storage, key: string, items: QueuedCheckIn[]) {
    this.#storage = storage;
    this.#key = key;
    this.#items = items;
  }

  static async open(storage: Storage, key: string): Promise<OfflineQueue> {
    const kept = await storage.getItem(key);
    return new OfflineQueue(storage, key, kept === null ? [] : (JSON.parse(kept) as QueuedCheckIn[]));
  }

  get length(): number {
    return this.#items.length;
  }

  /** Keeps a check-in before anything is sent; gives its id. */
  async add(checkIn: CheckIn): Promise<string> {
    const item = { id: newId(), ...checkIn };
    await this.#keep([...this.#items, item]);
    return item.id;
  }

  first(count: number): QueuedCheckIn[] {
    return this.#items.slice(0, count);
  }

  async remove(ids: Set<string>): Promise<void> {
    await this.#keep(this.#items.filter((item) => !ids.has(item.id)));
  }

  async #keep(items: QueuedCheckIn[]): Promise<void> {
    // At once, so that two calls that overlap never lose one another's; then where it lasts.
    this.#items = items;
    await this.#storage.setItem(this.#key, JSON.stringify(items));
  }
}
