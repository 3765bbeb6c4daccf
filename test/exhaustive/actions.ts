import type { Answer, Statement } from "./database.ts";
import { drainerActions } from "./drainer-actions.ts";
import { isDone, nextTimes } from "./moments.ts";
import { CREW_CALL, JOB, lineId, PERSON, type State } from "./state.ts";

/** One thing that can happen. `effect` says what it does to Flex, the drainers and what is left; the SQL does the rest. */
export interface Action {
  name: string;
  /** What the database is asked, each statement a transaction of its own. */
  statements?: Statement[];
  effect(next: State, results: Answer[]): void;
  /**
   * `work` is what drainers do whenever they can; `time` passes when there is none; `ask` is a request; a `mishap` is what
   * nobody plans for, at the cost of one of what is left; a `stall` is time that passes although there is work.
   */
  group: "work" | "time" | "ask" | "close" | "mishap" | "stall";
}

/** Everything that can happen in a state, in the order in which it would happen if all went well. */
export function actionsOf(state: State): Action[] {
  return [
    ...drainerActions(state),
    ...tick(state),
    ...timePasses(state),
    ...requests(state),
    ...mishaps(state),
  ];
}

const ask: Statement = (sql) => sql`select sync_crew_call(${CREW_CALL}) as answer`;

function tick({ rows, now }: State): Action[] {
  const notes = rows["flex_sync.due_elements"] ?? [];
  const waits = (rows["flex_sync.outbox"] ?? []).some(
    (row) =>
      (row.state === "sending" && isDone(row.lease_until, now)) ||
      (row.state === "pending" && row.kind !== "observe" && row.reading_at !== null),
  );
  if (notes.length === 0 && !waits) return [];
  return [
    { name: "tick", group: "work", statements: [(sql) => sql`select flex_sync.tick()`], effect: () => {} },
  ];
}

function requests({ left, unasked }: State): Action[] {
  if (left.requests > 0) {
    const effect = (next: State) => {
      next.left.requests -= 1;
      next.unasked = false;
    };
    return [{ name: "request", group: "ask", statements: [ask], effect }];
  }
  // What changed after the last request is nobody's business before another one.
  const effect = (next: State) => {
    next.unasked = false;
  };
  return unasked ? [{ name: "closing request", group: "close", statements: [ask], effect }] : [];
}

function mishaps(state: State): Action[] {
  const { left, flex, now, desired } = state;
  const actions: Action[] = [];
  flex.transit.forEach((write, index) => {
    const overdue = now > write.landsBefore;
    if (overdue && left.overdue === 0) return;
    actions.push({
      name: `${write.kind} lands late${overdue ? ", long after it was given up" : ""}`,
      group: "mishap",
      effect(next) {
        next.flex.transit.splice(index, 1);
        if (overdue) {
          next.left.overdue -= 1;
          next.explained += Number(write.kind === "add");
          next.unasked = true;
        }
        takeEffect(next, write);
      },
    });
  });
  if (left.deletions > 0 && flex.lines.length > 0) {
    actions.push({
      name: "somebody deletes the line in Flex",
      group: "mishap",
      effect(next) {
        next.left.deletions -= 1;
        next.flex.lines.shift();
        next.unasked = true;
      },
    });
  }
  if (desired ? left.removals > 0 : left.returns > 0) {
    const statement: Statement = desired
      ? (sql) => sql`delete from job_assignments`
      : (sql) =>
          sql`insert into job_assignments (job_id, technician_id, sound_role) values (${JOB}, ${PERSON}, 'FOH')`;
    actions.push({
      name: `the person is ${desired ? "taken off" : "put back on"} the job`,
      group: "mishap",
      statements: [statement],
      effect(next) {
        next.left[desired ? "removals" : "returns"] -= 1;
        next.desired = !desired;
        next.wasOff = true;
        next.unasked = true;
      },
    });
  }
  return actions;
}

/** A write takes effect in Flex. */
export function takeEffect({ flex }: State, write: { kind: string; line: string | null }): string | null {
  if (write.kind === "remove") {
    flex.lines = flex.lines.filter((line) => line.id !== write.line);
    return write.line;
  }
  flex.made += 1;
  const id = lineId(flex.made);
  flex.lines.push({ id });
  return id;
}

function timePasses(state: State): Action[] {
  const times = nextTimes(state);
  const [first] = times;
  const quiet: Action[] =
    first === undefined
      ? []
      : [
          {
            name: `time passes until ${first.what}`,
            group: "time",
            effect: (next) => moveTo(next, first.at),
          },
        ];
  if (state.left.stalls === 0) return quiet;
  const stalls = times.map<Action>(({ at, what }) => ({
    name: `everybody stalls until ${what}`,
    group: "stall",
    effect(next: State) {
      next.left.stalls -= 1;
      moveTo(next, at);
    },
  }));
  return [...quiet, ...stalls];
}

function moveTo(next: State, at: number): void {
  next.now = Math.max(next.now, at);
}
