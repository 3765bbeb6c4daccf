import type { Kind } from "./participants.ts";

/**
 * What the second waits for while the first one's transaction is open: the named lock always, `row` at most a row that
 * the first one wrote, `null` nothing at all. An application may leave its transaction open for minutes, so that only who
 * plans the same element waits for it.
 */
export const MAY_WAIT: Record<Kind, Record<Kind, "element" | "budget" | "row" | null>> = {
  application: {
    application: "element",
    reading: "element",
    claim: null,
    probe: null,
    tick: null,
    record: null,
    operator: null,
  },
  reading: {
    application: "element",
    reading: "element",
    claim: null,
    probe: "row",
    tick: "row",
    record: "row",
    operator: "row",
  },
  claim: {
    application: null,
    reading: "row",
    claim: "budget",
    probe: "budget",
    tick: null,
    record: null,
    operator: null,
  },
  probe: {
    application: null,
    reading: "row",
    claim: "budget",
    probe: "budget",
    tick: "row",
    record: "row",
    operator: "row",
  },
  tick: {
    application: "element",
    reading: "element",
    claim: null,
    probe: "row",
    tick: "row",
    record: "row",
    operator: "row",
  },
  record: {
    application: null,
    reading: "row",
    claim: null,
    probe: "row",
    tick: "row",
    record: "row",
    operator: "row",
  },
  operator: {
    application: null,
    reading: "row",
    claim: null,
    probe: "row",
    tick: "row",
    record: "row",
    operator: "row",
  },
};

/** Functions that write and are no participants of a race, and why. */
export const NO_RACE: Record<string, string> = {
  enable_auto_sync: "makes triggers on the host's tables, once, and waits for who writes them",
  disable_auto_sync: "takes those triggers away",
};

/** Pairs after which a later reading decides, and both orders come to the same only then. */
export const A_READING_DECIDES: Record<string, string> = {
  "record_observation | tick":
    "what waited for an expired add was being planned: it is cancelled with the next plan",
  "record_failure of add | record_observation":
    "the reading did not see yet that the add is unknown: the next one settles it",
  "record_add of add | set_policy":
    "what waited for the add is locked, and keeps its reading until the next one",
  "record_add of otherAdd | set_policy":
    "what waited for the add is locked, and keeps its reading until the next one",
  "set_policy | record_add of add": "what waited for the add is locked: it goes on with the next plan",
  "set_policy | record_add of otherAdd": "what waited for the add is locked: it goes on with the next plan",
  "set_policy | record_failure of add":
    "what waited for the add is locked: it is cancelled with the next plan",
  "set_policy | tick": "what waited for an expired add is locked: it is cancelled with the next plan",
};

/** Stops at which there was a deadlock once: who stopped, the table it had written, who came meanwhile. */
export const ONCE_A_DEADLOCK = new Set([
  "record_observation | flex_sync.lines | record_add of addedAgain",
  "record_add of addedAgain | flex_sync.outbox | record_observation",
  "tick | flex_sync.elements | record_remove",
  "record_observation | flex_sync.syncs | tick",
  "record_failure of add | flex_sync.tenant | tick",
]);
