import { randomUUID } from "node:crypto";
import postgres, { type Sql } from "postgres";
import { onTestFinished, vi } from "vitest";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import type { Env } from "../cli/command-line.ts";
import { ana, ben, cleo, dan } from "../crew-call.ts";

// A server of its own, two installations' worth of statements and five drains: more than others on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

/** A database as it is found, before anything of ours is there. */
export type HostShape = {
  /** Run by the administrator, a superuser, first: roles. */
  roles?: string;
  /** Who owns the database, runs `tables` and installs: a role of `roles` with the password `host`. Default: the administrator. */
  owner?: string;
  /** Run by the administrator in the database, before the owner's tables. */
  prepare?: string;
  /** The host's tables, and whatever else it has; run by the owner. */
  tables: string;
  /** Where the tables are. Default `public`. */
  hostSchema?: string;
  /** What an administrator does when `migrate` asks for it, before the host is what it is from then on. */
  help?: (host: Host) => Promise<void>;
  /** How it is installed, where that is not `migrate` and nothing else. */
  install?: (host: Host) => Promise<void>;
  /** The role that asks for syncs. Default: whoever installs. */
  asks?: string;
  /** Whether people are recorded twice. Default yes; false where a unique constraint is there already. */
  duplicates?: boolean;
  /** Rows that the host's own triggers write when the crew changes, as labels: `row TABLE`. */
  writes?: string[];
};

/** A host on a server of its own, with a crew call that an older sync left in disorder, and its element in Flex. */
export type Host = {
  shape: Required<Pick<HostShape, "hostSchema" | "duplicates" | "writes">> & HostShape;
  /** The administrator's. */
  sql: Sql;
  url: string;
  /** The owner's. */
  ownerUrl: string;
  flex: Simulator;
  call: string;
  job: string;
  element: string;
  /** For the installer's commands. */
  env: Env;
  /** For the drainer's: a user that has flex_sync_drainer and nothing else. */
  daemonEnv: Env;
};

/** Ana twice, Ben missing, Cleo there although nobody wants her; Dan comes later. */
export async function startHost(given: HostShape): Promise<Host> {
  const { POSTGRES_VERSION: version } = process.env;
  const server = await startEmbeddedPostgres({
    ...(version ? { version: Number(version) } : {}),
    params: { fsync: "off" },
  });
  const flex = await startSimulator();
  const shape = { hostSchema: "public", duplicates: true, writes: [], ...given };
  const as = (user?: string, password = "host") =>
    Object.assign(new URL(server.url), {
      pathname: "/host",
      ...(user ? { username: user, password } : {}),
    }).href;
  const url = as();
  const ownerUrl = as(shape.owner);
  const administrator = postgres(server.url, { max: 1, onnotice: () => {} });
  const sql = postgres(url, { max: 4, onnotice: () => {} });
  onTestFinished(async () => {
    await Promise.all([administrator.end({ timeout: 1 }), sql.end({ timeout: 1 }), flex.stop()]);
    await server.stop("immediate");
  });
  await administrator.unsafe(`create role flex_daemon login password 'host'; ${shape.roles ?? ""}`);
  await administrator.unsafe(`create database host ${shape.owner ? `owner ${shape.owner}` : ""}`);
  if (shape.prepare) await sql.unsafe(shape.prepare);
  const ids = { call: randomUUID(), job: randomUUID(), element: randomUUID() };
  const owner = postgres(ownerUrl, { max: 1, onnotice: () => {} });
  await owner.unsafe(shape.tables);
  flex.addElement(ids.element);
  await owner.unsafe(oldRows(shape, flex, ids));
  await owner.end();
  const env: Env = {
    DATABASE_URL: ownerUrl,
    FLEX_BASE_URL: flex.baseUrl,
    FLEX_AUTH_TOKEN: flex.token,
  };
  return {
    shape,
    sql,
    url,
    ownerUrl,
    flex,
    ...ids,
    env,
    daemonEnv: { ...env, DATABASE_URL: as("flex_daemon") },
  };
}

type Ids = Pick<Host, "call" | "job" | "element">;

function oldRows({ hostSchema: s, duplicates }: Host["shape"], flex: Simulator, ids: Ids): string {
  const line = (who: typeof ana) => flex.humanAdds(ids.element, who.resource ?? "");
  const recorded = (who: typeof ana, day: number) =>
    `insert into ${s}.flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id, created_at)
     values ('${ids.call}', '${who.id}', '${line(who)}', '2026-01-0${day}');`;
  return `
    insert into ${s}.jobs (id) values ('${ids.job}');
    ${[ana, ben, cleo, dan].map(({ id, resource }) => `insert into ${s}.profiles (id, flex_resource_id, department) values ('${id}', '${resource}', 'sound');`).join("\n")}
    insert into ${s}.job_assignments (job_id, technician_id, sound_role) values ('${ids.job}', '${ana.id}', 'SND-FOH-R'), ('${ids.job}', '${ben.id}', 'SND-MON-R');
    insert into ${s}.flex_crew_calls (id, job_id, department, flex_element_id) values ('${ids.call}', '${ids.job}', 'sound', '${ids.element}');
    ${recorded(ana, 1)} ${duplicates ? recorded(ana, 2) : ""} ${recorded(cleo, 3)}`;
}
