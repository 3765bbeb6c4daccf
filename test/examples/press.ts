import {
  createHandler,
  type HandlerOptions,
} from "../../examples/supabase-edge/sync-flex-crew-for-job/handler.ts";
import { drainOnce } from "../../src/index.ts";
import type { Stage } from "../cli/stage.ts";
import { MANAGER } from "./supabase-users.ts";

type Summary = Record<string, unknown> & { note?: string; errors?: string[] };
type Answer = {
  status: number;
  body: { ok: boolean; error?: string; job_id?: string; summary: Record<string, Summary> };
};

const draining = (stage: Stage) => (signal: AbortSignal) =>
  drainOnce({
    databaseUrl: stage.url,
    flexBaseUrl: stage.flex.baseUrl,
    flexAuthToken: stage.flex.token,
    timeoutMs: 2_000,
    signal,
  });

/** Asks as a button does. */
export async function press(
  stage: Stage,
  body: unknown,
  options: Partial<HandlerOptions> = {},
): Promise<Answer> {
  const handle = createHandler({
    sql: stage.sql,
    whoMay: async () => MANAGER,
    drain: draining(stage),
    waitMs: 20_000,
    ...options,
  });
  const request = new Request("http://localhost/", { method: "POST", body: JSON.stringify(body) });
  const answer = await handle(request);
  return { status: answer.status, body: (await answer.json()) as Answer["body"] };
}

/** What the two buttons of the old application tell after an answer. */
export function told({ body }: Answer, department: string): string {
  if (!body.ok) return `Flex sync failed: ${body.error}`;
  const s = body.summary[department] ?? {};
  if (s.errors?.length) return `Flex sync errors: ${s.errors.join("; ")}`;
  if (s.note) return s.note;
  return `Flex synced: +${s.added ?? 0}  −${s.removed ?? 0}  =${s.kept ?? 0}`;
}
