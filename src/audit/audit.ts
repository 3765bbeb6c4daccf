import type { Sql, TransactionSql } from "postgres";
import { FlexCrewSyncError } from "../errors.ts";
import { driftQuestions } from "./drift-questions.ts";
import { hostQuestions } from "./host-questions.ts";
import { rowsQuestions } from "./rows-questions.ts";

/** One thing that an audit asks for. A note is worth knowing and no error. */
export type Question = {
  kind: "problem" | "note";
  /** What programs know it by. */
  name: string;
  /** A sentence that says what the rows are. */
  meaning: string;
  /** What a person does about it. */
  mend: string;
  /** The host's tables and columns that it reads, `table.column`. */
  needs: string[];
  rows(sql: TransactionSql, hostSchema: string): PromiseLike<readonly object[]>;
};

/** The answer to a question. */
export type Finding = Omit<Question, "rows" | "needs"> & { rows: Record<string, unknown>[] };

export type AuditReport = {
  /** No problem has rows. */
  clean: boolean;
  installed: boolean;
  host_schema: string;
  findings: Finding[];
};

/**
 * Looks for duplicates, unmapped people and crew calls, and for drift: as far as the host's rows tell, and where
 * flex-crew-sync is installed, between desired, recorded and the last readings. One read-only
 * transaction: it writes nothing, whatever it may do.
 *
 * @param wanted the schema of the host's tables; default the installed one, else `public`
 * @throws FlexCrewSyncError NOHOS where there are none of the host's tables
 */
export async function audit(sql: Sql, wanted?: string): Promise<AuditReport> {
  const report = await sql.begin("isolation level repeatable read read only", async (transaction) => {
    // Rows that a policy would hide are an error, not an audit that finds nothing.
    await transaction`set local row_security = off`;
    const { installed, hostSchema } = await findInstallation(transaction, wanted);
    const columns = await findColumns(transaction, hostSchema);
    if (columns.size === 0) throw noHostTables(hostSchema);
    const questions = [...hostQuestions, ...(installed ? driftQuestions : rowsQuestions)];
    const findings: Finding[] = [missingColumns(questions, columns)];
    for (const { rows: ask, needs, ...question } of questions) {
      if (!needs.every((name) => columns.has(name))) continue;
      const rows = [...(await ask(transaction, hostSchema))] as Record<string, unknown>[];
      findings.push({ ...question, rows });
    }
    const clean = findings.every(({ kind, rows }) => kind === "note" || rows.length === 0);
    return { clean, installed, host_schema: hostSchema, findings };
  });
  return report as AuditReport;
}

async function findInstallation(sql: TransactionSql, wanted: string | undefined) {
  const [found] = await sql<{ installed: boolean; ledger: boolean }[]>`
    select to_regclass('flex_sync.crew_status') is not null as installed, to_regclass('flex_sync.migrations') is not null as ledger`;
  const [last] = found?.ledger
    ? await sql<
        { host_schema: string }[]
      >`select host_schema from flex_sync.migrations order by name desc limit 1`
    : [];
  const hostSchema = wanted ?? last?.host_schema ?? "public";
  // Drift is between the installed views and Flex: it says nothing of another schema's tables.
  const installed = found?.installed === true && hostSchema === (last?.host_schema ?? "public");
  return { installed, hostSchema };
}

/** The columns of the host's tables, as `table.column`. */
async function findColumns(sql: TransactionSql, hostSchema: string): Promise<Set<string>> {
  const rows = await sql<{ name: string }[]>`
    select relname || '.' || attname as name
    from pg_attribute
    join pg_class on pg_class.oid = attrelid
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = ${hostSchema}
      and relname in ('jobs', 'profiles', 'job_assignments', 'flex_crew_calls', 'flex_crew_assignments')
      and attnum > 0
      and not attisdropped`;
  return new Set(rows.map(({ name }) => name));
}

function missingColumns(questions: Question[], columns: Set<string>): Finding {
  const tables = new Set([...columns].map((name) => name.split(".")[0]));
  const needed = [...new Set(questions.flatMap(({ needs }) => needs))].filter((name) => !columns.has(name));
  const rows = [
    ...new Set(
      needed.map((name) =>
        tables.has(name.split(".")[0] ?? "") ? `column ${name}` : `table ${name.split(".")[0]}`,
      ),
    ),
  ].map((missing) => ({ missing }));
  return {
    kind: "note",
    name: "missing_tables_or_columns",
    meaning: "What flex-crew-sync reads and your tables do not have; questions that need it were not asked.",
    mend: "migrate makes missing tables; a missing column is yours to add (a nullable one is enough).",
    rows,
  };
}

function noHostTables(hostSchema: string): FlexCrewSyncError {
  return new FlexCrewSyncError(
    "NOHOS",
    `schema ${hostSchema} has none of the tables jobs, profiles, job_assignments, flex_crew_calls, flex_crew_assignments`,
    "Name the schema of your tables with --host-schema NAME, and see that DATABASE_URL names the right database.",
  );
}
