import { ana, ben, type Person } from "../crew-call.ts";
import type { Stage, StagedCall, Stepper } from "../drainer/stage.ts";

/** Why a crew call cannot be in sync, and what mends it. */
export type Situation = {
  name: string;
  desired?: Person[];
  /** Makes it; the test asks for a sync afterwards, unless `unasked`. */
  make: (stage: Stage, call: StagedCall, drainer: Stepper) => unknown;
  unasked?: boolean;
  crewCall: string;
  people: Record<string, string>;
  /** What the "once …" of the next action asks of a person, outside of psql. */
  mend?: (stage: Stage, call: StagedCall) => unknown;
  /** Who is on the element in the end, where that is not the desired crew. */
  inFlex?: Person[];
};

/** The same of Ana and of Ben. */
export const everybody = (says: string) => ({ [ana.id]: says, [ben.id]: says });
