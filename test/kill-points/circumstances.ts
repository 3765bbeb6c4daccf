import type { Sql } from "postgres";
import { createFlexCaller } from "../../src/flex-caller.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { moveClock } from "../functions/move-clock.ts";
import { drainUntilRest, moveOn, requestSync } from "./carry-on.ts";
import type { KillCase } from "./cases.ts";
import type { Kind } from "./points.ts";
import type { World } from "./world.ts";

const ROUTE_OF_KIND = {
  observe: "list",
  add: "add",
  set_role: "role",
  remove: "remove",
  identity: "identity",
  user: "user",
  probe: "user",
  tick: "any",
} as const satisfies Record<Kind, string>;

/** Bring about that a drainer which begins now comes by the case's point. */
export async function bringAbout({ kind, nth, fault, times, denied }: KillCase, world: World): Promise<void> {
  const { sql, flex, drainer } = world;
  await requestSync(sql);
  switch (kind) {
    case "identity":
      // A reading in which everybody is missing.
      flex.fault({ route: "list", do: { kind: "list", transform: "empty" } });
      break;
    case "user":
      flex.fault({ route: denied, do: { kind: "unauthorized" } });
      break;
    case "probe": {
      flex.revokeToken();
      const refused = drainer();
      await drainUntilRest(refused);
      await refused.close();
      flex.restoreToken();
      await moveOn(world);
      break;
    }
    case "tick":
      await claimAndVanish(sql, flex);
      break;
    default:
      break;
  }
  if (fault !== null) flex.fault({ route: ROUTE_OF_KIND[kind], nth, times, do: fault });
}

/** A drainer that read the element, claimed writes, sent the adds among them, and was never heard of again. */
async function claimAndVanish(sql: Sql, flex: Simulator): Promise<void> {
  const caller = createFlexCaller({ baseUrl: flex.baseUrl, token: flex.token });
  const claim = () =>
    sql<{ id: string; token: string; kind: Kind; flex_element_id: string; flex_resource_id: string }[]>`
      select * from flex_sync.claim_operations('vanishes', 30, interval '15 s')`;
  const [reading] = await claim();
  if (!reading) throw new Error("there was nothing to read");
  const lines = await caller.readLines(reading.flex_element_id);
  if (lines.class !== "done") throw new Error(`the reading was ${lines.class}`);
  await sql`select flex_sync.record_observation(${reading.id}, ${reading.token}, ${sql.json(lines.value as never)}, null, 200)`;
  for (const { kind, flex_element_id, flex_resource_id } of await claim()) {
    if (kind === "add") await caller.addResource(flex_element_id, flex_resource_id);
  }
  await caller.close();
  await moveClock(sql, "31 s");
}
