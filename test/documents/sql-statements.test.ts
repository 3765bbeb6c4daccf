import { expect, test } from "vitest";
import { createDatabase } from "../postgres/database.ts";
import { read, trackedFiles } from "./repository.ts";

const PAGES = trackedFiles().filter((path) => path.endsWith(".md"));

/** Statements in a page's SQL blocks, its shell commands and its sentences. */
function statements(page: string): string[] {
  const text = read(page);
  const blocks = [...text.matchAll(/^```sql\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
    (block ?? "").split(/;\s*$/m),
  );
  const commands = [...text.matchAll(/psql .*? -c "([^"]+)"/g)].map(([, statement]) => statement ?? "");
  const inline = [...text.matchAll(/`((?:select|update) [^`]*?);?`/g)].map(
    ([, statement]) => statement ?? "",
  );
  return [...blocks, ...commands, ...inline]
    .map((statement) => statement.trim())
    .filter((statement) => /^(select|update)\b/.test(statement) && !statement.includes("…"));
}

/** What a page's placeholders stand for; nothing is held, and no operation has the id 0. */
function filledIn(statement: string, id: string): string {
  return statement
    .replaceAll(/'(?:CREW_CALL_ID|ID|ID of a flex_crew_calls row)'/g, `'${id}'`)
    .replaceAll("OPERATION_ID", "0")
    .replaceAll(/'(?:LINE_ID|TECHNICIAN_ID)'/g, `'${id}'`);
}

test("every SQL statement in a page runs", async () => {
  const { sql } = await createDatabase();
  const [call] = await sql`
    with job as (insert into jobs default values returning id)
    insert into flex_crew_calls (job_id, department, flex_element_id)
    select id, 'sound', gen_random_uuid() from job
    returning id`;
  const found = PAGES.flatMap((page) => statements(page).map((statement) => ({ page, statement })));
  expect(found.length).toBeGreaterThan(30);
  const failed: string[] = [];
  for (const { page, statement } of found) {
    await sql
      .begin(async (transaction) => {
        await transaction.unsafe(filledIn(statement, call?.id));
        throw new Error("ran");
      })
      .catch((error: { message: string; code?: string }) => {
        if (error.message === "ran" || ["NOPLN", "NOOPE", "NOLIN"].includes(error.code ?? "")) return;
        failed.push(`${page}: ${statement}: ${error.message}`);
      });
  }
  expect(failed).toEqual([]);
});
