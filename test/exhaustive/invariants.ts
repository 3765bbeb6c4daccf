import type { Row } from "../postgres/snapshots.ts";
import type { Action } from "./actions.ts";
import type { State } from "./state.ts";

const OPEN = ["pending", "sending", "unknown"];

/** What must hold in every state, in words; nothing when all does. */
export function wrongIn({ rows, flex, explained }: State): string[] {
  const wrong: string[] = [];
  const outbox = rows["flex_sync.outbox"] ?? [];
  if (flex.lines.length > 1 + explained) wrong.push(`the person is in Flex ${flex.lines.length} times`);
  const adds = outbox.filter((row) => row.kind === "add" && OPEN.includes(String(row.state)));
  if (adds.length > 1) wrong.push(`${adds.length} adds of one resource are open`);
  const syncs = (rows["flex_sync.syncs"] ?? []).filter((row) => row.finished_at === null);
  const waiting = syncs.filter((row) => row.reading_at === null);
  if (syncs.length > 2 || waiting.length > 1)
    wrong.push(`${syncs.length} syncs are open, ${waiting.length} of them without a reading`);
  if ((rows["public.flex_crew_assignments"] ?? []).length > 1) wrong.push("the person is recorded twice");
  return wrong;
}

/** What no action may do, in words. */
export function wrongStep(before: State, action: Action, after: State, answers: unknown[]): string[] {
  const wrong: string[] = [];
  const claimed = after.drainers.find((held, index) => held && !before.drainers[index]);
  if (claimed?.kind === "add") {
    const onItsWay = [
      ...before.flex.transit.filter((write) => write.kind === "add" && before.now <= write.landsBefore),
      ...before.drainers.filter(
        (held) => held?.kind === "add" && held.phase === "claimed" && before.now <= held.deadline,
      ),
    ];
    if (onItsWay.length > 0) wrong.push("an add is sent while an earlier one may still take effect");
  }
  if (
    before.flex.lines.length > 0 &&
    after.flex.lines.length === 0 &&
    !before.wasOff &&
    action.group === "work"
  )
    wrong.push("the only line of somebody desired is removed");
  wrong.push(...fence(before, action, after, answers));
  return wrong;
}

/** Whoever lost a claim changes nothing but the ledger, and asks for a look. */
function fence(before: State, action: Action, after: State, answers: unknown[]): string[] {
  const index = before.drainers.findIndex((held, at) => held && !after.drainers[at]);
  const held = before.drainers[index];
  if (!held || !action.statements) return [];
  const row = find(before, held.operation);
  const holds = row?.state === "sending" && row.token === held.token;
  const fenced = answers.includes("fenced");
  if (holds === fenced)
    return [`a drainer that ${holds ? "holds" : "lost"} its claim ${fenced ? "is" : "is not"} fenced`];
  if (holds) return [];
  return Object.keys(after.rows)
    .filter((table) => !["flex_sync.ledger", "flex_sync.due_elements", "flex_sync.calls"].includes(table))
    .filter((table) => JSON.stringify(before.rows[table]) !== JSON.stringify(after.rows[table]))
    .map((table) => `a drainer that lost its claim changed ${table}`);
}

const find = ({ rows }: State, id: string): Row | undefined =>
  (rows["flex_sync.outbox"] ?? []).find((row) => String(row.id) === id);

/** What is not exactly right once everything has come to rest. */
export function wrongAtRest(state: State, condition: string): string[] {
  const { rows, flex, desired } = state;
  const wrong: string[] = [];
  const lines = flex.lines.map(({ id }) => id);
  const recorded = (rows["public.flex_crew_assignments"] ?? []).map((row) => row.flex_line_item_id);
  if (lines.length !== Number(desired))
    wrong.push(`${lines.length} lines in Flex, wanted ${Number(desired)}`);
  if (lines.join() !== recorded.join()) wrong.push(`recorded is ${recorded}, in Flex is ${lines}`);
  const open = (rows["flex_sync.outbox"] ?? []).filter(({ state: is }) =>
    ["pending", "sending", "unknown", "held"].includes(String(is)),
  );
  for (const row of open) wrong.push(`${row.kind} is still ${row.state}`);
  const syncs = (rows["flex_sync.syncs"] ?? []).filter((row) => row.finished_at === null);
  if (syncs.length > 0) wrong.push(`${syncs.length} syncs never finished`);
  if (condition !== "synced") wrong.push(`the crew call is ${condition}`);
  return wrong;
}
