export { Clinic, NetworkAwayError, Phone, ProblemError } from "./client.ts";
export type { Problem, Sent, Tokens } from "./client.ts";
export { OfflineQueue, newId } from "./offlineQueue.ts";
export type { CheckIn, QueuedCheckIn, Storage } from "./offlineQueue.ts";
