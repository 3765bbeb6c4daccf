import { Command } from "commander";
import { type AuditReport, audit, type Finding } from "../audit/audit.ts";
import { type Cli, writeJson, writeLines } from "./cli.ts";
import { withDatabase } from "./database.ts";
import { EXIT } from "./exit-codes.ts";
import { teach } from "./help.ts";
import { type Paint, paint } from "./terminal/paint.ts";
import { type Column, table } from "./terminal/table.ts";

/** More rows of a finding are in the JSON only. */
const MOST_ROWS = 20;

/** `flex-crew-sync audit`: duplicates, drift and unmapped people; reads only. */
export function auditCommand(cli: Cli): Command {
  const command = new Command("audit")
    .summary("find duplicates, drift and people without a Flex id; reads only")
    .description(
      "Looks for duplicates, people and crew calls without a Flex id, and for drift: between your own rows and, once\n" +
        "flex-crew-sync is installed, between what is desired, recorded and was last seen in Flex. It writes nothing,\n" +
        "calls no Flex, and works before anything is installed. Exits 1 when it found something; notes do not count.",
    )
    .option(
      "--host-schema <NAME>",
      "the schema of your tables (public, or where it is installed for already)",
    )
    .option("--json", "print one JSON document")
    .action((flags: { hostSchema?: string; json?: boolean }) => runAudit(cli, flags));
  return teach(
    command,
    ["flex-crew-sync audit", "flex-crew-sync audit --host-schema app --json"],
    ["DATABASE_URL", "NO_COLOR"],
  );
}

async function runAudit(cli: Cli, { hostSchema, json = false }: { hostSchema?: string; json?: boolean }) {
  const report = await withDatabase(cli, (sql) => audit(sql, hostSchema));
  if (json) writeJson(cli, report);
  else writeLines(cli.stdout, show(cli, report));
  cli.exitCode = report.clean ? EXIT.done : EXIT.notInSync;
}

function show(cli: Cli, { clean, installed, host_schema, findings }: AuditReport): string[] {
  const colour = paint(cli.stdout, cli.env);
  const found = findings.filter(({ rows }) => rows.length > 0);
  const looked = findings.length - found.length;
  return [
    ...found.flatMap((finding) => [...showFinding(cli, finding, colour), ""]),
    clean ? colour.green("Nothing found.") : colour.red("Something is found, see above."),
    `${looked} of ${findings.length} questions have no rows; schema ${host_schema}, ` +
      (installed
        ? "flex-crew-sync is installed."
        : "flex-crew-sync is not installed yet (drift from Flex is not known)."),
  ];
}

function showFinding(cli: Cli, { kind, name, meaning, mend, rows }: Finding, colour: Paint): string[] {
  const names = Object.keys(rows[0] ?? {});
  const columns = names.map(
    (title): Column<Record<string, unknown>> => ({ title, value: (row) => text(row[title]) }),
  );
  const title = `${name}: ${rows.length}`;
  return [
    `${kind === "note" ? colour.yellow(title) : colour.red(title)} ${kind === "note" ? "(note)" : ""}`.trimEnd(),
    `  ${meaning}`,
    ...table(columns, rows.slice(0, MOST_ROWS), cli.stdout, colour).map((line) => `  ${line}`),
    ...(rows.length > MOST_ROWS ? [`  and ${rows.length - MOST_ROWS} more, see --json`] : []),
    `  mend: ${mend}`,
  ];
}

function text(value: unknown): string {
  if (value === null || value === undefined) return "-";
  return Array.isArray(value) ? value.map(text).join(" ") : String(value);
}
