import { type ModelDrainer, makeDrainer, type Statement, TIMEOUT_MS } from "./drainers.ts";
import { createFlex, type Flex } from "./flex.ts";
import { DRAINERS, type History } from "./history.ts";
import { createHost, type Host } from "./host.ts";
import type { Lab } from "./lab.ts";
import { at, checkSent, createMemory, type Memory, type Parts } from "./oracle.ts";
import { type Random, seededRandom } from "./random.ts";
import { createTimeline, settled, type Timeline } from "./timeline.ts";

/** Everything that a history plays with. */
export type Stage = Parts & {
  timeline: Timeline;
  drainers: ModelDrainer[];
  /** The order of things is drawn from here; each step that draws brings its own. */
  random: Random;
  replaceDrainer(number: number): void;
  /** Run a statement that a drainer waits for, and hand it the answer. */
  execute(drainer: ModelDrainer, statement: Statement, answered?: boolean): Promise<void>;
  log: string[];
};

export async function makeStage(lab: Lab, history: History): Promise<Stage> {
  await lab.reset(history.seed);
  const host: Host = createHost(lab);
  const memory: Memory = createMemory(history);
  const timeline = createTimeline(lab.time);
  const flex: Flex = createFlex(history.start, {
    time: lab.time,
    timeline,
    random: () => stage.random,
    watch: {
      sent: (exchange) => checkSent(stage, exchange),
      landed: ({ number, route, landed }, reply) => {
        stage.log.push(`${at(lab)} flex ${number} ${route.name} ${landed ? "landed" : reply.status}`);
      },
      mayThin: ({ route }) => mayThin(lab, flex, route.element ?? ""),
    },
  });
  const stage: Stage = {
    lab,
    history,
    host,
    memory,
    timeline,
    flex,
    drainers: [],
    random: seededRandom(history.seed),
    log: [],
    replaceDrainer(number) {
      const old = stage.drainers[number];
      if (old) old.dead = true;
      stage.drainers[number] = makeDrainer(`drainer ${number}`, lab.time, (drainer) =>
        flex.dispatcherOf(drainer, TIMEOUT_MS),
      );
    },
    async execute(drainer, statement, answered = true) {
      drainer.statements.splice(drainer.statements.indexOf(statement), 1);
      const name = /flex_sync\.(\w+)/.exec(statement.text.join("?"))?.[1];
      try {
        const { rows, broken } = await lab.runAndCheck(statement.text, ...statement.values);
        stage.log.push(`${at(lab)} ${name} ${JSON.stringify(rows).replaceAll(/"token":"[^"]*"/g, "")}`);
        for (const rule of broken)
          memory.violations.push({ kind: "other", text: `${at(lab)} ${rule} after ${name}` });
        if (answered) statement.answer(rows);
      } catch (error) {
        memory.violations.push({ kind: "other", text: `${at(lab)} ${name} failed: ${String(error)}` });
        if (answered) statement.refuse(error);
      }
      await settled();
    },
  };
  for (let drainer = 0; drainer < DRAINERS; drainer++) stage.replaceDrainer(drainer);
  await host.setUp(history.start);
  await configure(stage);
  return stage;
}

async function configure({ lab, history, memory }: Stage): Promise<void> {
  const { policy, hourlyLimit, removalLimit, maxConcurrency, lateLandingMs } = history.start;
  memory.policies.set(-1, policy);
  await lab.run`update flex_sync.settings set policy = ${policy}, hourly_limit = ${hourlyLimit}, removal_limit = ${removalLimit},
    max_concurrency = ${maxConcurrency}, late_landing = ${`${lateLandingMs} ms`}::interval`;
}

/**
 * A reading that lacks rows once is no harm. Twice in a row, or where the very absence is to be proved, nobody could tell
 * it from the truth, and nothing is promised.
 */
async function mayThin({ run }: Lab, flex: Flex, element: string): Promise<boolean> {
  const ours = flex.world.contactLinesOf(element).map((line) => line.id);
  const [row] = await run<{ may: boolean }>`
    select not exists (select from flex_sync.missing_lines where missing_lines.flex_element_id = ${element}::text)
      and not exists (select from flex_sync.outbox where outbox.flex_element_id = ${element}::text and outbox.kind <> 'observe'
        and outbox.state in ('sending', 'unknown'))
      and not exists (
        select from unnest(${ours}::text[]) as line (id)
        where not exists (select from flex_crew_assignments where flex_crew_assignments.flex_line_item_id = line.id)
      ) as may`;
  return row?.may ?? false;
}
