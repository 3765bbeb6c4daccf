import type { Sql } from "postgres";
import { ana, as, ben, type CrewCall, cleo, dan, eva, makeCrewCall, person } from "../crew-call.ts";
import { request } from "../functions/asking.ts";
import { type Claimed, claim, fail, observe, send } from "../functions/drain-with.ts";

/** One element on which every function has something to do. */
export interface BusyWorld {
  call: CrewCall;
  /** Operations in flight, by what is special about them. */
  inFlight: Record<"add" | "otherAdd" | "addedAgain" | "remove" | "setRole" | "observe", Claimed>;
  /** The line that Flex made for an add in flight. */
  lineOf(operation: Claimed): string;
  /** An operation that failed. */
  failed: string;
  /** The plan of what is held. */
  plan: string;
  /** A line that a person made for somebody desired. */
  adoptable: string;
}

const role = (who: typeof ana) => as(who, "FOH-R");
const [fay, gus, hal, ida, jon, kim] = [6, 7, 8, 9, 10, 11].map((n) => role(person(n))) as [
  typeof ana,
  typeof ana,
  typeof ana,
  typeof ana,
  typeof ana,
  typeof ana,
];

/**
 * Ana and Ben are being added and get a role after it. Cleo is being removed, Dan gets another role. Eva's add was never
 * answered. Fay's add is in flight for the second time, and Flex shows its line already. Gus was refused. Hal's claim has
 * run out. Ida has two lines of which none is ours: one is held, one can be adopted. Jon waits to be added; Kim is there.
 * A reading is in flight, and a request waits for the next one.
 */
export async function makeBusyWorld(sql: Sql): Promise<BusyWorld> {
  await sql`update flex_sync.settings set lease = '2 h', max_reading_age = '1 h', max_concurrency = 30, element_concurrency = 30,
    late_landing = '0 s', confirm_after = '0 s', max_attempts = 9, resync_interval = '1 h'`;
  await sql`insert into flex_sync.business_roles values ('sound', 'R', 'role-r'), ('sound', 'E', 'role-e')`;
  const call = await makeCrewCall(sql, {
    desired: [role(ana), role(ben), role(dan), role(eva), fay, gus, hal, ida, jon, kim],
    recorded: [cleo, dan, kim],
    inFlex: [cleo, dan, kim, ida],
  });
  const { flex, element } = call;
  flex.setRole(element, call.lineOf(dan), "role-e");
  for (const who of [ida, kim]) flex.setRole(element, call.lineOf(who), "role-r");
  flex.add(element, ida.resource, { flex_role_id: "role-r" });
  const lines = new Map<string, string>();

  await request(sql, call);
  const [first] = await claim(sql);
  await observe(sql, flex, first as Claimed);
  const claimed = await claim(sql);
  const of = (who: typeof ana, kind = "add") => {
    const line = kind === "add" ? undefined : call.lineOf(who);
    return claimed.find((one) =>
      line ? one.kind === kind && one.flex_line_item_id === line : one.flex_resource_id === who.resource,
    ) as Claimed;
  };
  await fail(sql, of(eva), { outcome: "unknown" });
  await fail(sql, of(gus), { outcome: "refused", status: 400 });
  await fail(sql, of(jon), { outcome: "lease_over" });
  await fail(sql, of(fay), { outcome: "unknown" });
  // Fay's first attempt counts as proved absent, and the second one is sent.
  await sql`update flex_sync.outbox set state = 'pending', due_at = flex_sync.clock() - interval '1 min'
    where id = ${of(fay).id}`;
  await sql`update flex_sync.calls set absent_at = flex_sync.clock() where operation_id = ${of(fay).id}`;
  await sql`update flex_sync.element_health set backoff_until = null`;
  const [again] = (await claim(sql, 1)) as [Claimed];
  await sql`update flex_sync.outbox set lease_until = flex_sync.clock() - interval '1 s' where id = ${of(hal).id}`;
  for (const add of [of(ana), of(ben), again]) lines.set(add.id, send(flex, add));

  await request(sql, call);
  await sql`update flex_sync.outbox set due_at = flex_sync.clock() - interval '2 min' where kind = 'observe' and state = 'pending'`;
  const [reading] = (await claim(sql, 1)) as [Claimed];
  await request(sql, call);
  await sql`update flex_sync.outbox set due_at = flex_sync.clock() - interval '1 s' where state = 'pending'`;
  // A call failed a moment ago: whatever succeeds starts counting again.
  await sql`update flex_sync.tenant set failures = 1, trimmed_at = null`;
  await sql`insert into flex_sync.due_elements (flex_element_id, reason, wants_reading, noted_at)
    values (${element}, 'a test', true, flex_sync.clock())`;

  const [held] = await sql`select plan from flex_sync.crew_call_status where crew_call_id = ${call.id}`;
  return {
    call,
    inFlight: {
      add: of(ana),
      otherAdd: of(ben),
      addedAgain: again,
      remove: of(cleo, "remove"),
      setRole: of(dan, "set_role"),
      observe: reading,
    },
    lineOf: ({ id }) => lines.get(id) as string,
    failed: of(gus).id,
    plan: held?.plan,
    adoptable: call.lineOf(ida),
  };
}
