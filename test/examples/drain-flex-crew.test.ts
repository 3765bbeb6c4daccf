import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stage, setStage } from "../cli/stage.ts";
import { ana, ben, unassign } from "../crew-call.ts";
import { read } from "../documents/repository.ts";
import { needsPackages } from "../needs.ts";
import { type Installation, installPackage } from "../package/install-package.ts";
import { check, deploy, findDeno, serve } from "./deno.ts";

const SECRET = "a secret of this test";
const deno = await findDeno();
const onDeno = needsPackages({ deno });

/** Stand-ins for what pg_cron, pg_net and the vault offer: they write down what they are told. */
async function pretendExtensions(sql: Sql, url: string): Promise<void> {
  await sql.unsafe(`
    create schema cron; create schema net; create schema vault;
    create table cron.job (jobname text primary key, schedule text not null, command text not null);
    create function cron.schedule(job_name text, schedule text, command text) returns bigint language sql as $$
      insert into cron.job values (job_name, schedule, command); select 1::bigint $$;
    create table net.request (url text not null, body jsonb, headers jsonb, timeout_milliseconds int);
    create function net.http_post(url text, body jsonb default '{}', params jsonb default '{}',
      headers jsonb default '{"Content-Type": "application/json"}', timeout_milliseconds int default 5000)
      returns bigint language sql as $$ insert into net.request values (url, body, headers, timeout_milliseconds); select 1::bigint $$;
    create table vault.decrypted_secrets (name text, decrypted_secret text)`);
  await sql`insert into vault.decrypted_secrets values
    ('flex_crew_sync_drain_url', ${url}), ('flex_crew_sync_drain_secret', ${SECRET})`;
}

type Requested = {
  url: string;
  body: unknown;
  headers: Record<string, string>;
  timeout_milliseconds: number;
};

/** What pg_net would send when pg_cron runs a job now. */
async function runJob(sql: Sql, name: string): Promise<Requested[]> {
  const [job] = await sql`select command from cron.job where jobname = ${name}`;
  await sql`delete from net.request`;
  await sql.unsafe(job?.command);
  return sql<Requested[]>`select * from net.request`;
}

const send = ({ url, body, headers }: Requested) =>
  fetch(url, { method: "POST", headers, body: JSON.stringify(body) });

const conditions = async (sql: Sql) =>
  (await sql`select condition from flex_sync.crew_call_status`).map(({ condition }) => condition);

describe("the Edge Function drain-flex-crew", () => {
  let installed: Installation;
  let index: string;
  beforeAll(async () => {
    installed = await installPackage();
    index = deploy(installed, "drain-flex-crew");
  });
  afterAll(() => installed.remove());

  async function setDenoStage(
    env: Record<string, string> = {},
  ): Promise<Stage & { url: string; edge: string }> {
    const stage = await setStage();
    const secrets = { SUPABASE_DB_URL: stage.url, DRAIN_SECRET: SECRET, ...stage.env, ...env };
    return { ...stage, edge: (await serve(deno as string, index, secrets)).url };
  }

  onDeno("fits the types of the package", async () => {
    expect(await check(deno as string, index).ended).toMatchObject({ code: 0 });
  });

  onDeno("drains on Deno what pg_cron asks for by pg_net", async () => {
    const { sql, edge, makeCall, flex } = await setDenoStage();
    await pretendExtensions(sql, edge);
    await sql.unsafe(read("examples/supabase-edge/schedule-drain.sql"));
    expect(await runJob(sql, "flex-crew-sync drain")).toEqual([]);
    const call = await makeCall({ desired: [ana, ben] });
    await sql`select sync_crew_call(${call.id})`;
    const [request] = await runJob(sql, "flex-crew-sync drain");
    const answer = await send(request as Requested);
    expect([answer.status, await answer.json()]).toEqual([200, { operations: 3 }]);
    expect(await conditions(sql)).toEqual(["synced"]);
    expect(flex.linesOf(call.element)).toHaveLength(2);
    expect(await runJob(sql, "flex-crew-sync drain")).toEqual([]);
  });

  onDeno("follows up once a minute what only a note asks for", async () => {
    const { sql, edge, makeCall, flex, drainOnce } = await setDenoStage();
    await pretendExtensions(sql, edge);
    await sql.unsafe(read("examples/supabase-edge/schedule-drain.sql"));
    const call = await makeCall({ desired: [ana, ben] });
    await sql`select sync_crew_call(${call.id})`;
    await drainOnce();
    await unassign(sql, call, [ana, ben]);
    await sql`delete from flex_crew_calls where id = ${call.id}`;
    const [request] = await runJob(sql, "flex-crew-sync tidy");
    expect((await send(request as Requested)).status).toBe(200);
    expect(flex.linesOf(call.element)).toEqual([]);
  });

  onDeno("takes requests with its secret only", async () => {
    const { sql, edge, makeCall, flex } = await setDenoStage();
    const call = await makeCall({ desired: [ana] });
    await sql`select sync_crew_call(${call.id})`;
    for (const headers of [{}, { "x-drain-secret": "another" }]) {
      expect((await fetch(edge, { method: "POST", headers })).status).toBe(401);
    }
    expect(flex.linesOf(call.element)).toEqual([]);
  });

  onDeno("says no secret of the database in its answer when it cannot drain", async () => {
    const { url } = await setStage({ template: "empty" });
    const env = {
      SUPABASE_DB_URL: url,
      DRAIN_SECRET: SECRET,
      FLEX_BASE_URL: "http://127.0.0.1:1/f5/api",
      FLEX_AUTH_TOKEN: "x",
    };
    const { url: edge } = await serve(deno as string, index, env);
    const answer = await fetch(edge, { method: "POST", headers: { "x-drain-secret": SECRET } });
    expect([answer.status, await answer.json()]).toEqual([
      500,
      { error: "could not drain, see the function's log" },
    ]);
  });
});

test("no job is scheduled where one of the extensions is missing", async () => {
  const { sql } = await setStage();
  await expect(sql.unsafe(read("examples/supabase-edge/schedule-drain.sql"))).rejects.toMatchObject({
    code: "3F000",
  });
});
