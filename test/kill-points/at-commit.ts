import type { Sql } from "postgres";
import { vi } from "vitest";
import type { Kind } from "./points.ts";

/** A call that was committed, and when its transaction was about to be. */
export type CommittedCall = {
  number: number;
  kind: Kind;
  flex_element_id: string | null;
  flex_resource_id: string | null;
  flex_line_item_id: string | null;
  /** Milliseconds since 1970, by the machine's clock, which is also the simulator's. */
  at: number;
};

/** The key of the advisory lock at which a transaction is held. */
const KEY = 7_2026;

/**
 * Look at every transaction of the drainers at its very end, when it has written everything and committed nothing: by
 * a constraint trigger that fires at the commit. It notes when each call's row was committed, and can hold one.
 */
export async function watchCommits(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create schema kill_points;
    create table kill_points.committed (
      number bigint, kind text, flex_element_id text, flex_resource_id text, flex_line_item_id text, at float8);
    create table kill_points.held (moment text, kind text);
    create sequence kill_points.turn;
    create function kill_points.at_commit() returns trigger language plpgsql security definer as $$
    declare
      v_kind text := case when new.kind = 'user' and new.operation_id is null then 'probe' else new.kind end;
    begin
      if tg_op = 'INSERT' then
        insert into kill_points.committed values (new.number, v_kind, new.flex_element_id, new.flex_resource_id,
          new.flex_line_item_id, floor(extract(epoch from clock_timestamp()) * 1000));
      end if;
      perform from kill_points.held
      where held.moment = case tg_op when 'INSERT' then 'claim' else 'record' end
        and held.kind in (v_kind, 'tick');
      if found and nextval('kill_points.turn') = 1 then
        perform pg_advisory_xact_lock(${KEY});
      end if;
      return null;
    end $$;
    create constraint trigger at_commit after insert or update of answered_at on flex_sync.calls
    deferrable initially deferred for each row execute function kill_points.at_commit();`);
}

export type Hold = {
  /** When a transaction is held: the process id of its connection. */
  held: Promise<number>;
  /** End its connection: it is rolled back. */
  rollBack(): Promise<void>;
  /** Let it commit, and wait until it has. */
  commit(): Promise<void>;
  /** Nobody is held from now on. */
  end(): Promise<void>;
};

/** Hold the first transaction that claims a call of this kind, or records what became of one. */
export async function holdAtCommit(sql: Sql, moment: "claim" | "record", kind: Kind): Promise<Hold> {
  await sql`insert into kill_points.held values (${moment}, ${kind})`;
  const holder = await sql.reserve();
  await holder`select pg_advisory_lock(${KEY})`;
  let given = false;
  const give = async () => {
    if (given) return;
    given = true;
    await holder`select pg_advisory_unlock(${KEY})`;
    holder.release();
  };
  let over = false;
  let pid = 0;
  const waiting = async () => {
    const [row] = await sql<{ pid: number }[]>`
      select pid from pg_locks
      where locktype = 'advisory' and objid = ${KEY} and not granted
        and database = (select oid from pg_database where datname = current_database())`;
    pid = row?.pid ?? 0;
    return pid > 0 || over;
  };
  const held = vi.waitUntil(waiting, { timeout: 60_000, interval: 5 }).then(() => pid);
  held.catch(() => {});
  const gone = async () => {
    const [row] = await sql`select from pg_stat_activity where pid = ${pid} and state = 'active'`;
    return row === undefined;
  };
  return {
    held,
    async rollBack() {
      await sql`select pg_terminate_backend(${pid})`;
      await vi.waitUntil(gone, { timeout: 60_000, interval: 5 });
      await give();
    },
    async commit() {
      await give();
      await vi.waitUntil(gone, { timeout: 60_000, interval: 5 });
    },
    async end() {
      over = true;
      await held.catch(() => {});
      await give();
    },
  };
}

export async function committedCalls(sql: Sql): Promise<CommittedCall[]> {
  return sql<CommittedCall[]>`
    select number::int, kind, flex_element_id, flex_resource_id, flex_line_item_id, at
    from kill_points.committed order by number`;
}
