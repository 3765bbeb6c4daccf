import type { Sql } from "postgres";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { type CommittedCall, committedCalls } from "./at-commit.ts";
import { call, expected } from "./crew.ts";
import { isSame } from "./reached.ts";
import type { Passing } from "./way-to-flex.ts";

/** Sees every request before Flex does, and knows what Flex shows at that moment. */
export type Witness = {
  see(request: Passing): void;
  /** What was wrong with the requests it saw, in words. */
  complaints(sql: Sql): Promise<string[]>;
  /** The requests that would have changed something. */
  writes(): string[];
};

type Seen = Passing & { element: string; target: string };

const WRITES = ["add", "set_role", "remove"];

export function makeWitness(flex: Simulator): Witness {
  const seen: Seen[] = [];
  const wrong: string[] = [];
  const wanted = new Set(expected.map(({ resource }) => resource));
  const linesOf = (resource: string | null) =>
    flex.contactLinesOf(call.element).filter((line) => line.resourceId === resource);
  return {
    see(request) {
      const [, element = "", target = ""] =
        /line-item\/([^/?]+)(?:\/add-resource\/([^/?]+))?/.exec(request.path) ?? [];
      if (request.kind === "add") {
        if (!wanted.has(target)) wrong.push(`resource ${target}, whom nobody wants, is added`);
        if (linesOf(target).length > 0) wrong.push(`resource ${target} is added although they are there`);
      }
      if (request.kind === "remove") {
        const line = flex.contactLinesOf(call.element).find(({ id }) => id === element);
        if (line?.resourceId && wanted.has(line.resourceId) && linesOf(line.resourceId).length === 1) {
          wrong.push(`the only line of resource ${line.resourceId}, who is wanted, is removed`);
        }
      }
      const isLine = request.kind === "remove";
      const line = request.kind === "set_role" ? String(JSON.parse(request.body).lineItemId) : element;
      seen.push({
        ...request,
        element: isLine ? "" : element,
        target: request.kind === "add" ? target : line,
      });
    },
    async complaints(sql) {
      return [...wrong, ...unannounced(seen, await committedCalls(sql))];
    },
    writes: () =>
      seen.filter(({ kind }) => WRITES.includes(kind)).map(({ method, path }) => `${method} ${path}`),
  };
}

/** Requests that came before a row of their own was committed; each row announces one request. */
function unannounced(seen: Seen[], committed: CommittedCall[]): string[] {
  const left = [...committed];
  return seen.flatMap((request) => {
    const index = left.findIndex((row) => row.at <= request.at && announces(row, request));
    if (index >= 0) left.splice(index, 1);
    return index >= 0 ? [] : [`${request.method} ${request.path} came without a committed row of its own`];
  });
}

function announces(row: CommittedCall, request: Seen): boolean {
  if (!isSame(request.kind, row.kind)) return false;
  if (request.kind === "add") return row.flex_resource_id === request.target;
  if (request.kind === "set_role" || request.kind === "remove")
    return row.flex_line_item_id === request.target;
  return true;
}
