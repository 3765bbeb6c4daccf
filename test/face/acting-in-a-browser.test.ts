import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Sql } from "postgres";
import { describe, expect, onTestFinished, vi } from "vitest";
import { ana, type CrewCall, makeCrewCall, person } from "../crew-call.ts";
import { sync } from "../functions/asking.ts";
import { needs } from "../needs.ts";
import { createDatabase } from "../postgres/database.ts";
import { closeBrowserAtTheEnd, openPage } from "./chromium.ts";
import { startTestFace, TOKEN } from "./face-stage.ts";

const test = needs("chromium");

async function makeHeld(sql: Sql): Promise<CrewCall> {
  const call = await makeCrewCall(sql, { desired: [ana], inFlex: [11, 12, 13, 14, 15].map(person) });
  await sync(sql, call);
  return call;
}

describe("in a browser", () => {
  closeBrowserAtTheEnd();

  test("a yes takes the list, a tick and a press, and is remembered with a name", async () => {
    const { url, sql } = await createDatabase();
    const held = await makeHeld(sql);
    const face = await startTestFace(url, { statusToken: TOKEN, actions: true });
    const page = await openPage();
    await page.goto(`${face.url}crew-calls/${held.id}`);
    await page.getByLabel("Token").fill("not the token at all");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("That is not the token.").waitFor();
    await page.getByLabel("Token").fill(TOKEN);
    await page.getByLabel("Your name").fill("Ana María");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "a yes would remove these 5 lines" }).waitFor();
    expect(await page.evaluate("document.cookie")).toBe("");

    await page.getByRole("button", { name: "Yes, remove these 5 lines" }).click();
    expect(await sql`select from flex_sync.removal_decisions`).toHaveLength(0);
    await page.getByLabel("I have read the list").check();
    await page.getByRole("button", { name: "Yes, remove these 5 lines" }).click();
    await page.getByText("You said yes.").waitFor();
    expect(await sql`select from flex_sync.removal_decisions where decision = 'approved'`).toHaveLength(5);
    const [log] = await sql`select who from flex_sync.operator_log`;
    expect(log?.who).toContain("status page: Ana María");

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.goto(face.url);
    expect(await page.getByLabel("Token").isVisible()).toBe(true);
  });

  test("a sync asked for here shows itself without a reload", async () => {
    const { url, sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const face = await startTestFace(url, { actions: true });
    const page = await openPage();
    await page.goto(`${face.url}crew-calls/${call.id}`);
    expect(await page.locator(".headline .badge").innerText()).toBe("Never synced");
    await page.getByRole("button", { name: "Sync now" }).click();
    await page.locator(".headline .badge", { hasText: "In progress" }).waitFor();
    const { drainWith } = await import("../functions/drain-with.ts");
    await drainWith(sql, call.flex);
    await page.locator(".headline .badge", { hasText: "In sync" }).waitFor();
    expect(page.errors).toEqual([]);
  });

  test("a page elsewhere that presses our buttons gets nowhere, though the browser has our cookie", async () => {
    const { url, sql } = await createDatabase();
    const held = await makeHeld(sql);
    const [row] = await sql`select plan from flex_sync.crew_call_status where crew_call_id = ${held.id}`;
    const face = await startTestFace(url, { actions: true });
    const target = `${face.url}crew-calls/${held.id}/approve`;
    const attacker = createServer((_, response) => {
      response.setHeader("content-type", "text/html");
      response.end(`<form method="post" action="${target}"><input name="plan" value="${row?.plan}">
        <input name="sure" value="yes"><input name="token" value="guessed"></form><script>document.forms[0].submit()</script>`);
    });
    await new Promise<void>((resolve) => attacker.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void attacker.close());
    const { port } = attacker.address() as AddressInfo;

    const page = await openPage();
    await page.goto(`${face.url}crew-calls/${held.id}`);
    const cookies = await page.context().cookies();
    expect(cookies).toMatchObject([{ httpOnly: true, sameSite: "Strict" }]);
    for (const host of ["127.0.0.1", "localhost"]) {
      const answered = page.waitForResponse((response) => response.url() === target);
      await page.goto(`http://${host}:${port}/`);
      expect((await answered).status(), host).toBe(403);
    }
    expect(await sql`select from flex_sync.removal_decisions`).toHaveLength(0);
  });

  test("a page elsewhere can neither frame us nor read us", async () => {
    const { url } = await createDatabase();
    const face = await startTestFace(url);
    const attacker = createServer((_, response) => {
      response.setHeader("content-type", "text/html");
      response.end(`<iframe src="${face.url}"></iframe><script>
        fetch("${face.url}status.json").then((answer) => answer.text()).then((text) => { window.read = text; }, () => { window.read = "refused"; });
      </script>`);
    });
    await new Promise<void>((resolve) => attacker.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void attacker.close());
    const page = await openPage();
    await page.goto(`http://127.0.0.1:${(attacker.address() as AddressInfo).port}/`);
    await vi.waitUntil(() => page.evaluate("window.read"));
    expect(await page.evaluate("window.read")).toBe("refused");
    await vi.waitUntil(() => page.errors.some((error) => error.includes("frame")));
    expect(page.frames()[1]?.url()).toMatch(/^chrome-error:/);
  });

  test("what to do next can be copied", async () => {
    const { url, sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const face = await startTestFace(url);
    const page = await openPage();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`${face.url}crew-calls/${call.id}`);
    await page.getByRole("button", { name: "Copy" }).first().click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(
      `select sync_crew_call('${call.id}');`,
    );
  });
});
