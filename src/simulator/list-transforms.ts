import type { Reply } from "./reply.ts";

/** How a reading is spoiled. */
export type ListTransform =
  | "drop-first" // one row is missing (Flex has had lines disappear for a while: its changelog)
  | "empty"
  | "shuffle"
  | "duplicate-row"
  | "wrapped"
  | "row-not-an-object"
  | "resource-without-id"
  | "not-json";

/** Spoils the reply to a reading; other replies stay as they are. */
export function transformList(reply: Reply, transform: ListTransform, random: () => number): Reply {
  if (reply.status !== 200) return reply;
  const rows = JSON.parse(reply.body) as unknown[];
  if (transform === "not-json") return { ...reply, body: `${reply.body.slice(0, -1)},,` };
  return { ...reply, body: JSON.stringify(spoil(rows, transform, random)) };
}

function spoil(
  rows: unknown[],
  transform: Exclude<ListTransform, "not-json">,
  random: () => number,
): unknown {
  switch (transform) {
    case "drop-first":
      return rows.slice(1);
    case "empty":
      return [];
    case "shuffle":
      return shuffle(rows, random);
    case "duplicate-row":
      return [...rows, ...rows.slice(0, 1)];
    case "wrapped":
      return { data: rows };
    case "row-not-an-object":
      return [...rows, "row"];
    case "resource-without-id":
      return [...rows, { resourceId: "00000000-0000-4000-8000-000000000001", name: "No id" }];
  }
}

function shuffle<T>(rows: T[], random: () => number): T[] {
  return rows
    .map((row) => ({ row, at: random() }))
    .sort((left, right) => left.at - right.at)
    .map(({ row }) => row);
}
