import { writeSync } from "node:fs";
import { once } from "./reached.ts";
import type { Doom } from "./victim.ts";
import { watchedDrainer } from "./watched-drainer.ts";

/**
 * A drainer as a process of its own, told on stdin where it has to die. It kills itself there, so that not one
 * instruction comes after; at a point where it is to be killed by others it just goes on. It ends with 0 when nothing
 * is left to do: then it never came by.
 */
async function drainUntilDeath({ point, kind, nth, signal = "SIGKILL", ...settings }: Doom): Promise<void> {
  const act = () => {
    writeSync(1, "here");
    process.kill(process.pid, signal);
  };
  const drainer = watchedDrainer(settings, once({ point, kind, nth }, act));
  for (;;) {
    const { claimed, tidied } = await drainer.step();
    if (drainer.inFlight() > 0) await drainer.wakeUp.sleep(1_000);
    else if (claimed === 0 && tidied === 0) break;
  }
  await drainer.close();
}

process.stdin.once("data", (bytes) => {
  process.stdin.destroy();
  drainUntilDeath(JSON.parse(String(bytes)) as Doom).catch((error: unknown) => {
    process.stderr.write(String(error instanceof Error ? error.stack : error));
    process.exit(1);
  });
});
