import { actByHand } from "./act-by-hand.ts";
import { drainUntilQuiet } from "./drain.ts";
import { ELEMENTS } from "./history.ts";
import { id } from "./ids.ts";
import { click, decide, setPolicy } from "./live.ts";
import { seededRandom } from "./random.ts";
import type { Stage } from "./stage.ts";

const ROUNDS = 80;

/**
 * The faults stop, time passes, everything held gets its yes and everything failed another try, until all is synced.
 * Nothing else is done for it: what does not come right by itself is for the oracle to find.
 */
export async function settle(stage: Stage): Promise<void> {
  const { lab, host, flex, memory } = stage;
  stage.random = seededRandom(1);
  flex.faults.length = 0;
  flex.is = "up";
  for (let element = 0; element < ELEMENTS; element++)
    actByHand(stage, { do: "element", element, is: "there" });
  for (const drainer of stage.drainers) drainer.wake();
  await lab.run`select flex_sync.resume()`;
  for (const person of host.people())
    if (host.resourceOf(person) === null) await host.setResource(person, "first");
  for (const call of host.calls()) {
    if (["report", "add_only"].includes(memory.policies.get(call) ?? ""))
      await setPolicy(stage, call, "mirror");
  }
  // What is under way lands or is given up, so that the last request is younger than all of it.
  await drainUntilQuiet(stage);
  await stage.timeline.runUntil(lab.time.now() + 60_000);
  for (const call of host.calls()) await click(stage, call);

  for (let round = 0; round < ROUNDS; round++) {
    await drainUntilQuiet(stage);
    const statuses = await lab.run<{ crew_call_id: string; condition: string; pointed: boolean }>`
      select status.crew_call_id, status.condition, flex_crew_calls.id is not null as pointed
      from flex_sync.crew_call_status as status
      left join flex_crew_calls on flex_crew_calls.id = status.crew_call_id and flex_crew_calls.flex_element_id = status.flex_element_id`;
    for (const call of host.calls()) {
      const condition = statuses.find(
        (status) => status.pointed && status.crew_call_id === id.crewCall(call),
      )?.condition;
      if (condition === "held") await decide(stage, call, "approve");
      if (condition === "failed") await lab.run`select flex_sync.retry_failed(${id.crewCall(call)})`;
      if (condition === "blocked" && host.elementOf(call) != null) await click(stage, call);
    }
    const open = statuses.filter((status) => status.condition !== "synced" && status.condition !== "blocked");
    const [next] = await lab.run<{ ms: number | null }>`
      select extract(epoch from flex_sync.next_work_at())::float8 * 1000 as ms`;
    const isSoon = next?.ms != null && next.ms - lab.time.now() < 30 * 86_400_000;
    if (open.length === 0 && !isSoon) return;
    await stage.timeline.runUntil(
      Math.max(lab.time.now() + 1, isSoon ? (next.ms as number) + 1 : lab.time.now() + 60_000),
    );
  }
}
