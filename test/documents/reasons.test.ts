import { expect, test } from "vitest";
import { pairsWithWords } from "../../src/reason-in-words.ts";
import { allSql, codeWords, findAll, read, section, tableRows } from "./repository.ts";

const PAGE = "docs/reasons.md";
const CONDITIONS = "paused|blocked|failed|held|unknown|pending|unmapped|never_synced|synced";

const sql = (name: string) => read(`db/functions/${name}.sql`);
const everySql = () =>
  allSql()
    .map(({ text }) => text)
    .join("\n");

/** Documented pairs of the first table: `condition reason`. */
function documentedPairs(): string[] {
  return tableRows(PAGE)
    .map((cells) => cells.slice(0, 2).map((cell) => codeWords(cell)[0]))
    .filter(([condition, reason]) => new RegExp(`^(${CONDITIONS})$`).test(condition ?? "") && reason)
    .map((pair) => pair.join(" "));
}

function documentedWords(): string[] {
  return codeWords(read(PAGE));
}

/** Reasons that a view writes out beside their condition. */
function pairsInViews(): string[] {
  const inView = new RegExp(`array\\['(${CONDITIONS})', '([a-z_]+)'\\]`, "g");
  const assigned = new RegExp(`condition := '(${CONDITIONS})';\\s+\\S+reason := '([a-z_]+)'`, "g");
  const pairs = ["views/crew_status", "open_condition", "state_of_crew_call"].flatMap((name) =>
    [inView, assigned].flatMap((pattern) => [...sql(name).matchAll(pattern)]),
  );
  return pairs.map(([, condition, reason]) => `${condition} ${reason}`);
}

/** Reasons that a view takes from elsewhere, each with the condition under which it shows them. */
function pairsFromElsewhere(): string[] {
  const blocks = findAll(everySql(), /block_element\([^;]*?, '([a-z_]+)',/g);
  const hostBlocks = findAll(
    everySql(),
    /select call\.id, '([a-z_]+)'|values \(record_person\.crew_call_id, '([a-z_]+)'/g,
  );
  const failures = findAll(everySql(), /state = 'failed', reason = '([a-z_]+)'/g);
  const contested = findAll(sql("apply_plan"), /'failed', '([a-z_]+)'/g);
  const brakes = findAll(
    excerpt(sql("plan_element"), "braked as", "going as"),
    /then '([a-z_]+)'|end as brake/g,
  );
  const children = findAll(excerpt(sql("plan_element"), "going as", "roles as"), /then '([a-z_]+)'/g);
  const waits = findAll(excerpt(sql("why_pending"), "return case", "end;"), /(?:then|else) '([a-z_]+)'/g);
  const problems = findAll(everySql(), /then '(no_resource|malformed_id)'/g);
  // While the token is refused the views say blocked; why_pending answers it for whoever asks it directly.
  return [
    ...blocks.map((reason) => `blocked ${reason}`),
    ...hostBlocks.filter(Boolean).map((reason) => `blocked ${reason}`),
    ...[...failures, ...contested].map((reason) => `failed ${reason}`),
    ...[...brakes, ...children].filter(Boolean).map((reason) => `held ${reason}`),
    ...waits.map((reason) => `pending ${reason}`),
    ...findAll(everySql(), /breaker_reason in \(([^)]*)\)/g)
      .flatMap((list) => findAll(list, /'([a-z_]+)'/g))
      .filter((reason) => reason !== "token_refused")
      .map((reason) => `pending ${reason}`),
    ...problems.map((reason) => `unmapped ${reason}`),
  ];
}

function excerpt(text: string, from: string, to: string): string {
  const start = text.indexOf(from);
  if (start < 0) throw new Error(`the text lacks "${from}"`);
  return text.slice(start, text.indexOf(to, start));
}

test("every condition and reason that the views can show has a row", () => {
  const found = [...new Set([...pairsInViews(), ...pairsFromElsewhere()])].sort();
  expect(found.length).toBeGreaterThan(35);
  expect(found.filter((pair) => !documentedPairs().includes(pair))).toEqual([]);
});

test("every row of conditions is one that the views can show", () => {
  const found = new Set([...pairsInViews(), ...pairsFromElsewhere()]);
  expect(documentedPairs().filter((pair) => !found.has(pair))).toEqual([]);
});

test("every row of conditions has words for people, and nothing else has", () => {
  expect(pairsWithWords().sort()).toEqual(documentedPairs().sort());
});

test("no two rows speak of the same condition and reason", () => {
  expect(documentedPairs().filter((pair, index, all) => all.indexOf(pair) !== index)).toEqual([]);
});

test("every reason of an operation has a row", () => {
  const readings = findAll(
    sql("next_reading"),
    /'([a-z_]+)'(?: as reason)?, (?:syncs\.id|\(select active|null)/g,
  );
  const removals = findAll(
    excerpt(sql("plan_element"), "unwanted as", "removable as"),
    /(?:then|else) '([a-z_]+)'/g,
  );
  const adds = findAll(
    sql("plan_element"),
    /persons\.action = 'add'(?: and persons\.was_deleted)? then '([a-z_]+)'/g,
  );
  const rows = tableRows(PAGE).map((cells) => cells.slice(0, 2).flatMap(codeWords).join(" "));
  const found = [
    ...readings.map((reason) => `observe ${reason}`),
    ...removals.map((reason) => `remove ${reason}`),
    ...adds.map((reason) => `add ${reason}`),
  ];
  expect(readings.length).toBeGreaterThanOrEqual(8);
  expect(removals.length).toBe(4);
  expect(adds.length).toBe(2);
  expect(found.filter((row) => !rows.includes(row))).toEqual([]);
  expect(rows.filter((row) => /^(observe|add|remove|set_role) /.test(row) && !found.includes(row))).toEqual(
    [],
  );
});

test("every doubt and every outcome of a call is named", () => {
  const outcomes = read("src/flex-outcome.ts");
  const doubts = findAll(excerpt(outcomes, "export type DoubtReason", ";"), /"([a-z_]+)"/g);
  const doubtsInSql = [
    ...findAll(sql("record_failure"), /doubt_element\(([^;]*);/g).flatMap((call) =>
      findAll(call, /'([a-z_]+)'/g),
    ),
    ...findAll(sql("doubt_of_lines"), /'([a-z_]+): /g),
  ];
  const classes = findAll(excerpt(sql("record_failure"), "v_outcome not in (", ")"), /'([a-z_]+)'/g);
  expect(doubts.length).toBeGreaterThan(5);
  expect(classes.length).toBeGreaterThan(5);
  expect(doubtsInSql.length).toBeGreaterThanOrEqual(7);
  expect(
    [...doubts, ...doubtsInSql, ...classes, "done"].filter((word) => !documentedWords().includes(word)),
  ).toEqual([]);
});

test("the classes of outcome stand in the table of states, too", () => {
  const words = codeWords(section("docs/states.md", "## Classes of outcome of one HTTP attempt"));
  const classes = findAll(excerpt(sql("record_failure"), "v_outcome not in (", ")"), /'([a-z_]+)'/g);
  expect([...classes, "done"].filter((word) => !words.includes(word))).toEqual([]);
});

test("every state of an operation has its sentence", () => {
  const states = findAll(everySql(), /check \(state in \(([^)]*)\)\)/g).flatMap((list) =>
    findAll(list, /'([a-z_]+)'/g),
  );
  const page = section("docs/states.md", "## An operation");
  expect(states.length).toBe(7);
  expect(states.filter((state) => !page.includes(`- **${state}**:`))).toEqual([]);
});

test("every step of the plan has its row, in the order of the plan", () => {
  const steps = [...sql("plan_element").matchAll(/^ {2}([a-z_]+) as materialized \(/gm)].map(
    ([, step]) => step,
  );
  const rows = section("docs/planning.md", "## Step by step")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => codeWords(line.split("|")[1] ?? ""));
  expect(steps.length).toBeGreaterThan(20);
  expect(rows).toEqual(steps);
});
