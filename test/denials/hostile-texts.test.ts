import type { Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { createLog } from "../../src/cli/log.ts";
import { printable } from "../../src/cli/terminal/text.ts";
import {
  addResourceRequest,
  readIdentityRequest,
  readLinesRequest,
  removeLineRequest,
  setBusinessRoleRequest,
} from "../../src/flex-requests.ts";
import { ana, makeCrewCall, type Person, person } from "../crew-call.ts";
import { crewInFlex, drainUntilRest, setStage } from "../drainer/stage.ts";
import { conditionOf, conditionOfPerson, request, sync } from "../functions/asking.ts";
import { drainWith, settleWith } from "../functions/drain-with.ts";
import { createDatabase } from "../postgres/database.ts";

/** Texts that somebody else may write where we read. Postgres itself takes no zero byte. */
const TEXTS = [
  "'; drop table flex_sync.outbox; --",
  '"quoted" and $$dollars$$',
  "a\nsecond line",
  'a\r\n{"level":50,"msg":"forged"}',
  "\u001b[2J\u001b]0;title\u0007",
  "\u009b31m\u202eleft\u2066\u200b",
  "../../../element",
  "..",
  "a?b=c#d",
  "a/b\\c",
  "%2f%00%0a",
  "{} {0} %s %L $1 :HOST_SCHEMA",
  "a-R",
  "\\u0000 \\ud800",
  `${"long ".repeat(200_000)}-R`,
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/u;

/** Every row of every table and view of ours, as text. */
async function everything(sql: Sql): Promise<string> {
  const relations = await sql<{ name: string }[]>`select relname as name from pg_class
    where relnamespace = 'flex_sync'::regnamespace and relkind in ('r', 'v')`;
  const texts = relations.map(({ name }) => sql.unsafe(`select t::text as row from flex_sync.${name} as t`));
  return (await Promise.all(texts)).flatMap((rows) => rows.map(({ row }) => row)).join("\n");
}

describe("what the host writes", () => {
  test("as somebody's resource or role wedges nobody, and is never sent", async () => {
    const { sql } = await createDatabase();
    const hostile: Person[] = TEXTS.map((text, n) => ({ ...person(50 + n), resource: text, role: text }));
    const call = await makeCrewCall(sql, { desired: [{ ...ana, role: TEXTS[4] ?? "" }, ...hostile] });
    await sync(sql, call);
    expect(call.flex.writes).toEqual([`add ${ana.resource}`]);
    expect(await conditionOf(sql, call)).toBe("unmapped malformed_id");
    for (const who of hostile) expect(await conditionOfPerson(sql, call, who)).toBe("unmapped malformed_id");
    await everything(sql);
  });

  test("as an element blocks its crew call and no other", async () => {
    const { sql } = await createDatabase();
    const good = await makeCrewCall(sql, { desired: [ana] });
    // The last is too long for an index of the host's own table.
    for (const element of TEXTS.slice(0, -1)) {
      const call = await makeCrewCall(sql, { desired: [ana], element });
      expect(await request(sql, call)).toMatchObject({ condition: "blocked" });
      expect(await conditionOf(sql, call)).toBe("blocked malformed_id");
      await expect(sql`select flex_sync.explain(${call.id})`).resolves.toHaveLength(1);
    }
    expect(await drainWith(sql, good.flex)).toEqual([]);
    await sync(sql, good);
    expect(await conditionOf(sql, good)).toBe("synced");
    expect(await sql`select distinct flex_element_id from flex_sync.outbox`).toEqual([
      { flex_element_id: good.element },
    ]);
  });

  test("as a business role, a department, a reason or a name is told in one line and goes on", async () => {
    const { sql } = await createDatabase();
    await sql`alter table profiles add column if not exists name text`;
    for (const [n, text] of TEXTS.entries()) {
      const who = { ...person(n + 1), role: "FOH-R" };
      const call = await makeCrewCall(sql, { desired: [who], inFlex: [person(90)] });
      await sql`update profiles set name = ${text} where id = ${who.id}`;
      await sql`update flex_crew_calls set department = ${`sound ${text}`} where id = ${call.id}`;
      await sql.unsafe(`create or replace view flex_sync.desired_crew as
        select flex_crew_calls.id as crew_call_id, profiles.id as technician_id, profiles.flex_resource_id, 'FOH-R'::text as role_code
        from flex_crew_calls join job_assignments using (job_id) join profiles on profiles.id = technician_id`);
      await sql`insert into flex_sync.business_roles values (${`sound ${text.slice(0, 1000)}`}, 'R', ${text})`;
      await sql`select sync_crew_call(${call.id}, requested_by => ${text})`;
      await sql`select flex_sync.pause(${text}), flex_sync.resume()`;
      const refused = await sql`select flex_sync.set_policy(${call.id}, ${text})`.catch((error) => error);
      expect([refused.code, OBEYED.test(refused.message), refused.message.length < 300]).toEqual([
        "NOPOL",
        false,
        true,
      ]);
      call.flex.add(call.element, person(91).resource, { name: text });
      await settleWith(sql, call.flex);
      expect(call.flex.resourcesOf(call.element)).toEqual([who.resource]);
      const [row] = await sql<[{ text: string }]>`select flex_sync.explain(${call.id}) as text`;
      expect(row.text).not.toMatch(OBEYED);
      expect(row.text.split("\n").filter((line) => /^(second line|\{)/.test(line))).toEqual([]);
    }
    await everything(sql);
  });
});

describe("what Flex answers", () => {
  test("never puts the token, a forged line or a terminal's command into a row or a log", async () => {
    const stage = await setStage();
    const lines: string[] = [];
    const stderr = { isTTY: true, columns: 80, write: (text: string) => lines.push(text) };
    const log = createLog({ env: { LOG_LEVEL: "debug" }, stderr } as never);
    const drainer = stage.drainer({ log });
    for (const [n, text] of TEXTS.entries()) {
      const call = await stage.makeCrewCall([person(n + 1)]);
      stage.flex.addContact(person(n + 1).resource ?? "", text);
      // A longer body is cut off, and then nobody knows what it said.
      const message = `${text.slice(0, 10_000)}${stage.flex.token}\u001b[31m\n${stage.flex.token.toUpperCase()}\u0000`;
      stage.flex.fault({
        route: "add",
        do: { kind: "answer", when: "before", status: 422, body: { exceptionMessage: message } },
      });
      await stage.syncAndDrain(call, drainer);
      expect(await stage.conditionOf(call)).toEqual({ condition: "failed", reason: "refused" });
      await stage.sync(call);
      await drainUntilRest(drainer);
      expect(crewInFlex(stage, call)).toEqual([person(n + 1).resource]);
    }
    const kept = await everything(stage.sql);
    expect(kept.toLowerCase()).not.toContain(stage.flex.token.toLowerCase());
    const errors = await stage.sql<
      { error: string }[]
    >`select error from flex_sync.outbox where error is not null
      union select error from flex_sync.calls where error is not null union select name from flex_sync.lines where name is not null`;
    expect(errors.filter(({ error }) => OBEYED.test(error) || error.length > 300)).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("").toLowerCase()).not.toContain(stage.flex.token.toLowerCase());
  });
});

describe("an id that somebody else chose", () => {
  const ids = [...TEXTS, "a\u0000b", "x".repeat(1_000_000)];

  test("stays one segment of a path", () => {
    for (const id of ids) {
      const paths = [
        [removeLineRequest(id), 2],
        [addResourceRequest(id, id), 4],
        [readLinesRequest(id), 4],
        [readIdentityRequest(id), 3],
        [setBusinessRoleRequest(id, id, id), 4],
      ] as const;
      for (const [{ path, body }, segments] of paths) {
        const [plain = ""] = path.split("?");
        expect(plain.slice(1).split("/")).toHaveLength(segments);
        expect(path).toMatch(/^[\x21-\x7e]*$/);
        if (body?.startsWith("{")) expect(JSON.parse(body)).toMatchObject({ fieldType: "business-role" });
      }
    }
  });
});

test("the daemon's log at a terminal obeys nothing and forges no line", () => {
  const written: string[] = [];
  const stderr = { isTTY: true, columns: 80, write: (text: string) => written.push(text) };
  const log = createLog({ env: { NO_COLOR: "1" }, stderr } as never);
  for (const text of TEXTS) log.warn({ error: text, element: text }, text);
  expect(written).toHaveLength(TEXTS.length);
  for (const line of written) {
    expect(line.slice(0, -1)).not.toMatch(OBEYED);
    expect(line.slice(0, -1)).not.toContain("\n");
  }
  expect(TEXTS.map(printable).filter((text) => OBEYED.test(text))).toEqual([]);
});
