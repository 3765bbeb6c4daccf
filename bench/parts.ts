import type { Part } from "./harness/part.ts";
import { crew } from "./parts/crew.ts";
import { queue } from "./parts/queue.ts";

/** Every part, in the order in which they run. */
export const PARTS: readonly Part[] = [crew, queue];
