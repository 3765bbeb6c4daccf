import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { demoCommand } from "../../src/cli/demo.ts";
import type { DemoWorld } from "../../src/demo/build-season.ts";
import { crewCallTitled } from "../../src/demo/season.ts";
import { migrate } from "../../src/migrate.ts";

// The demo as its own process, with the migration being written on top of the committed ones.
// DIFFERENCE names something that must not be: the demo has to find it.

const differences: Record<string, (world: DemoWorld) => unknown> = {
  "deleted in Flex": ({ flex }) => {
    const [line] = flex.contactLinesOf(crewCallTitled("Lyon, sound").element);
    flex.humanDeletes(line?.id ?? "");
  },
};

await demoCommand({
  install: async (connectionString) => {
    await migrate({ connectionString });
    await applyCurrent(connectionString);
  },
  beforeChecks: differences[process.env.DIFFERENCE ?? ""] ?? (() => {}),
}).parseAsync();
