import type { Sql } from "postgres";
import { committedMigrations, inHostSchema } from "../migrations/committed-migrations.ts";
import { compareFunctions, shippedStatements } from "../shipped-functions.ts";
import { clientOf, type Found, fail, hostSchemaOf, ok, warn } from "./check.ts";

/** The functions that a drainer calls. */
export const OF_DRAINERS = [
  ...["tick", "clock", "next_work_at", "next_sync_work_at", "claim_operations", "claim_call", "claim_probe"],
  ...["close_call", "record_observation", "record_add", "record_set_role", "record_remove", "record_failure"],
  ...["record_probe", "record_done"],
];
/** The functions that an application calls. */
const OF_APPS = ["sync_crew_call", "sync_crew_for_job", "may_sync", "explain", "history"];
/** A function that is edited keeps its privileges when its text is put back; a new one gets what it had. */
export async function functions(sql: Sql): Promise<Found> {
  const { missing, changed } = await compareFunctions({ client: clientOf(sql) });
  if (missing.length + changed.length === 0) return ok("the functions are those of this package");
  const schema = await hostSchemaOf(sql);
  const shipped = shippedStatements(committedMigrations().map((one) => inHostSchema(one.sql, schema)));
  const textOf = (name: string) => shipped.get(name) ?? "";
  const run = [...changed.map(textOf), ...missing.flatMap((name) => [textOf(name), ...grants(name)])].join(
    "\n\n",
  );
  const mend = "Put the shipped text back:";
  if (missing.length > 0) return fail(`missing: ${[...missing, ...changed].join(", ")}`, mend, run);
  return warn(`edited in the database: ${changed.join(", ")}`, mend, run);
}

function grants(name: string): string[] {
  const plain = name.split(".")[1] ?? "";
  const to = [
    ...(OF_DRAINERS.includes(plain) ? ["flex_sync_drainer"] : []),
    ...(OF_APPS.includes(plain) ? ["flex_sync_app", "flex_sync_operator"] : []),
  ];
  return [
    `revoke all on function ${name} from public;`,
    ...(to.length > 0 ? [`grant execute on function ${name} to ${to.join(", ")};`] : []),
  ];
}
