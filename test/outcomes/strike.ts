import { as, assign, ben, unassign } from "../crew-call.ts";
import { crewInFlex, drainToTheEnd, type Stage, type StagedCall, type Stepper } from "../drainer/stage.ts";
import { callerThatSees } from "./caller-that-sees.ts";
import type { Effect, Follows } from "./follows.ts";
import type { How } from "./seen.ts";
import type { RouteName } from "./table.ts";

export const ROLE = "2916b300-c515-11ea-a087-2a0a4490a7fb";

/** What one cell of the table came to. */
export type Outcome = Required<Follows> & {
  /** What `flex_sync.calls` says about the call that was struck. */
  outcome: string;
  /** Whether it has the status that Flex sent, and an error where it was not done, without the token. */
  told: string;
  /** How many of its sends count as attempts, for a write. */
  attempts: number;
  /** After one more request: `synced`, with Flex and the host's rows exactly right. */
  asked: string;
};

type Flow = { call: StagedCall; wanted: string[]; roles: (string | null)[] };

const IN_FLEX = {
  add: "add",
  set_role: "role",
  remove: "remove",
  list: "list",
  identity: "identity",
  user: "user",
} as const;
const WRITES = ["add", "role", "remove"];

/** Bring a crew call to where the next request makes this call, let it see what `how` says, and watch to the end. */
export async function strike(
  stage: Stage,
  plain: Stepper,
  { route, how, effect }: { route: RouteName; how: How; effect: Effect },
): Promise<Outcome> {
  const { flex } = stage;
  const flow = await prepare(stage, plain, route);
  const { call } = flow;
  const drainer = await drainerThatSees(stage, plain, route, how);
  if (route === "user") {
    flex.fault({ route: "add", element: call.element, do: { kind: "unauthorized" } });
  }
  if (how.in === "flex") {
    const fault = how.fault(effect === "landed" ? "after" : "before");
    flex.fault({ route: IN_FLEX[route], do: fault });
  }
  if (how.in === "token") {
    flex.fault({ route: IN_FLEX[route], do: { kind: "unauthorized" } });
    if (route !== "user") flex.fault({ route: "user", do: { kind: "unauthorized" } });
  }
  flex.clearCalls();
  await stage.syncAndDrain(call, drainer);
  const struck = await struckCall(stage, route, call);
  const says = await conditionOf(stage, flow);
  const writesAtRest = flex.calls.filter((made) => WRITES.includes(made.route)).length;
  flex.clearFaults();

  await drainToTheEnd(stage, drainer);
  const { path, attempts } = await endOf(stage, struck.operation_id);
  const ends = await conditionOf(stage, flow);
  const sent = flex.calls.filter((made) => made.route === IN_FLEX[route === "user" ? "add" : route]);
  const sends = route === "list" || route === "identity" ? writesAtRest : sent.length;
  const { outcome, told } = struck;
  const asked = await askOnceMore(stage, plain, flow);
  return { outcome, told, path, attempts, says, sends, ends, asked };
}

async function drainerThatSees(stage: Stage, plain: Stepper, route: RouteName, how: How): Promise<Stepper> {
  const silent = "silent" in how && how.silent === true;
  if (how.in !== "elsewhere" && !silent) return plain;
  const timeoutMs = silent ? 700 : 10_000;
  return stage.drainer({ timeoutMs, caller: await callerThatSees(stage, IN_FLEX[route], how, timeoutMs) });
}

async function prepare(stage: Stage, plain: Stepper, route: RouteName): Promise<Flow> {
  const { sql, flex } = stage;
  const call = await stage.makeCrewCall([ben]);
  const flow = { call, wanted: [ben.resource as string], roles: [null] };
  if (route === "add" || route === "list" || route === "user") return flow;
  await stage.syncAndDrain(call, plain);
  if (route === "set_role") {
    await assign(sql, call, [as(ben, "SND-FOH-R")]);
    return { ...flow, roles: [ROLE] };
  }
  if (route === "remove") {
    await unassign(sql, call, [ben]);
    return { call, wanted: [], roles: [] };
  }
  for (const { id } of flex.contactLinesOf(call.element)) flex.humanDeletes(id);
  return flow;
}

type Struck = { operation_id: string; outcome: string; told: string };

async function struckCall({ sql, flex }: Stage, route: RouteName, call: StagedCall): Promise<Struck> {
  const kind = route === "list" ? "observe" : route;
  const [row] = await sql`
    select operation_id::text, outcome, http_status, error from flex_sync.calls
    where kind = ${kind} and flex_element_id = ${call.element}
    order by number desc limit 1`;
  const seen = flex.calls.find((made) => made.route === IN_FLEX[route]);
  const status = seen?.status ?? null;
  const wrong = [
    row?.http_status !== status && `status ${row?.http_status} instead of ${status}`,
    (row?.error === null) !== (row?.outcome === "done") && `error ${row?.error}`,
    row?.error?.includes(flex.token) && "the token",
  ].filter(Boolean);
  return { operation_id: row?.operation_id, outcome: row?.outcome, told: wrong.join(", ") };
}

async function askOnceMore(stage: Stage, plain: Stepper, flow: Flow): Promise<string> {
  await stage.syncAndDrain(flow.call, plain);
  await drainToTheEnd(stage, plain);
  return conditionOf(stage, flow);
}

type End = { path: string; attempts: number };

async function endOf({ sql }: Stage, operationId: string): Promise<End> {
  const [row] = await sql<End[]>`
    select string_agg(history.state, ' ' order by number) filter (where number > first) as path,
      case when kind = 'observe' then 0 else attempts end as attempts
    from flex_sync.outbox
    join history on operation_id = id
    cross join lateral (select min(number) as first from history where operation_id = id) as begin
    where id = ${operationId}
    group by id`;
  if (!row) throw new Error("no operation was struck");
  return row;
}

/** Condition and reason; where it says `synced`, Flex and the host's rows have to be exactly right. */
async function conditionOf(stage: Stage, { call, wanted, roles }: Flow): Promise<string> {
  const { condition, reason } = await stage.conditionOf(call);
  if (condition !== "synced") return `${condition} ${reason}`;
  const lines = stage.flex.contactLinesOf(call.element);
  const recorded = Object.values(await stage.recorded(call));
  const exact =
    JSON.stringify(crewInFlex(stage, call)) === JSON.stringify(wanted) &&
    JSON.stringify(lines.map(({ id }) => id)) === JSON.stringify(recorded) &&
    JSON.stringify(lines.map(({ roleId }) => roleId)) === JSON.stringify(roles);
  return exact ? "synced" : "synced, although Flex differs";
}

/** A stage that writes down every state of every operation. */
export async function keepHistory({ sql }: Stage): Promise<void> {
  await sql.unsafe(`
    create table history (number bigint generated always as identity, operation_id bigint, state text);
    create function keep_history() returns trigger language plpgsql security definer as $$
    begin
      if tg_op = 'INSERT' or new.state <> old.state then
        insert into public.history (operation_id, state) values (new.id, new.state);
      end if;
      return null;
    end $$;
    create trigger keep_history after insert or update on flex_sync.outbox for each row execute function keep_history();
    insert into flex_sync.business_roles values ('sound', 'R', '${ROLE}')`);
}
