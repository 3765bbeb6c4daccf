import { ELEMENTS } from "./history.ts";
import { id } from "./ids.ts";
import { type Kind, policyOf } from "./oracle.ts";
import type { Stage } from "./stage.ts";

/** Everything in which Flex and the tables differ from what the job says, once all had time to settle. */
export async function whatsWrong(stage: Stage): Promise<void> {
  const { memory } = stage;
  const say = (kind: Kind, text: string) => memory.violations.push({ kind, text: `end: ${text}` });
  const inLedger = new Set(
    (await stage.lab.run<{ line: string }>`select flex_line_item_id as line from flex_sync.ledger`).map(
      ({ line }) => line,
    ),
  );
  for (let element = 0; element < ELEMENTS; element++) checkElement(stage, element, inLedger, say);
  await checkTables(stage, inLedger, say);
}

type Say = (kind: Kind, text: string) => void;
type Line = { id: string; resourceId: string | null };

/** Whether a line that nobody wants stays: by policy, by somebody's no, or because nothing says that it may go. */
function mayStay(
  { memory, host, history }: Stage,
  element: number,
  inLedger: Set<string>,
  line: Line,
): boolean {
  const isPersons = !inLedger.has(line.id) || memory.touched.has(line.id);
  return (
    memory.rejected.get(line.id) === line.resourceId ||
    (policyOf(element, { host, memory }) === "owned" && isPersons) ||
    (history.start.rows === "untyped" && isPersons)
  );
}

function checkElement(stage: Stage, element: number, inLedger: Set<string>, say: Say): void {
  const { host, flex, memory, history } = stage;
  const wanted = host.wantedOn(element);
  const lines = flex.world.contactLinesOf(id.element(element)).filter((line) => line.resourceId !== null);
  const stays = (line: Line) => mayStay(stage, element, inLedger, line);

  for (const [resource, people] of wanted) {
    const theirs = lines.filter((line) => line.resourceId === resource);
    const extra = theirs.filter((line) => !stays(line));
    if (theirs.length === 0) say("missing", `${resource} is not on element ${element}`);
    if (theirs.length > 1 && extra.length > 1)
      say("twice", `${resource} has ${theirs.length} lines on element ${element}`);
    if (theirs.length > 1 && extra.length === 1 && theirs.some((line) => memory.approved.has(line.id))) {
      say("other", `${resource} has a line on element ${element} too many`);
    }
    const role = people
      .filter((one) => one.roleId !== null)
      .sort((left, right) => left.call - right.call || left.person - right.person)[0]?.roleId;
    const recordedLine = theirs[0];
    if (role && history.start.rolesShown && theirs.length === 1 && recordedLine?.roleId !== role) {
      say("other", `${resource} has role ${recordedLine?.roleId} on element ${element} instead of ${role}`);
    }
  }
  for (const line of lines) {
    if (!wanted.has(line.resourceId ?? "") && !stays(line)) {
      say("other", `line ${line.id} on element ${element} is for ${line.resourceId}, whom nobody desires`);
    }
  }
}

async function checkTables(stage: Stage, inLedger: Set<string>, say: Say): Promise<void> {
  const { lab, host, flex, memory } = stage;
  const recorded = await lab.run<{ crew_call_id: string; technician_id: string; flex_line_item_id: string }>`
    select crew_call_id, technician_id, flex_line_item_id from flex_crew_assignments`;
  for (const call of host.calls()) {
    const element = host.elementOf(call);
    if (element == null) continue;
    const rows = recorded.filter((row) => row.crew_call_id === id.crewCall(call));
    const desired = host.desiredOn(element).filter((one) => one.call === call);
    for (const { person } of desired) {
      const row = rows.find((one) => one.technician_id === id.person(person));
      const line = row && flex.world.lines.find(row.flex_line_item_id);
      if (!line || line.resourceId !== host.resourceOf(person) || line.elementId !== id.element(element)) {
        say(
          "other",
          `person ${person} is recorded on crew call ${call} with ${row?.flex_line_item_id ?? "nothing"}, which Flex shows as ${line?.resourceId}`,
        );
      }
    }
    for (const row of rows) {
      if (desired.some(({ person }) => id.person(person) === row.technician_id)) continue;
      const line = flex.world.lines.find(row.flex_line_item_id);
      if (!line || !mayStay(stage, element, inLedger, line))
        say("other", `crew call ${call} has a row for ${row.technician_id}, whom nobody desires there`);
    }
  }
  const statuses = await lab.run<{
    crew_call_id: string;
    flex_element_id: string;
    condition: string;
    reason: string | null;
  }>`
    select crew_call_id, flex_element_id, condition, reason from flex_sync.crew_call_status`;
  for (const call of host.calls()) {
    const element = host.elementOf(call);
    if (element == null) continue;
    const status = statuses.find(
      (one) => one.crew_call_id === id.crewCall(call) && one.flex_element_id === id.element(element),
    );
    if (status?.condition !== "synced")
      say("other", `crew call ${call} is ${status?.condition} (${status?.reason})`);
  }
  const open = await lab.run<{ what: string }>`
    select kind || ' ' || state || ' ' || coalesce(reason, '') as what from flex_sync.outbox where state in ('pending', 'sending', 'unknown', 'held')
    union all select 'unfinished sync ' || id from flex_sync.syncs where finished_at is null
    union all select 'call ' || number || ' above a limit' from model.calls_over_a_limit`;
  for (const { what } of open) say("other", what);
  const [calls] = await lab.run<{ counted: number }>`select count(*)::int as counted from flex_sync.calls`;
  const sent = flex.exchanges.filter((exchange) => exchange.sentAt !== null).length;
  if (sent > (calls?.counted ?? 0)) say("other", `${sent} calls were sent and ${calls?.counted} counted`);
  memory.sent = sent;
}
