import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished } from "vitest";
import type { CrewCallPlan } from "../../src/rows.ts";
import { ana, ben, makeCrewCall } from "../crew-call.ts";
import { type HostedDatabase, startHosted } from "../denials/hosted-database.ts";
import { needsPackages } from "../needs.ts";
import { fetchLocked } from "../package/fetch-packages.ts";
import { beside, NOBODY_THERE, outputOf, UNKNOWN } from "./calling-stage.ts";
import { startPostgrest } from "./postgrest.ts";
import { startProgram } from "./run-program.ts";

/** supabase-js needs Node 22, which brings types along without a loader. */
async function findNode22(): Promise<string | undefined> {
  const ask = ["-y", "-p", "node@22", "--", "node", "-p", "process.execPath"];
  return promisify(execFile)("npx", ask).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

const modules = await fetchLocked("examples/calling");
const node = await findNode22();
const withSupabase = needsPackages({ "the packages of examples/calling": modules, "node@22": node });
const installed = beside("examples/calling", modules);
const KEYS = { "service-key": "service_role", "user-key": "authenticated", "anon-key": "anon" };

describe("supabase-js by way of PostgREST's interface", () => {
  let hosted: HostedDatabase;
  let url: string;
  beforeAll(async () => {
    hosted = await startHosted();
  });
  afterAll(() => hosted.stop());

  async function rpc(crewCallId: string, key: string) {
    url = await startPostgrest(hosted.sql, KEYS);
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      SUPABASE_URL: url,
      SUPABASE_KEY: key,
      NODE_NO_WARNINGS: "1",
    };
    return startProgram(node as string, ["supabase-js.ts", crewCallId], env, { cwd: installed().folder })
      .ended;
  }

  withSupabase("asks with the service role's key, and knows the code of an unknown crew call", async () => {
    const call = await makeCrewCall(hosted.sql, { desired: [ana, ben] });
    const plan = JSON.parse(await outputOf(rpc(call.id, "service-key"))) as CrewCallPlan;
    expect(plan).toMatchObject({ crew_call_id: call.id, condition: "pending" });
    expect(plan.to_add).toHaveLength(2);
    expect(await outputOf(rpc(UNKNOWN, "service-key"))).toBe(NOBODY_THERE);
  });

  withSupabase("is refused to anon, and to users until they are granted it", async () => {
    const call = await makeCrewCall(hosted.sql, { desired: [ana] });
    for (const key of ["anon-key", "user-key"]) {
      const { code, stderr } = await rpc(call.id, key);
      expect([key, code, stderr.includes("42501")]).toEqual([key, 1, true]);
    }
    const grant = "execute on function sync_crew_call(uuid, boolean, boolean, text)";
    await hosted.sql.unsafe(`grant ${grant} to authenticated`);
    onTestFinished(async () => void (await hosted.sql.unsafe(`revoke ${grant} from authenticated`)));
    expect(JSON.parse(await outputOf(rpc(call.id, "user-key")))).toMatchObject({ crew_call_id: call.id });
    expect((await rpc(call.id, "anon-key")).code).toBe(1);
  });
});
