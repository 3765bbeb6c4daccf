import type { Sql } from "postgres";
import { committedMigrations } from "../migrations/committed-migrations.ts";
import { readLedger } from "../migrations/ledger.ts";
import { compareFunctions } from "../shipped-functions.ts";
import { type Check, check, clientOf, type Found, fail, ok, only, type Patient, warn } from "./check.ts";

/** The functions that a drainer calls. */
const OF_DRAINERS = [
  ...["tick", "clock", "next_work_at", "next_sync_work_at", "claim_operations", "claim_call", "claim_probe"],
  ...["close_call", "record_observation", "record_add", "record_set_role", "record_remove", "record_failure"],
  "record_probe",
];

export async function isInstalled(sql: Sql): Promise<boolean> {
  const { installed } = only(
    await sql<{ installed: boolean }[]>`
      select to_regnamespace('flex_sync') is not null
        and to_regprocedure('public.sync_crew_call(uuid, boolean, boolean, text)') is not null as installed`,
  );
  return installed;
}

/** What is installed, whether it is what this package ships, and whether this user may use it. */
export async function installationChecks({ sql }: Patient, installed: boolean): Promise<Check[]> {
  const mend = "Run: flex-crew-sync migrate";
  if (!installed) return [await check("installed", () => fail("flex-crew-sync is not installed here", mend))];
  const client = clientOf(sql);
  return [
    await check("installed", () => ok("flex-crew-sync is installed")),
    await check("migrations", async () => {
      const ledger = await readLedger(client);
      const shipped = committedMigrations();
      const pending = shipped.filter(({ name }) => !ledger.some((row) => row.name === name));
      const strange = ledger.filter(({ name }) => !shipped.some((migration) => migration.name === name));
      const edited = ledger.filter(({ name, hash }) =>
        shipped.some((one) => one.name === name && one.hash !== hash),
      );
      const names = (rows: { name: string }[]) => rows.map(({ name }) => name).join(", ");
      if (strange.length > 0)
        return fail(
          `the database is newer than this package: ${names(strange)}`,
          "Update flex-crew-sync here.",
        );
      if (edited.length > 0)
        return fail(
          `applied in another form: ${names(edited)}`,
          "Install the released flex-crew-sync again.",
        );
      if (pending.length > 0) return fail(`not applied yet: ${names(pending)}`, mend);
      return ok(`${ledger.length} migrations applied, none pending`);
    }),
    await check("functions", async () => {
      const { missing, changed } = await compareFunctions({ client });
      if (missing.length > 0) return fail(`missing: ${missing.join(", ")}`, mend);
      if (changed.length > 0)
        return warn(
          `edited in the database: ${changed.join(", ")}`,
          "Put the shipped text back: flex-crew-sync migrate --print has it.",
        );
      return ok("the functions are those of this package");
    }),
    await check("privileges", () => privileges(sql)),
  ];
}

async function privileges(sql: Sql): Promise<Found> {
  const rows = await sql<{ name: string; allowed: boolean; user: string }[]>`
    select proname as name, has_function_privilege(pg_proc.oid, 'execute') and has_schema_privilege('flex_sync', 'usage') as allowed,
      quote_ident(current_user) as user
    from pg_proc
    where pronamespace = 'flex_sync'::regnamespace
      and proname = any (${OF_DRAINERS})`;
  const denied = rows.filter(({ allowed }) => !allowed);
  const [first] = denied;
  if (!first) return ok("this database user may drain");
  return fail(
    `user ${first.user} may not call ${denied.map(({ name }) => name).join(", ")}`,
    `grant flex_sync_drainer to ${first.user};`,
  );
}
