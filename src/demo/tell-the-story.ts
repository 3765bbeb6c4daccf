import { audit } from "./audit.ts";
import { buildSeason, fillRoleDictionary } from "./build-season.ts";
import { checkDatabase } from "./check-database.ts";
import { checkCrews } from "./checks.ts";
import { clickEverywhere } from "./click-everywhere.ts";
import { approveHeldRemovals } from "./held-removals.ts";
import { checkIncidents, planIncidents } from "./incidents.ts";
import { people } from "./people.ts";
import { readFacts } from "./read-facts.ts";
import type { Stage } from "./run-demo.ts";
import { crewCalls, jobs } from "./season.ts";
import type { RunningDrainer } from "./start-drainers.ts";
import { tellIncidents } from "./tell-incidents.ts";
import { auditRows, tellClicks, tellWhatHappened } from "./tell-what-happened.ts";
import { watchProgress } from "./watch-progress.ts";

type Cast = Stage & {
  install: (databaseUrl: string) => Promise<unknown>;
  start: (name: string) => RunningDrainer;
};

/** A few seconds are usual; after this the checks say what is missing. */
const PATIENCE_MS = 30_000;

/** The demo from the first chapter to the last. @returns whether all checks passed */
export async function tellTheStory({
  screen,
  server,
  flex,
  sql,
  startedAt,
  ...cast
}: Cast): Promise<boolean> {
  const world = { sql, flex };
  screen.title("flex-crew-sync, all of it at once");
  screen.gap();
  screen.say(`A Postgres ${server.version} and a simulated Flex, here on this machine, gone at the end.`);
  await buildSeason(world);
  screen.say(`${jobs.length} jobs, ${crewCalls.length} crew calls, ${people.length} people.`);

  screen.chapter("1  What the old sync left behind");
  const before = audit(await readFacts(world));
  screen.table(auditRows(before));

  screen.chapter("2  Install");
  await cast.install(server.url);
  const duplicates = before.duplicateRows.length;
  screen.say(`The migration removed the ${duplicates} duplicate rows and kept a copy of each.`);
  screen.say("From now on the table refuses a second row for the same person.");

  screen.chapter("3  Two drainers, two clicks at once on every crew call");
  await fillRoleDictionary(sql);
  const incidents = planIncidents(flex);
  const drainers = ["drainer one", "drainer two"].map(cast.start);
  const working = async () => {
    const { clicks } = await clickEverywhere(server.url);
    await watchProgress(sql, screen, { patienceMs: PATIENCE_MS });
    return clicks;
  };
  const clicks = await Promise.race([working(), ...drainers.map(({ ended }) => ended)]);
  screen.gap();
  await tellClicks(sql, screen, clicks);

  screen.chapter("4  What went wrong on the way");
  await tellIncidents(world, screen, incidents);
  await approveHeldRemovals(sql, screen);
  screen.gap();
  await watchProgress(sql, screen, { patienceMs: PATIENCE_MS, approved: true });

  screen.chapter("5  Afterwards");
  await cast.beforeChecks?.(world);
  const facts = await readFacts(world);
  screen.table(auditRows(before, audit(facts)));
  screen.gap();
  await tellWhatHappened(sql, screen);

  screen.chapter("6  Checked against Flex's own lines and the tables");
  const checks = [
    ...checkCrews(facts),
    ...(await checkDatabase(sql, facts, duplicates)),
    ...(await checkIncidents(world, incidents)),
  ];
  for (const { says, differences } of checks) screen.check(says, differences);
  const equal = checks.every(({ differences }) => differences.length === 0);
  screen.gap();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  screen.say(equal ? `All of it holds. ${seconds} s.` : `Something differs, see above. ${seconds} s.`);
  return equal;
}
