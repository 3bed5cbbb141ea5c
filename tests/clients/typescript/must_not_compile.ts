// What the types must catch: `tsc` fails if one of these lines compiles.

import type { components, paths } from "./schema.d.ts";

type Entry = components["schemas"]["CheckInEntry"];
type Item = components["schemas"]["CheckInBatch"]["items"][number];

const when = { recorded_at: "2026-11-03T08:15:00+01:00", time_zone: "Europe/Berlin" };

// @ts-expect-error A misspelt field
export const misspelt: Entry = { ...when, moood: 5 };
// @ts-expect-error An answer of another type
export const worded: Entry = { ...when, mood: "five" };
// @ts-expect-error A way of answering that there is not
export const spoken: Entry = { ...when, mood: 5, input_mode: "voice" };
// @ts-expect-error An item of a batch without its id
export const nameless: Item = { ...when, mood: 5 };
// @ts-expect-error A call that there is not
export type NoSuchCall = paths["/v1/check-in"];
