import type { Sql } from "postgres";
import { committedMigrations } from "../migrations/committed-migrations.ts";
import { readLedger } from "../migrations/ledger.ts";
import { type Check, check, clientOf, type Found, fail, ok, only, type Patient, warn } from "./check.ts";
import { functions, OF_DRAINERS } from "./functions-check.ts";

const MIGRATE = "flex-crew-sync migrate";

export async function isInstalled(sql: Sql): Promise<boolean> {
  const { installed } = only(
    await sql<{ installed: boolean }[]>`
      select count(*) = 2 as installed
      from pg_class
      join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = 'flex_sync'
        and relname in ('migrations', 'crew_call_status')`,
  );
  return installed;
}

/** What is installed, whether it is what this package ships, and whether this user may use it. */
export async function installationChecks({ sql }: Patient, installed: boolean): Promise<Check[]> {
  if (!installed) return [await check("installed", () => notInstalled(sql))];
  return [
    await check("installed", () => ok("flex-crew-sync is installed")),
    await check("migrations", () => migrations(sql)),
    await check("functions", () => functions(sql)),
    await check("privileges", () => privileges(sql)),
    await check("exposed", () => exposed(sql)),
  ];
}

async function notInstalled(sql: Sql): Promise<Found> {
  const { remains } = only(
    await sql<
      { remains: boolean }[]
    >`select exists (select from pg_namespace where nspname = 'flex_sync') as remains`,
  );
  if (!remains)
    return fail("flex-crew-sync is not installed here", "Install it, or correct DATABASE_URL:", MIGRATE);
  return fail(
    "the schema flex_sync is there, and flex-crew-sync is not whole in it",
    "If nothing in it is to be kept, take it away and install again:",
    `flex-crew-sync uninstall --yes && ${MIGRATE}`,
  );
}

async function migrations(sql: Sql): Promise<Found> {
  const ledger = await readLedger(clientOf(sql));
  const shipped = committedMigrations();
  const pending = shipped.filter(({ name }) => !ledger.some((row) => row.name === name));
  const strange = ledger.filter(({ name }) => !shipped.some((migration) => migration.name === name));
  const edited = ledger.filter(({ name, hash }) =>
    shipped.some((one) => one.name === name && one.hash !== hash),
  );
  const names = (rows: { name: string }[]) => rows.map(({ name }) => name).join(", ");
  if (strange.length > 0) {
    return fail(
      `the database is newer than this package: ${names(strange)}`,
      "Update the package, here and wherever a drainer runs: npm install flex-crew-sync@latest",
    );
  }
  if (edited.length > 0) {
    return fail(`applied in another form: ${names(edited)}`, "Install the released flex-crew-sync again.");
  }
  if (pending.length > 0)
    return fail(`not applied yet: ${names(pending)}`, "Bring the database up to date:", MIGRATE);
  return ok(`${ledger.length} migrations applied, none pending`);
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
    "As the owner of the schema or a superuser:",
    `grant flex_sync_drainer to ${first.user};`,
  );
}

/** Nothing is for everybody: `flex_sync.may_sync` decides for those who may call, and most may not. */
async function exposed(sql: Sql): Promise<Found> {
  const rows = await sql<{ what: string; whom: string; run: string }[]>`
    with
    everybody as (
      select 'public' as whom
      union all
      select rolname from pg_roles where rolname in ('anon', 'authenticated')
    ),
    functions as (
      select pg_proc.oid, pg_proc.oid::regprocedure::text as name
      from pg_proc
      where pronamespace = 'public'::regnamespace
        and proname in ('sync_crew_call', 'sync_crew_for_job')
    )
    select 'the schema flex_sync' as what, whom, format('revoke all on schema flex_sync from %s;', whom) as run
    from everybody
    where has_schema_privilege(whom, 'flex_sync', 'usage')
    union all
    select name, whom, format('revoke execute on function %s from %s;', name, whom)
    from everybody, functions
    where whom <> 'authenticated'
      and has_function_privilege(whom, functions.oid, 'execute')`;
  if (rows.length === 0) return ok("nothing is granted to everybody");
  return warn(
    `open to ${[...new Set(rows.map(({ whom }) => whom))].join(" and ")}: ${[...new Set(rows.map(({ what }) => what))].join(", ")}`,
    "Only roles that sync should:",
    rows.map(({ run }) => run).join("\n"),
  );
}
