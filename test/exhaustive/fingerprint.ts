import { createHash } from "node:crypto";
import type { Row } from "../postgres/snapshots.ts";
import { Names } from "./names.ts";
import { microseconds, SECOND, SETTINGS, type State } from "./state.ts";

/**
 * Equal for states from which the same can happen. Ids become their rank; times become their rank and, to a tenth of a
 * second, how far they are from now; what nobody decides by any more is left out. That nothing is merged that differs is
 * checked while exploring: of some merged states the successors are compared.
 */
export function fingerprint(state: State): string {
  return createHash("sha1").update(canonical(state)).digest("base64");
}

export function canonical(state: State): string {
  const { rows, now, flex, drainers, left } = state;
  const names = new Names(now);
  const { time, line } = names;
  const table = (name: string) => rows[name] ?? [];
  const element = table("flex_sync.elements")[0];
  const outbox = table("flex_sync.outbox");
  const open = outbox.filter(
    (row) => ["pending", "sending", "unknown", "held"].includes(String(row.state)) || isFailed(row),
  );
  const calls = relevantCalls(table("flex_sync.calls"), outbox);
  const missing = table("flex_sync.missing_lines");
  const stale = table("flex_sync.lines").some((row) => row.stale_at !== null);
  const operations = new Set([
    ...open.map((row) => String(row.id)),
    ...calls.map((row) => String(row.operation_id)),
    ...drainers.flatMap((held) => (held ? [held.operation] : [])),
  ]);
  const operation = (id: unknown) => (operations.has(String(id)) ? names.id("operation", id) : id && "over");
  const unfinished = table("flex_sync.syncs").filter((row) => row.finished_at === null);
  const sync = (id: unknown) =>
    unfinished.some((row) => row.id === id) ? names.id("sync", id) : id && "finished";
  const past = (at: unknown, seconds: number) => at !== null && microseconds(at) + seconds * SECOND <= now;

  return names.write({
    element: element && [
      time(element.reading_at),
      after(element.reading_wanted_at, element.reading_at) && time(element.reading_wanted_at),
      missing.length > 0 && time(element.identity_checked_at),
      element.doubt_reason,
      element.blocked_reason,
      time(element.blocked_at),
    ],
    health: table("flex_sync.element_health").map((row) => [
      row.failures,
      Number(row.failures) > 0 && time(row.last_failure_at),
      !past(row.backoff_until, 0) && time(row.backoff_until),
      !past(row.careful_until, 0) && time(row.careful_until),
    ]),
    lines: table("flex_sync.lines").map((row) => [
      line(row.flex_line_item_id),
      row.present,
      row.flex_resource_id !== null,
      time(row.first_seen_at),
      stale && time(row.last_seen_at),
      time(row.added_at),
      time(row.removed_at),
      time(row.stale_at),
    ]),
    missing: missing.map((row) => [
      line(row.flex_line_item_id),
      time(row.missing_since),
      past(row.missing_since, SETTINGS.confirmAfter),
    ]),
    ledger: table("flex_sync.ledger").map((row) => [
      line(row.flex_line_item_id),
      operation(row.operation_id),
      row.gone_at !== null,
    ]),
    syncs: unfinished.map((row) => [
      names.id("sync", row.id),
      time(row.requested_at),
      time(row.reading_at),
      past(row.requested_at, 10),
    ]),
    finished: unfinished.length < table("flex_sync.syncs").length,
    operations: open.map((row) => [
      names.id("operation", row.id),
      sync(row.sync_id),
      row.kind,
      row.state,
      row.reason,
      row.attempts,
      row.priority,
      row.retries,
      row.brake,
      row.limited,
      row.superseded_at !== null,
      row.crew_call_id !== null,
      JSON.stringify(row.persons).length,
      operation(row.after_operation_id),
      line(row.flex_line_item_id),
      ...timesOf(row, names, past),
    ]),
    addedAgain: outbox.filter((row) => row.kind === "add" && row.state === "done" && row.reason === "stale")
      .length,
    calls: calls.map((row) => [
      names.id("call", row.number),
      row.kind,
      operation(row.operation_id),
      row.outcome,
      line(row.flex_line_item_id),
      time(row.reading_at),
      time(row.absent_at),
      row.late_checked_at !== null,
      past(row.absent_at, SETTINGS.lateLanding),
    ]),
    tenant: table("flex_sync.tenant").map((row) => [
      row.breaker_reason,
      row.careful_successes,
      row.failures,
      Number(row.failures) > 0 && time(row.last_failure_at),
    ]),
    notes: [
      ...new Set(table("flex_sync.due_elements").map((row) => `${row.wants_reading} ${row.requests_sync}`)),
    ].toSorted(),
    blocks: [table("flex_sync.crew_call_blocks").length, table("flex_sync.removal_decisions").length],
    recorded: table("public.flex_crew_assignments").map((row) => line(row.flex_line_item_id)),
    flex: flex.lines.map(({ id }) => line(id)),
    transit: flex.transit.map((write) => [write.kind, line(write.line), ...names.moment(write.landsBefore)]),
    drainers: drainers.map((held) => {
      if (!held) return "idle";
      const row = outbox.find(({ id }) => String(id) === held.operation);
      return [
        held.kind,
        held.phase,
        operation(held.operation),
        row?.state === "sending" && row.token === held.token,
        held.phase === "acted" && line(held.line),
        held.lines.map(({ id }) => line(id)),
        held.kind !== "observe" && [...names.moment(held.deadline), ...names.moment(held.landsBefore)],
      ];
    }),
    left,
    ghosts: [state.desired, state.unasked, state.explained, state.wasOff],
  });
}

const isFailed = (row: Row) => row.state === "failed" && row.superseded_at === null;

const after = (at: unknown, other: unknown) =>
  at !== null && (other === null || microseconds(at) >= microseconds(other));

/** What an open operation waits for or is judged by, in its state. */
function timesOf(row: Row, { time }: Names, past: (at: unknown, seconds: number) => boolean): unknown[] {
  switch (row.state) {
    case "pending":
      return row.kind === "observe"
        ? [time(row.due_at)]
        : [time(row.due_at), time(row.reading_at), past(row.reading_at, SETTINGS.maxReadingAge)];
    case "sending":
      return [time(row.sent_at), time(row.deadline), time(row.lease_until), row.reading_at !== null];
    case "unknown":
      return [
        time(row.sent_at),
        time(row.unknown_at),
        time(row.deadline),
        past(row.deadline, SETTINGS.lateLanding),
        row.http_status,
      ];
    default:
      return [time(row.finished_at)];
  }
}

/** Calls that later readings are still compared with. */
function relevantCalls(calls: Row[], outbox: Row[]): Row[] {
  const unaccounted = calls.filter((row) => row.outcome === "unknown" && row.flex_line_item_id === null);
  const attempts = new Set(unaccounted.map((row) => row.operation_id));
  const sending = new Set(outbox.filter((row) => row.state === "sending").map((row) => row.call_number));
  return calls.filter(
    (row) =>
      (row.kind === "add" && (unaccounted.includes(row) || attempts.has(row.operation_id))) ||
      (row.outcome === "unknown" && row.late_checked_at === null) ||
      sending.has(row.number),
  );
}
