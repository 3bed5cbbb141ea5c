/** The app's logic on a service that runs: `node test/session.ts URL CODE NOW`. Prints the screens in their order. */
import { Session } from "../session.ts";

const [url, code, now] = process.argv.slice(2) as [string, string, string];

function memory() {
  const kept = new Map<string, string>();
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
}

const [storage, secrets] = [memory(), memory()];
const first = await Session.open(url, storage, secrets);
const screens: string[] = [first.screen];
await first.enroll(code);
screens.push(first.screen);

const answers = { recorded_at: now, time_zone: "America/New_York", mood: 6 };
await first.useNetwork("http://127.0.0.1:9");
await first.checkIn(answers);
screens.push(first.screen);

// The app was closed and is opened again, with a network.
const second = await Session.open(url, storage, secrets);
await second.send();
screens.push(second.screen);
await second.checkIn({ ...answers, mood: 2, self_harm_thoughts: true });
screens.push(second.screen);
if (second.refused > 0) throw new Error("something was refused");
console.log(JSON.stringify({ screens, help: second.help }));
