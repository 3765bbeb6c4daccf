import postgres, { type Sql } from "postgres";
import { databaseSettings, type Env, timeoutSetting } from "../cli/environment.ts";
import { explainError } from "../cli/explain-error.ts";
import { messageOf } from "../drainer/database-error.ts";
import { activityChecks } from "./activity-checks.ts";
import { type Check, check, type Found, fail, ok, type Patient } from "./check.ts";
import { flexChecks } from "./flex-checks.ts";
import { hostChecks } from "./host-checks.ts";
import { installationChecks, isInstalled } from "./installation-checks.ts";
import { serverChecks } from "./server-checks.ts";
import { settingsChecks } from "./settings-checks.ts";
import { workChecks } from "./work-checks.ts";

export type DoctorReport = { healthy: boolean; checks: Check[] };

const OLDEST_NODE = [20, 19] as const;

/** Checks everything that flex-crew-sync needs; at most one Flex call, counted where that is possible. */
export async function doctor(env: Env): Promise<DoctorReport> {
  const checks = [await check("node", nodeVersion)];
  const timeout = await check("flex_timeout", () => flexTimeout(env));
  const timeoutMs = timeout.status === "ok" ? timeoutSetting(env) : 15_000;

  const sql = await open(env, checks);
  const patient = sql && { sql, timeoutMs, ...listening(env) };
  let installed = false;
  if (patient) {
    checks.push(...(await serverChecks(patient)));
    installed = await isInstalled(patient.sql);
    checks.push(...(await installationChecks(patient, installed)));
    if (installed) checks.push(...(await checksOfInstallation(patient)));
  }
  checks.push(timeout, ...(await flexChecks(env, installed ? patient : undefined, timeoutMs)));
  await sql?.end({ timeout: 1 }).catch(() => {});
  return { healthy: checks.every(({ status }) => status !== "fail"), checks };
}

async function checksOfInstallation(patient: Patient): Promise<Check[]> {
  return [
    ...(await settingsChecks(patient)),
    ...(await hostChecks(patient)),
    ...(await activityChecks(patient)),
    ...(await workChecks(patient)),
  ];
}

function flexTimeout(env: Env): Found {
  try {
    return ok(`a Flex call is given up after ${timeoutSetting(env)} ms`);
  } catch (error) {
    return fail(messageOf(error), "Unset it, or set it to what is usual:", "export FLEX_TIMEOUT_MS=15000");
  }
}

function nodeVersion() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const version = `Node ${process.versions.node}`;
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return ok(version);
  return fail(version, `Use Node ${OLDEST_NODE.join(".")} or newer.`);
}

/** A connection that works, or undefined with the check that says why there is none. */
async function open(env: Env, checks: Check[]): Promise<Sql | undefined> {
  let sql: Sql | undefined;
  const reached = await check("database", async () => {
    try {
      sql = postgres(databaseSettings(env).databaseUrl, {
        max: 1,
        prepare: false,
        connect_timeout: 10,
        onnotice: () => {},
        connection: { application_name: "flex-crew-sync doctor" },
      });
      const [row] = await sql`select current_user as name, current_database() as database`;
      return ok(`database ${row?.database} answers, as user ${row?.name}`);
    } catch (error) {
      const { message, hint } = explainError(error, env);
      return fail(message, hint ?? "See that DATABASE_URL names the right server, user and database.");
    }
  });
  checks.push(reached);
  if (reached.status === "ok") return sql;
  await sql?.end({ timeout: 0 }).catch(() => {});
  return undefined;
}

function listening(env: Env): Pick<Patient, "listenUrl" | "listensElsewhere"> {
  const { databaseUrl, listenDatabaseUrl } = databaseSettings(env);
  return { listenUrl: listenDatabaseUrl ?? databaseUrl, listensElsewhere: listenDatabaseUrl !== undefined };
}
