import type { Sql } from "postgres";
import { AUDIT_TITLES, type Audit } from "./audit.ts";
import { shortenIds } from "./ids.ts";
import { personWithId } from "./read-facts.ts";
import type { Screen } from "./screen.ts";
import { crewCalls, crewCallTitled } from "./season.ts";

/** The audit as a table: counts before, with names, or before and after. */
export function auditRows(before: Audit, after?: Audit): string[][] {
  const keys = Object.keys(AUDIT_TITLES) as (keyof Audit)[];
  const rows = keys.map((key) => {
    const title = AUDIT_TITLES[key];
    if (!after) return [title, String(before[key].length), nameSome(before[key])];
    return [title, String(before[key].length), String(after[key].length), nameSome(after[key])];
  });
  return after ? [["", "before", "after", ""], ...rows] : rows;
}

function nameSome([first = "", ...more]: string[]): string {
  return more.length === 0 ? first : `${first} and ${more.length} more`;
}

/** Two clicks at once are one sync, unless the second came after the reading had begun. */
export async function tellClicks(sql: Sql, screen: Screen, clicks: number): Promise<void> {
  const [syncs] = await sql`
    select count(*)::int as runs, round(avg(extract(epoch from duration)), 1)::text as mean,
      round(max(extract(epoch from duration)), 1)::text as slowest
    from flex_sync.syncs`;
  const drainers = await sql<{ drainer: string; calls: number }[]>`
    select drainer, count(*)::int as calls from flex_sync.calls group by drainer order by drainer`;
  screen.say(
    `${clicks} clicks became ${syncs?.runs} syncs, of ${syncs?.mean} s on average (the audit asked for less than 5 s), ${syncs?.slowest} s the longest.`,
  );
  const shares = drainers.map(({ drainer, calls }) => `${drainer} made ${calls} Flex calls`).join(", ");
  screen.say(`${shares[0]?.toUpperCase()}${shares.slice(1)}.`);
}

export async function tellWhatHappened(sql: Sql, screen: Screen): Promise<void> {
  const [did] = await sql`
    select
      (select count(*)::int from flex_sync.calls) as calls,
      (select count(*)::int from flex_sync.calls where kind = 'observe') as readings,
      count(*) filter (where kind = 'add')::int as added,
      count(*) filter (where kind = 'add' and reason = 'stale')::int as stale,
      count(*) filter (where kind = 'remove')::int as removed,
      count(*) filter (where kind = 'set_role')::int as roles,
      (select settings.monthly_limit from flex_sync.settings) as monthly_limit
    from flex_sync.outbox
    where state = 'done'`;
  const removed = await sql<{ reason: string; lines: number }[]>`
    select reason, count(*)::int as lines from flex_sync.outbox
    where state = 'done' and kind = 'remove' group by reason order by reason`;
  screen.table([
    ["Flex calls", String(did?.calls), `${did?.readings} of them readings; ${did?.monthly_limit} a month`],
    ["added", String(did?.added), `${did?.stale} of them stale: deleted in Flex by hand`],
    ["removed", String(did?.removed), removed.map(({ reason, lines }) => `${lines} ${reason}`).join(", ")],
    ["roles set", String(did?.roles), "sound only: the dictionary has no other department"],
  ]);
  await tellCorrectedRole(sql, screen);
  await tellUnmapped(sql, screen);
}

/** A role that the old sync got wrong: the tier is the last part of a code, however many come before it. */
async function tellCorrectedRole(sql: Sql, screen: Screen): Promise<void> {
  const crewCall = crewCallTitled("Sagunto, sound");
  const corrected = crewCall.crew.find(({ role }) => role === "SND-RF-E");
  const [row] = await sql`
    select crew_status.role_code, business_roles.tier
    from flex_sync.crew_status
    join flex_sync.business_roles on business_roles.flex_role_id = crew_status.observed_role
    where crew_status.crew_call_id = ${crewCall.id}
      and crew_status.technician_id = ${corrected?.person.id ?? null}`;
  if (!row) return;
  screen.gap();
  screen.say(
    `${corrected?.person.name} is ${row.role_code} and had the role of tier ${corrected?.tierInFlex}. ` +
      `One write made it tier ${row.tier}; the line stayed.`,
  );
}

/** What a coordinator reads of who cannot be added. */
async function tellUnmapped(sql: Sql, screen: Screen): Promise<void> {
  const unmapped = await sql<{ crew_call_id: string; technician_id: string; next_action: string }[]>`
    select crew_call_id, technician_id, next_action from flex_sync.crew_status where condition = 'unmapped'`;
  for (const { crew_call_id, technician_id, next_action } of unmapped) {
    const title = crewCalls.find(({ id }) => id === crew_call_id)?.title;
    screen.gap();
    screen.say(`${personWithId(technician_id).name} waits (${title}, unmapped):`);
    screen.say(shortenIds(next_action));
  }
}
