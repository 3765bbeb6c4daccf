import type { ClaimedOperation, Query } from "../../src/drainer/queue.ts";
import type { Kind } from "./points.ts";
import type { Reached } from "./reached.ts";

/** Queries of a drainer, each known by the function that it calls; before and after it are points. */
export function watchQuery(query: Query, reached: Reached): Query {
  /** What the operations and the further calls that were claimed are for. */
  const operations = new Map<string, Kind>();
  const calls = new Map<string, Kind>();

  async function claimed(ask: () => PromiseLike<readonly object[]>, kind: Kind): Promise<readonly object[]> {
    await reached("before the claim", kind);
    const rows = await ask();
    const [row] = rows as { value: string | null }[];
    if (row?.value == null) return rows;
    calls.set(row.value, kind);
    await reached("after the claim", kind);
    return rows;
  }

  async function recorded(ask: () => PromiseLike<readonly object[]>, kind: Kind): Promise<readonly object[]> {
    await reached("before the record", kind);
    const rows = await ask();
    await reached("after the record", kind);
    return rows;
  }

  return async (text, ...values) => {
    const ask = () => query(text, ...values);
    const name = /flex_sync\.(\w+)\(/.exec(text.join(""))?.[1] ?? "";
    switch (name) {
      case "claim_operations": {
        for (const kind of await dueKinds(query)) await reached("before the claim", kind);
        const rows = (await ask()) as readonly ClaimedOperation[];
        for (const { id, kind } of rows) operations.set(id, kind);
        for (const { kind } of rows) await reached("after the claim", kind);
        return rows;
      }
      case "claim_call":
        return claimed(ask, values[1] as "identity" | "user");
      case "claim_probe":
        return claimed(ask, "probe");
      case "tick":
        return recorded(ask, "tick");
      case "close_call":
      case "record_probe":
        return recorded(ask, calls.get(String(values[0])) as Kind);
      case "record_done": {
        const done = JSON.parse(String(values[0])) as { id: string }[];
        const kinds = done.map(({ id }) => operations.get(id) as Kind);
        for (const kind of kinds) await reached("before the record", kind);
        const rows = await ask();
        for (const kind of kinds) await reached("after the record", kind);
        return rows;
      }
      case "record_observation":
      case "record_add":
      case "record_set_role":
      case "record_remove":
      case "record_failure":
        return recorded(ask, operations.get(String(values[0])) as Kind);
      default:
        return ask();
    }
  };
}

/** What the claim that follows can take. */
async function dueKinds(query: Query): Promise<Kind[]> {
  const rows = await query`
    select distinct outbox.kind
    from flex_sync.outbox, flex_sync.tenant
    where outbox.state = 'pending'
      and outbox.after_operation_id is null
      and outbox.due_at <= flex_sync.clock()
      and (outbox.kind = 'observe' or outbox.reading_at is not null)
      and tenant.breaker_opened_at is null`;
  return (rows as { kind: Kind }[]).map(({ kind }) => kind);
}
