import type { Exchange } from "./exchange.ts";
import type { Flex } from "./flex.ts";
import type { History } from "./history.ts";
import type { Host } from "./host.ts";
import type { Lab } from "./lab.ts";

/** What must never be; `other` is everything that the four numbers of the proof do not count. */
export type Kind = "twice" | "missing" | "wanted removed" | "without row" | "other";
export type Violation = { kind: Kind; text: string };

/** What the oracle knows beside the host and Flex: what people did there, and when. */
export type Memory = {
  violations: Violation[];
  /** When a person last put somebody else on a line, or hid and restored it. */
  touched: Map<string, number>;
  /** `element/resource`: when a person last took a line of it away. */
  losses: Map<string, number>;
  /** When a policy, or what points where, last changed. */
  rulesChangedAt: number;
  policies: Map<number, string | null>;
  /** Lines that a person said yes or no to, with the resource they showed then. */
  approved: Map<string, string | null>;
  rejected: Map<string, string | null>;
  lateLandingMs: number;
  /** How many requests left, in the end. */
  sent: number;
};

export function createMemory(history: History): Memory {
  return {
    violations: [],
    touched: new Map(),
    losses: new Map(),
    rulesChangedAt: 0,
    policies: new Map(),
    approved: new Map(),
    rejected: new Map(),
    lateLandingMs: history.start.lateLandingMs,
    sent: 0,
  };
}

export type Parts = { lab: Lab; host: Host; flex: Flex; memory: Memory; history: History };

type Row = { reading_ms: number | null; deadline_ms: number; in_ledger: boolean };

/** Look at a request whose first byte is about to leave. @returns until when it may land in Flex */
export async function checkSent(parts: Parts, exchange: Exchange): Promise<number> {
  const { lab, memory } = parts;
  const { route } = exchange;
  if (route.name !== "add" && route.name !== "role" && route.name !== "remove")
    return lab.time.now() + 60_000;
  const { lineItemId } = (exchange.request.json ?? {}) as { lineItemId?: string };
  const line = route.name === "role" ? (lineItemId ?? null) : route.line;
  const kind = route.name === "role" ? "set_role" : route.name;
  const [row] = await lab.run<Row>`
    select extract(epoch from outbox.reading_at)::float8 * 1000 as reading_ms,
      extract(epoch from outbox.deadline)::float8 * 1000 as deadline_ms,
      exists (select from flex_sync.ledger where ledger.flex_line_item_id = outbox.flex_line_item_id
        and (ledger.flex_resource_id is null or ledger.flex_resource_id = outbox.flex_resource_id)) as in_ledger
    from flex_sync.outbox
    where outbox.state = 'sending' and outbox.kind = ${kind}::text and outbox.deadline > flex_sync.clock()
      and case when ${kind}::text = 'add' then outbox.flex_element_id = ${route.element}::text and outbox.flex_resource_id = ${route.resource}::text
        else outbox.flex_line_item_id = ${line}::text end`;
  const say = (as: Kind, text: string) => memory.violations.push({ kind: as, text: `${at(lab)} ${text}` });
  if (!row) {
    say("without row", `${kind} ${route.resource ?? line} left without a row that says sending`);
    return lab.time.now() + 1;
  }
  if (row.reading_ms === null)
    say("without row", `${kind} ${route.resource ?? line} left without a reading before it`);
  const readAt = row.reading_ms ?? 0;
  if (route.name === "add") checkAdd(parts, exchange, readAt, say);
  if (route.name === "remove") checkRemove(parts, line ?? "", row, readAt, say);
  return row.deadline_ms + memory.lateLandingMs;
}

type Say = (kind: Kind, text: string) => void;

/** No second add while the first may still land, or while its line is there. */
function checkAdd({ flex, host, memory, lab }: Parts, exchange: Exchange, readAt: number, say: Say): void {
  const { element, resource } = exchange.route;
  for (const other of flex.exchanges) {
    if (other === exchange || other.route.name !== "add" || other.sentAt === null) continue;
    if (other.route.element !== element || other.route.resource !== resource) continue;
    if (other.landsAt != null && !other.landed && other.landsAt > lab.time.now()) {
      say("twice", `add ${resource} was sent again while the one before may still land`);
    }
  }
  const there = flex.world
    .contactLinesOf(element ?? "")
    .filter((line) => line.resourceId === resource && line.madeBy === "api" && !memory.touched.has(line.id));
  if (there.length > 0) say("twice", `add ${resource} was sent although its line ${there[0]?.id} is there`);
  const number = numberOf(element);
  const ceased = host.wantedUntil(number, resource ?? "");
  if (ceased !== null && ceased < readAt) say("other", `add ${resource} was sent and nobody wants it`);
  if (memory.rulesChangedAt < readAt && policyOf(number, { host, memory }) === "report") {
    say("other", `add ${resource} was sent under the policy report`);
  }
}

/** No wanted line, no line that a policy or a person protects. */
function checkRemove(parts: Parts, lineId: string, row: Row, readAt: number, say: Say): void {
  const { flex, host, memory } = parts;
  const line = flex.world.lines.find(lineId);
  if (!line || (memory.touched.get(lineId) ?? 0) >= readAt) return;
  const element = numberOf(line.elementId);
  const resource = line.resourceId ?? "";
  const wantedSince = host.wantedSince(element, resource);
  const wanted = wantedSince !== null && wantedSince < readAt;
  const leaving = new Set(
    flex.exchanges
      .filter(
        (one) => one.route.name === "remove" && one.sentAt !== null && one.landsAt != null && !one.landed,
      )
      .map((one) => one.route.line),
  );
  const others = flex.world
    .contactLinesOf(line.elementId)
    .filter((one) => one.id !== lineId && one.resourceId === resource && !leaving.has(one.id));
  const lostAt = memory.losses.get(`${line.elementId}/${resource}`) ?? 0;
  if (wanted && others.length === 0 && lostAt < readAt)
    say("wanted removed", `remove ${lineId} of ${resource}, who is wanted and has no other line`);
  const keptSince = host.keptSince(element, resource);
  if (keptSince !== null && keptSince < readAt && line.madeBy === "api" && !resource.endsWith("0")) {
    say("wanted removed", `remove ${lineId} of somebody desired who lost the resource`);
  }
  const isPersons = line.madeBy === "human" && !row.in_ledger;
  if (wanted && isPersons && !memory.approved.has(lineId))
    say("other", `remove ${lineId}, a surplus line of a person's, without a yes`);
  if (memory.rejected.has(lineId) && memory.rejected.get(lineId) === line.resourceId)
    say("other", `remove ${lineId}, which a person said no to`);
  if (memory.rulesChangedAt >= readAt) return;
  const policy = policyOf(element, parts);
  if (policy === "report" || policy === "add_only")
    say("other", `remove ${lineId} under the policy ${policy}`);
  if (policy === "owned" && isPersons)
    say("other", `remove ${lineId}, a person's line, under the policy owned`);
}

const CAREFUL_FIRST = ["report", "add_only", "owned", "mirror"];

/** The most careful policy of the crew calls that point at an element; owned when none does. */
export function policyOf(element: number, { host, memory }: Pick<Parts, "host" | "memory">): string {
  const policies = host
    .calls()
    .filter((call) => host.elementOf(call) === element)
    .map((call) => memory.policies.get(call) ?? memory.policies.get(-1) ?? "mirror");
  return CAREFUL_FIRST.find((policy) => policies.includes(policy)) ?? "owned";
}

/** 0 for the first element, and so on. */
export function numberOf(element: string | null): number {
  return Number((element ?? "").slice(-12));
}

export function at(lab: Lab): string {
  return new Date(lab.time.now()).toISOString().slice(11, 23);
}
