import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { describe, expect } from "vitest";
import { ana, ben, makeCrewCall, person } from "../crew-call.ts";
import { sync } from "../functions/asking.ts";
import { needs } from "../needs.ts";
import { createDatabase } from "../postgres/database.ts";
import { closeBrowserAtTheEnd, openPage } from "./chromium.ts";
import { startTestFace } from "./face-stage.ts";

const test = needs("chromium");

/** Runs, in a page that does not escape it, in content as well as in an attribute. */
const EVIL = `"'><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{7*7}}`;

/** A crew call in which everything says something evil that somebody else may write. */
async function makeEvil(sql: Sql): Promise<string> {
  const call = await makeCrewCall(sql, {
    desired: [{ ...ana, role: EVIL }, ben],
    inFlex: [11, 12, 13, 14, 15].map(person),
  });
  await sync(sql, call, ({ kind }) =>
    kind === "add" ? { outcome: "refused", status: 400, error: EVIL } : undefined,
  );
  await sql`select sync_crew_call(${call.id}, requested_by => ${EVIL})`;
  await sql`update flex_sync.lines set name = ${EVIL}`;
  await sql`update flex_sync.outbox set error = ${EVIL}, reason = ${EVIL} where state = 'failed'`;
  await sql`update flex_sync.outbox set brake = ${EVIL}, reason = ${EVIL} where state = 'held'`;
  await sql`update flex_sync.elements set doubt_reason = 'not_json', doubt_error = ${EVIL}, blocked_error = ${EVIL}`;
  await sql`insert into flex_sync.crew_call_blocks (crew_call_id, reason, error, since)
    values (${randomUUID()}, ${EVIL}, ${EVIL}, now())`;
  await sql`update flex_sync.tenant set paused_reason = ${EVIL}, breaker_reason = 'flex_down',
    breaker_error = ${EVIL}, breaker_opened_at = now()`;
  await sql`update flex_crew_calls set department = ${EVIL}`;
  return call.id;
}

describe("whatever somebody else wrote", () => {
  closeBrowserAtTheEnd();

  test("is shown as text, on every page and after a refresh", async () => {
    const { url, sql } = await createDatabase();
    const id = await makeEvil(sql);
    await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id)
      select gen_random_uuid(), job_id, 'lights', ${EVIL} from flex_crew_calls limit 1`;
    const [odd] = await sql`select id from flex_crew_calls where department = 'lights'`;
    const face = await startTestFace(url, { actions: true });
    const page = await openPage();
    const paths = ["", `crew-calls/${id}`, `crew-calls/${odd?.id}`];
    for (const path of paths) {
      await page.goto(face.url + path);
      expect(await page.locator("main").innerText(), path).toContain("<script>window.hacked=1</script>");
      await page.evaluate(`document.dispatchEvent(new Event("visibilitychange"))`);
      await page.waitForResponse((answer) => answer.request().headers()["x-fragment"] !== undefined);
      expect(await page.locator("img, script:not([src])").count(), path).toBe(0);
      expect(await page.evaluate("window.hacked")).toBeUndefined();
    }
    await sql`update flex_sync.tenant set paused_at = now()`;
    await page.goto(`${face.url}crew-calls/${id}`);
    expect(await page.locator(".banner").first().innerText()).toContain("<script>");
    expect(await page.evaluate("window.hacked")).toBeUndefined();
  });

  test("is text in what an address says, too", async () => {
    const { url } = await createDatabase();
    const face = await startTestFace(url, { actions: true });
    const page = await openPage();
    const evil = encodeURIComponent(EVIL);
    for (const query of [
      `find=${evil}`,
      `condition=${evil}`,
      `after=${evil}`,
      `done=${evil}`,
      `problem=${evil}`,
    ]) {
      await page.goto(`${face.url}?${query}`);
      expect(await page.locator("h1").count()).toBe(1);
      expect(await page.locator("img, script:not([src])").count(), query).toBe(0);
      expect(await page.evaluate("window.hacked")).toBeUndefined();
    }
  });
});
