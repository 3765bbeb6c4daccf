import type { Fault } from "../../src/simulator/faults.ts";
import { ana, ben, type Person } from "../crew-call.ts";
import type { Stage, StagedCall, Stepper } from "../drainer/stage.ts";
import { drainUntilRest } from "../drainer/stage.ts";

/** One fault of the simulated Flex, tried by itself. */
export type FaultSituation = {
  fault: Fault;
  /** Who is desired; Ana and Ben unless it says otherwise. */
  desired?: Person[];
  timeoutMs?: number;
  /** What was there before the fault. */
  before?: (stage: Stage, call: StagedCall, drainer: Stepper) => Promise<unknown>;
  /** What happens after the sync that it struck, before anybody looks. */
  after?: (stage: Stage, call: StagedCall, drainer: Stepper) => Promise<unknown>;
  /** Condition and reason of the crew call, and of each person who is not in sync. */
  crewCall: string;
  people: Record<string, string>;
  /** What a person does in Flex before following the next action. */
  mend?: (stage: Stage) => unknown;
};

export const nameOf = ({ fault, crewCall }: FaultSituation) =>
  `${fault.do.kind === "list" ? `list ${fault.do.transform}` : fault.do.kind}${fault.do.kind === "answer" ? ` ${fault.do.status}` : ""} on ${fault.route} is ${crewCall}`;

const onAna = { route: "add", resource: ana.resource ?? "" } as const;
const unanswered = { crewCall: "unknown unanswered", people: { [ana.id]: "unknown unanswered" } };
const untouched = { crewCall: "synced", people: {} };
/** Ana's line is the first on the element, Ben's the second. */
const anaFirst = async (stage: Stage, call: StagedCall, drainer: Stepper) => {
  await doubtful.before(stage, call, drainer);
  await stage.syncAndDrain(call, drainer);
};
const synced = async (stage: Stage, call: StagedCall, drainer: Stepper) => stage.syncAndDrain(call, drainer);
const doubtful = {
  before: async (stage: Stage, call: StagedCall, drainer: Stepper) => {
    await stage.sql`update job_assignments set sound_role = null where technician_id = ${ben.id}`;
    await stage.syncAndDrain(call, drainer);
    await stage.sql`update job_assignments set sound_role = 'FOH' where technician_id = ${ben.id}`;
  },
  crewCall: "pending doubtful_reading",
  people: { [ben.id]: "pending doubtful_reading" },
};
const again = async (stage: Stage, call: StagedCall, drainer: Stepper) => {
  await stage.sync(call);
  await drainUntilRest(drainer);
};

/** Every fault of src/simulator/faults.ts, and what the views say of it. */
export const FAULTS: FaultSituation[] = [
  { fault: { ...onAna, do: { kind: "reset", when: "before" } }, ...unanswered },
  { fault: { ...onAna, do: { kind: "hang", when: "before" } }, timeoutMs: 3_000, ...unanswered },
  { fault: { ...onAna, do: { kind: "hang-body", when: "before" } }, timeoutMs: 3_000, ...unanswered },
  { fault: { ...onAna, do: { kind: "truncate", when: "before" } }, ...unanswered },
  {
    fault: { ...onAna, do: { kind: "wait" } },
    timeoutMs: 3_000,
    ...unanswered,
    mend: ({ flex }) => flex.release(),
  },
  { fault: { ...onAna, do: { kind: "answer", when: "before", status: 500 } }, ...unanswered },
  {
    fault: { ...onAna, do: { kind: "answer", when: "before", status: 400 } },
    crewCall: "failed refused",
    people: { [ana.id]: "failed refused" },
  },
  {
    fault: { ...onAna, do: { kind: "answer", when: "before", status: 409 } },
    crewCall: "pending locked",
    people: { [ana.id]: "pending locked" },
  },
  { fault: { ...onAna, do: { kind: "gateway", when: "before", status: 503 } }, ...unanswered },
  { fault: { ...onAna, do: { kind: "accepted", when: "before" } }, ...unanswered },
  { fault: { ...onAna, do: { kind: "login-page", when: "before" } }, ...unanswered },
  { fault: { ...onAna, do: { kind: "redirect", when: "before" } }, ...unanswered },
  { fault: { ...onAna, do: { kind: "exception-message", when: "before" } }, ...unanswered },
  { fault: { ...onAna, do: { kind: "success-false", when: "before" } }, ...unanswered },
  {
    fault: { ...onAna, do: { kind: "rate-limited" } },
    desired: [ana],
    crewCall: "pending rate_limited",
    people: { [ana.id]: "pending rate_limited" },
  },
  {
    fault: { ...onAna, do: { kind: "unauthorized" } },
    desired: [ana],
    crewCall: "blocked access_denied",
    people: { [ana.id]: "blocked access_denied" },
  },
  {
    fault: { ...onAna, do: { kind: "no-op" } },
    after: again,
    crewCall: "pending confirming",
    people: { [ana.id]: "pending confirming" },
  },
  {
    fault: { ...onAna, do: { kind: "apply-late", answer: "gateway" } },
    ...unanswered,
    mend: ({ flex }) => flex.applyLate(),
  },
  { fault: { ...onAna, do: { kind: "delay", ms: 50 } }, ...untouched },
  {
    fault: { ...onAna, do: { kind: "late-visible", reads: 1 } },
    after: again,
    crewCall: "pending confirming",
    people: { [ana.id]: "pending confirming" },
  },
  {
    fault: { route: "remove", do: { kind: "late-gone", reads: 1 } },
    desired: [ana],
    before: async (stage, call, drainer) => {
      stage.flex.humanAdds(call.element, ben.resource ?? "");
      await drainUntilRest(drainer);
    },
    ...untouched,
  },
  {
    fault: { route: "remove", do: { kind: "gateway", when: "before", status: 504 } },
    desired: [ana],
    before: async (stage, call) => void stage.flex.humanAdds(call.element, ben.resource ?? ""),
    crewCall: "unknown unanswered",
    people: { line: "unknown unanswered" },
  },
  { fault: { route: "list", do: { kind: "gateway", status: 502 } }, ...doubtful },
  { fault: { route: "list", do: { kind: "hang" } }, timeoutMs: 3_000, ...doubtful },
  {
    fault: { route: "list", do: { kind: "list", transform: "drop-first" } },
    before: anaFirst,
    crewCall: "pending confirming",
    people: { [ana.id]: "pending confirming" },
  },
  {
    fault: { route: "list", do: { kind: "list", transform: "empty" } },
    before: synced,
    crewCall: "pending confirming",
    people: { [ana.id]: "pending confirming", [ben.id]: "pending confirming" },
  },
  { fault: { route: "list", do: { kind: "list", transform: "shuffle" } }, before: synced, ...untouched },
  { fault: { route: "list", do: { kind: "list", transform: "duplicate-row" } }, ...doubtful },
  { fault: { route: "list", do: { kind: "list", transform: "wrapped" } }, ...doubtful },
  { fault: { route: "list", do: { kind: "list", transform: "row-not-an-object" } }, ...doubtful },
  { fault: { route: "list", do: { kind: "list", transform: "resource-without-id" } }, ...doubtful },
  { fault: { route: "list", do: { kind: "list", transform: "not-json" } }, ...doubtful },
];
