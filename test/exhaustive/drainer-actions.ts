import { type Action, takeEffect } from "./actions.ts";
import type { Answer, Statement } from "./database.ts";
import { isDone } from "./moments.ts";
import { type Held, type Line, microseconds, RESOURCE, SECOND, SETTINGS, type State } from "./state.ts";

/** What the drainers can do, one operation at a time each. They are alike, so the first idle one claims. */
export function drainerActions(state: State): Action[] {
  const held = state.drainers.flatMap((one, index) => (one ? holding(state, one, index) : []));
  const idle = state.drainers.indexOf(null);
  const due = (state.rows["flex_sync.outbox"] ?? []).some(
    (row) => row.state === "pending" && row.after_operation_id === null && isDone(row.due_at, state.now),
  );
  return idle === -1 || !due ? held : [...held, claims(idle)];
}

function claims(index: number): Action {
  return {
    name: `drainer ${index + 1} claims`,
    group: "work",
    statements: [
      (sql) => sql`select id, token, kind, flex_line_item_id, to_jsonb(lease_until) as lease_until
        from flex_sync.claim_operations('drainer', 1, ${`${SETTINGS.deadline} s`}::interval)`,
    ],
    effect(next, [claimed]) {
      const row = claimed?.[0];
      if (!row) return;
      const deadline = microseconds(row.lease_until) - (SETTINGS.lease - SETTINGS.deadline) * SECOND;
      next.drainers[index] = {
        operation: String(row.id),
        token: String(row.token),
        kind: row.kind as Held["kind"],
        line: row.flex_line_item_id as string | null,
        deadline,
        landsBefore: deadline + SETTINGS.lateLanding * SECOND,
        phase: "claimed",
        lines: [],
      };
    },
  };
}

function holding(state: State, held: Held, index: number): Action[] {
  const who = `drainer ${index + 1}`;
  const { now, left } = state;
  const actions: Action[] = [];
  const add = (action: Action) => actions.push(action);
  const lets = (next: State) => {
    next.drainers[index] = null;
  };
  const what = held.kind === "observe" ? "a reading" : `its ${held.kind}`;

  if (held.phase === "acted")
    add({
      group: "work",
      name: `${who} records ${what}`,
      statements: [record(held)],
      effect: recorded(index),
    });
  if (held.phase === "identity")
    add({
      group: "work",
      name: `${who} asks whether the element exists`,
      statements: identity(held),
      effect: lets,
    });
  if (held.phase === "claimed" && held.kind === "observe") {
    add({ group: "work", name: `Flex answers the reading of ${who}`, effect: (next) => answer(next, index) });
  }
  if (held.phase === "claimed" && held.kind !== "observe") {
    if (now <= held.landsBefore)
      add({
        group: "work",
        name: `Flex does the ${held.kind} of ${who}`,
        effect: (next) => answer(next, index),
      });
    if (now > held.deadline)
      add({
        group: "work",
        name: `${who} is too late to send`,
        statements: [failure(held, "lease_over")],
        effect: lets,
      });
  }
  if (left.lostAnswers > 0 && held.phase !== "identity") {
    add({
      name: `the answer to ${what} of ${who} is lost`,
      group: "mishap",
      statements: [failure(held, "unknown")],
      effect(next) {
        next.left.lostAnswers -= 1;
        giveUp(next, index);
      },
    });
  }
  if (left.deaths > 0) {
    add({
      name: `${who} dies with ${what}`,
      group: "mishap",
      effect(next) {
        next.left.deaths -= 1;
        giveUp(next, index);
      },
    });
  }
  return actions;
}

/** Flex does what it was asked, and its answer is on the way. */
function answer(next: State, index: number): void {
  const held = next.drainers[index] as Held;
  held.phase = "acted";
  if (held.kind === "observe") held.lines = next.flex.lines.map((line) => ({ ...line }));
  else held.line = takeEffect(next, held);
}

/** Nobody waits any more; what Flex has not done yet it may still do. */
function giveUp(next: State, index: number): void {
  const held = next.drainers[index] as Held;
  next.drainers[index] = null;
  if (held.kind === "observe" || held.phase !== "claimed") return;
  next.flex.transit.push({ kind: held.kind, line: held.line, landsBefore: held.landsBefore });
}

function recorded(index: number) {
  return (next: State, [result]: Answer[]) => {
    const held = next.drainers[index] as Held;
    if (result?.[0]?.result === "identity_needed") held.phase = "identity";
    else next.drainers[index] = null;
  };
}

const failure =
  ({ operation, token }: Held, outcome: string): Statement =>
  (sql) =>
    sql`select flex_sync.record_failure(${operation}, ${token}, ${outcome}, null, ${outcome}) as result`;

function record(held: Held): Statement {
  const { operation, token, kind, line } = held;
  if (kind === "add")
    return (sql) => sql`select flex_sync.record_add(${operation}, ${token}, ${line}) as result`;
  if (kind === "remove")
    return (sql) => sql`select flex_sync.record_remove(${operation}, ${token}) as result`;
  return observation(held, null);
}

function identity(held: Held): Statement[] {
  return [
    (sql) =>
      sql`select flex_sync.claim_call('drainer', 'identity', ${`${SETTINGS.deadline} s`}::interval, ${held.operation})`,
    observation(held, "present"),
  ];
}

const observation =
  ({ operation, token, lines }: Held, present: string | null): Statement =>
  (sql) =>
    sql`select flex_sync.record_observation(${operation}, ${token}, ${sql.json(lines.map(shown) as never)}, ${present}) as result`;

const shown = ({ id }: Line) => ({
  flex_line_item_id: id,
  flex_resource_id: RESOURCE,
  is_contact: true,
  parent_line_item_id: null,
  flex_role_id: null,
  shows_role: false,
  name: null,
});
