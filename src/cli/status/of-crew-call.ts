import type { Sql } from "postgres";
import { reasonOfCall } from "../../reason-in-words.ts";
import type { CrewCallStatusRow, CrewStatusRow } from "../../rows.ts";
import type { Cli } from "../cli.ts";
import { unknownCrewCall } from "../crew-call-ids.ts";
import { namesOfPeople } from "../names.ts";
import { actionsForPeople, indented } from "../next-actions.ts";
import { age } from "../terminal/age.ts";
import { briefIds } from "../terminal/brief-ids.ts";
import { paint } from "../terminal/paint.ts";
import { CONDITIONS, paintCondition } from "../terminal/paint-condition.ts";
import { type Column, table, widthOfOutput } from "../terminal/table.ts";
import { flow, printable } from "../terminal/text.ts";
import type { View } from "./view.ts";

export type PersonStatus = CrewStatusRow & {
  /** What the host calls them, or else Flex. */ name: string | null;
};

export type OneStatus = {
  in_sync: boolean;
  crew_call: CrewCallStatusRow;
  persons: PersonStatus[];
  at: string;
};

/**
 * One crew call, person by person.
 *
 * @throws FlexCrewSyncError NOCAL
 */
export async function readCrewCallStatus(sql: Sql, id: string): Promise<OneStatus> {
  const [crewCall] = await sql<(CrewCallStatusRow & { at: Date })[]>`
    select crew_call_id, job_id, department, flex_element_id, condition, reason, desired::int, recorded::int, observed::int,
      pending::int, unknown::int, held::int, failed::int, plan, observed_at, last_sync_at, next_action, flex_sync.clock() as at
    from flex_sync.crew_call_status
    where crew_call_id = ${id}
    order by flex_element_id is null
    limit 1`;
  if (!crewCall) throw await unknownCrewCall(sql, id);
  const persons = await sql<CrewStatusRow[]>`
    select crew_call_id, technician_id, flex_resource_id, desired, flex_line_item_id, observed_line_item_id, role_code,
      observed_role, operation_id::text, condition, reason, since, next_action
    from flex_sync.crew_status
    where crew_call_id = ${id}
    order by array_position(${[...CONDITIONS]}::text[], condition), technician_id nulls last, observed_line_item_id`;
  const names = await namesOfPeople(
    sql,
    persons.map((row) => row.technician_id),
  );
  const lines = await readNames(sql, crewCall.flex_element_id);
  const { at, ...status } = crewCall;
  return {
    in_sync: status.condition === "synced",
    crew_call: status,
    persons: persons.map((row) => ({
      ...row,
      name: names.get(row.technician_id ?? "") ?? lines.get(row.observed_line_item_id ?? "") ?? null,
    })),
    at: at.toISOString(),
  };
}

/** Names of lines; none for a user who may not read them (flex_sync_operator may). */
async function readNames(sql: Sql, element: string | null): Promise<Map<string, string>> {
  try {
    const rows = await sql<{ line: string; name: string }[]>`
      select flex_line_item_id as line, name from flex_sync.lines where flex_element_id = ${element} and name is not null`;
    return new Map(rows.map(({ line, name }) => [line, name]));
  } catch (error) {
    if ((error as { code?: unknown }).code === "42501") return new Map();
    throw error;
  }
}

/** @param now what the database's clock shows */
export function viewCrewCallStatus(cli: Cli, { crew_call, persons }: OneStatus, now: Date): View {
  const colour = paint(cli.stdout, cli.env);
  const brief = briefIds(persons.map(({ technician_id }) => technician_id));
  const columns: Column<PersonStatus>[] = [
    {
      title: "person",
      value: (row) =>
        row.technician_id ?? `line ${row.observed_line_item_id ?? row.flex_line_item_id ?? "?"}`,
      brief: (row) =>
        row.technician_id
          ? brief(row.technician_id)
          : `line ${(row.observed_line_item_id ?? row.flex_line_item_id ?? "?").slice(0, 8)}`,
    },
    { title: "name", value: (row) => row.name ?? "", drop: 2, shrinkTo: 10 },
    {
      title: "condition",
      value: (row) => row.condition,
      paint: (text, row) => text.replace(row.condition, paintCondition(row.condition, colour)),
    },
    { title: "reason", value: (row) => row.reason ?? "", shrinkTo: 6 },
    { title: "role", value: (row) => row.role_code ?? "", drop: 3, shrinkTo: 6 },
    { title: "since", value: (row) => age(row.since, now), align: "right", drop: 1 },
  ];
  const { crew_call_id, department, flex_element_id, condition, reason, next_action } = crew_call;
  const others = persons.filter((person) => person.condition !== "synced");
  const facts = [
    `element ${flex_element_id ?? "-"}`,
    `desired ${crew_call.desired}`,
    `recorded ${crew_call.recorded}`,
    `lines in Flex ${crew_call.observed}`,
    `read ${ago(crew_call.observed_at, now)}`,
    `last sync ${ago(crew_call.last_sync_at, now)}`,
  ];
  const width = widthOfOutput(cli.stdout);
  return {
    head: [
      ...flow(
        [
          colour.bold(`${department ?? "retired"} ${crew_call_id}:`),
          paintCondition(condition, colour),
          ...(reason ? [`(${reason})`] : []),
        ],
        " ",
        width,
      ),
      ...(reason ? [reasonOfCall(condition, reason)] : []),
      ...flow(facts, ", ", width),
    ],
    table:
      persons.length > 0
        ? table(columns, persons, cli.stdout, colour)
        : ["Nobody is desired and nobody is there."],
    hidden: 0,
    todo: [
      ...(next_action ? ["crew call:", indented(printable(next_action))] : []),
      ...actionsForPeople(
        next_action,
        others.map((person) => ({
          ...person,
          line: person.observed_line_item_id ?? person.flex_line_item_id,
        })),
      ),
    ],
    foot: [],
  };
}

function ago(at: Date | string | null, now: Date): string {
  return at === null ? "never" : `${age(at, now)} ago`;
}
