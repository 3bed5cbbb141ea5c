/** Enroll, offline check-ins, sync, signal, on a service that runs: `node test/journey.ts URL KEY`. Prints what was seen. */
import { Clinic, NetworkAwayError, OfflineQueue, Phone } from "../src/index.ts";

const [url, key] = process.argv.slice(2) as [string, string];
const clinic = new Clinic(url, key);
const kept = new Map<string, string>();
const storage = {
  getItem: (name: string) => kept.get(name) ?? null,
  setItem: (name: string, value: string) => void kept.set(name, value),
};
const DAY = 86_400_000;

const patient = await clinic.request("POST", "/v1/patients", {
  external_ref: `TS-${Date.now()}`, time_zone: "Europe/Berlin", locale: "en-US",
});
const { code } = await clinic.request("POST", `/v1/patients/${patient.id}/enrolment-codes`);
const phone = await Phone.enroll(url, code, "phone");

async function report(now: Date, days: number, value: number): Promise<string[]> {
  const queue = await OfflineQueue.open(storage, "check-ins");
  const ids: string[] = [];
  for (let day = days - 1; day >= 0; day -= 1) {
    ids.push(await queue.add({
      recorded_at: new Date(now.getTime() - day * DAY).toISOString(), time_zone: "Europe/Berlin",
      mood: value, energy: value, sleep_quality: value,
    }));
  }
  const away = await new Phone("http://127.0.0.1:9", phone.tokens).sync(queue);
  if (away.waiting !== days || away.kept.length !== 0) throw new Error("something was lost without a network");
  // As after a restart: what waited is in the storage, under the same ids.
  const again = await OfflineQueue.open(storage, "check-ins");
  const sent = await phone.sync(again);
  if (JSON.stringify(sent.kept) !== JSON.stringify(ids) || sent.waiting !== 0) throw new Error(JSON.stringify(sent));
  return ids;
}

async function infuse(at: Date): Promise<void> {
  await clinic.request("POST", `/v1/patients/${patient.id}/infusions`, { given_at: at.toISOString(), phase: "induction" });
}

let now = await clinic.advanceTestClock(14);
const ids = await report(now, 14, 3);
await clinic.request("POST", `/v1/patients/${patient.id}/courses`, {
  protocol: "standard", planned_infusions: 6, started_on: now.toISOString().slice(0, 10),
});
for (let number = 0; number < 6; number += 1) {
  await infuse(now);
  now = await clinic.advanceTestClock(number < 5 ? 2 : 10);
}
ids.push(...(await report(now, 9, 8)));
now = await clinic.advanceTestClock(8);
ids.push(...(await report(now, 8, 4)));
await phone.refresh();
const known = await phone.request("GET", "/v1/check-ins");
await phone.importNights(true);
const night = {
  started_at: new Date(now.getTime() - 8 * 3_600_000).toISOString(), ended_at: now.toISOString(),
  time_zone: "Europe/Berlin", asleep_minutes: 430, source: "health_connect", app: "com.example.sleep",
};
for (let turn = 0; turn < 2; turn += 1) await phone.sendNight(ids[0]!, night);
const nights = (await phone.request("GET", "/v1/me/sleep-nights")).items;
if (nights.length !== 1 || nights[0].asleep_minutes !== 430) throw new Error(JSON.stringify(nights));
const signals = await clinic.request("GET", `/v1/signals?state=open&patient_id=${patient.id}`);
const unreachable = await new Phone("http://127.0.0.1:9", phone.tokens)
  .request("GET", "/v1/me")
  .catch((error: unknown) => error instanceof NetworkAwayError);
console.log(JSON.stringify({ ids, known: known.items.map((one: { id: string }) => one.id), signals: signals.items, unreachable }));
