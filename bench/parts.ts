import type { Part } from "./harness/part.ts";
import { crew } from "./parts/crew.ts";
import { decide } from "./parts/decide.ts";
import { grow } from "./parts/grow.ts";
import { lists } from "./parts/lists.ts";
import { memory } from "./parts/memory.ts";
import { month } from "./parts/month.ts";
import { queue } from "./parts/queue.ts";
import { wake } from "./parts/wake.ts";

/** Every part, in the order in which they run. */
export const PARTS: readonly Part[] = [crew, queue, wake, decide, grow, lists, memory, month];
