import type { Part } from "./harness/part.ts";
import { crew } from "./parts/crew.ts";
import { decide } from "./parts/decide.ts";
import { grow } from "./parts/grow.ts";
import { memory } from "./parts/memory.ts";
import { queue } from "./parts/queue.ts";
import { wake } from "./parts/wake.ts";

/** Every part, in the order in which they run. */
export const PARTS: readonly Part[] = [crew, queue, wake, decide, grow, memory];
