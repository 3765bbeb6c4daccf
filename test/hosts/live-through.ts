import postgres from "postgres";
import { expect } from "vitest";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { cli, type Ended } from "../cli/command-line.ts";
import { ana, ben, dan, type Person } from "../crew-call.ts";
import { type Host, type HostShape, startHost } from "./host.ts";
import { differenceOf, dumpHost } from "./host-dump.ts";

const UNIQUE = "constraint flex_crew_assignments_crew_call_technician_key";
const COPIES = "flex_sync_removed_duplicates";
/** What docs/sql.md announces of the host's tables, beside the schema flex_sync. */
const INSTALLED = [
  "function sync_crew_call",
  "function sync_crew_for_job",
  "index flex_sync_crew_calls_by_element",
  "index flex_sync_crew_calls_without_element",
  "trigger flex_sync_changed_crew_call",
  "trigger flex_sync_deleted_job",
  "trigger flex_sync_deleted_profile",
];

/** Install, sync, sync from two places with two drainers, uninstall; the host's dump differs in what was announced. */
export async function liveThrough(shape: HostShape): Promise<void> {
  const host = await startHost(shape);
  const { duplicates, writes } = host.shape;
  await shape.help?.(host);
  const before = await dumpHost(host.sql, host.url);

  await (shape.install ?? install)(host);
  await host.sql`grant flex_sync_drainer to flex_daemon`;
  const installed = differenceOf(before, await dumpHost(host.sql, host.url));
  const constraint = duplicates ? [UNIQUE] : [];
  const written = writes.filter((label) => installed.came.includes(label));
  expect(installed).toEqual({
    came: [...constraint, ...INSTALLED, ...written].sort(),
    // A removed duplicate is gone; nothing else is, and nothing changed.
    gone: duplicates ? ["row flex_crew_assignments"] : [],
  });

  await firstSync(host);
  await concurrentSync(host);

  const removed = await cli(["uninstall", "--yes"], host.env);
  expect(removed.stderr).not.toMatch(/error/i);
  expect(removed.code).toBe(0);
  const left = differenceOf(before, await dumpHost(host.sql, host.url));
  const copies = duplicates ? [`row ${COPIES}`, `table ${COPIES}`] : [];
  const changedByUs = ["row flex_crew_assignments", "row job_assignments"];
  expect(left).toEqual({
    came: [...constraint, ...copies, ...changedByUs, ...writes].sort(),
    gone: changedByUs,
  });
  expect(await recorded(host)).toEqual([ana.id, dan.id].sort());
}

/** With the command, as the owner; what is being written belongs to the version that runs. */
export async function install(host: Host): Promise<void> {
  const migrated = await runMigrate(host);
  expect([migrated.code, migrated.stderr]).toEqual([0, "Next: flex-crew-sync doctor\n"]);
  await applyCurrent(host.ownerUrl, host.shape.hostSchema);
}

/** An installation is refused with a code, and nothing is left of it; an administrator runs what its hint says, as it stands. */
export async function askForHelp(host: Host, code: string): Promise<string[]> {
  const before = await dumpHost(host.sql, host.url);
  const refused = await runMigrate(host);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(`(${code})`);
  expect(differenceOf(before, await dumpHost(host.sql, host.url))).toEqual({ came: [], gone: [] });
  const [, statements = ""] = /administrator to run: (.*) Then run migrate again/s.exec(refused.stderr) ?? [];
  const told = statements.replaceAll(/\s+/g, " ").split(/(?<=;) /);
  for (const statement of told) await host.sql.unsafe(statement);
  return told;
}

async function runMigrate({ shape, env }: Host): Promise<Ended> {
  return cli(["migrate", ...(shape.hostSchema === "public" ? [] : ["--host-schema", shape.hostSchema])], env);
}

async function firstSync(host: Host): Promise<void> {
  await request(host);
  await drain(host);
  expect(inFlex(host)).toEqual(resources([ana, ben]));
  expect(await recorded(host)).toEqual([ana.id, ben.id].sort());
  expect(await condition(host)).toBe("synced");
}

/** The crew changes while two people click and two drainers work. */
async function concurrentSync(host: Host): Promise<void> {
  const { sql, shape, job, flex } = host;
  const assignments = sql(`${shape.hostSchema}.job_assignments`);
  await sql`insert into ${assignments} (job_id, technician_id, sound_role) values (${job}, ${dan.id}, 'SND-SYS-E')`;
  await sql`delete from ${assignments} where technician_id = ${ben.id}`;
  flex.clearCalls();
  await Promise.all([request(host), request(host)]);
  await Promise.all([drain(host), drain(host)]);
  await drain(host);
  expect(inFlex(host)).toEqual(resources([ana, dan]));
  expect(flex.calls.filter(({ method }) => method === "POST")).toHaveLength(1);
  expect(await recorded(host)).toEqual([ana.id, dan.id].sort());
  expect(await condition(host)).toBe("synced");
}

/** Ask for a sync on a connection of its own, as whoever asks on this host. */
export async function request({ shape, url, ownerUrl, call }: Host): Promise<void> {
  const connection = postgres(shape.asks ? url : ownerUrl, { max: 1, onnotice: () => {} });
  try {
    if (shape.asks) await connection.unsafe(`set session authorization ${shape.asks}`);
    await connection`select public.sync_crew_call(${call})`;
  } finally {
    await connection.end();
  }
}

export async function drain({ daemonEnv }: Host): Promise<void> {
  const drained = await cli(["drain", "--once"], daemonEnv);
  expect(drained.code, drained.stderr).toBe(0);
}

const resources = (people: Person[]) => people.map(({ resource }) => resource).sort();

export function inFlex({ flex, element }: Host): (string | null)[] {
  return flex
    .contactLinesOf(element)
    .map(({ resourceId }) => resourceId)
    .sort();
}

async function recorded({ sql, shape }: Host): Promise<string[]> {
  const rows = await sql`
    select technician_id::text as id from ${sql(`${shape.hostSchema}.flex_crew_assignments`)} order by 1`;
  return rows.map(({ id }) => id);
}

export async function condition({ sql, call }: Host): Promise<string> {
  const [row] = await sql`
    select concat_ws(' ', condition, reason) as says from flex_sync.crew_call_status where crew_call_id = ${call}`;
  return row?.says;
}
