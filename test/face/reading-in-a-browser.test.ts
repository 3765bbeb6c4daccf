import { afterAll, beforeAll, describe, expect, vi } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { needs } from "../needs.ts";
import { createDatabase, type TestDatabase } from "../postgres/database.ts";
import { type BadDay, makeBadDay } from "./bad-day.ts";
import { closeBrowserAtTheEnd, openPage } from "./chromium.ts";
import { startTestFace } from "./face-stage.ts";

const test = needs("chromium");

describe("the status page", () => {
  let database: TestDatabase;
  let flex: Simulator;
  let day: BadDay;

  beforeAll(async () => {
    [database, flex] = await Promise.all([createDatabase(), startSimulator()]);
    day = await makeBadDay({ sql: database.sql, databaseUrl: database.url, flex });
  });
  afterAll(async () => {
    await flex?.stop();
    await database?.drop();
  });
  closeBrowserAtTheEnd();

  test("tells what needs somebody, the most urgent first", async () => {
    const face = await startTestFace(database.url);
    const page = await openPage();
    await page.goto(face.url);
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe("5 crew calls need you");
    const badges = await page.locator(".call .badge").allInnerTexts();
    expect(badges.slice(0, 3)).toEqual(["Blocked", "Failed", "Waits for your yes"]);
    expect(badges.at(-1)).toBe("In sync");
    await page.getByRole("link", { name: "Contact missing 1" }).click();
    expect(await page.locator(".call").count()).toBe(1);
    expect(await page.locator(".call a").first().getAttribute("href")).toBe(`/crew-calls/${day.unmapped}`);
    expect(page.errors).toEqual([]);
  });

  test("names the person and the reason", async () => {
    const face = await startTestFace(database.url);
    const page = await openPage();
    const first = async (id: string) => {
      await page.goto(`${face.url}crew-calls/${id}`);
      return page.locator(".person").first().innerText();
    };
    const failed = await first(day.failed);
    expect(failed).toContain("Klára Nováková");
    expect(failed).toContain("Flex said no.");
    expect(failed).toContain("Contact is not active");
    const unmapped = await first(day.unmapped);
    expect(unmapped).toContain("Nerea Olabarria Ugarte");
    expect(unmapped).toContain("Has no Flex contact id.");
    expect(await page.locator(".headline .next code").innerText()).toContain("profiles.flex_resource_id");
    expect(await first(day.unknown)).toContain("Flex did not answer");
    expect(await first(day.notRequested)).toContain("nobody asked for a sync");
    await page.goto(`${face.url}crew-calls/${day.blocked}`);
    expect(await page.locator(".headline").innerText()).toContain("The crew call is deleted in Flex.");
    await page.goto(`${face.url}crew-calls/${day.synced}`);
    expect(await page.locator(".person").first().innerText()).toContain("Agnieszka Dąbrowska");
    expect(page.errors).toEqual([]);
  });

  test("tells what a yes would remove", async () => {
    const face = await startTestFace(database.url);
    const page = await openPage();
    await page.goto(`${face.url}crew-calls/${day.held}`);
    expect(await page.locator(".held li b").allInnerTexts()).toEqual([
      "Dave Whitlock",
      "Eider Ibarretxe Goñi",
      "Helena Vidal i Roca",
      "Pau Soler Climent",
      "Zoë van den Berg",
    ]);
    expect(await page.locator(".held button").count()).toBe(0);
  });

  test("reads without JavaScript", async () => {
    const face = await startTestFace(database.url);
    const page = await openPage({ javaScriptEnabled: false });
    await page.goto(face.url);
    expect(await page.locator(".call").count()).toBe(12);
    await page.locator("summary").first().click();
    expect(await page.locator(".next").first().isVisible()).toBe(true);
    expect(await page.locator("[data-copy]").first().isVisible()).toBe(false);
    await page.locator(".call-title").first().click();
    expect(await page.locator(".person").count()).toBeGreaterThan(0);
  });

  test("fits a phone", async () => {
    const face = await startTestFace(database.url, { actions: true });
    const page = await openPage({ width: 360 });
    for (const path of ["", ...Object.values(day).map((id) => `crew-calls/${id}`)]) {
      await page.goto(face.url + path);
      for (const summary of await page.locator("summary").all()) await summary.click();
      expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBeLessThanOrEqual(360);
    }
  });

  test("has landmarks, one heading for all, names for all it asks, and a way past the top", async () => {
    const face = await startTestFace(database.url, { actions: true });
    const page = await openPage();
    for (const path of ["", `crew-calls/${day.held}`]) {
      await page.goto(face.url + path);
      for (const role of ["banner", "main"] as const) expect(await page.getByRole(role).count()).toBe(1);
      expect(await page.getByRole("heading", { level: 1 }).count()).toBe(1);
      const unnamed =
        await page.evaluate(`[...document.querySelectorAll("a, button, input:not([type=hidden])")]
        .filter((one) => !one.textContent.trim() && !one.labels?.length).map((one) => one.outerHTML)`);
      expect(unnamed).toEqual([]);
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.className")).toBe("skip");
    }
  });

  for (const colorScheme of ["light", "dark"] as const) {
    test(`has contrast enough to read, ${colorScheme}`, async () => {
      const face = await startTestFace(database.url, { actions: true });
      const page = await openPage({ colorScheme });
      for (const path of ["", `crew-calls/${day.held}`, `crew-calls/${day.failed}`]) {
        await page.goto(face.url + path);
        expect(await page.evaluate(CONTRAST), path).toEqual([]);
      }
    });
  }

  test("refreshes by itself, and leaves scroll, focus and what is open alone", async () => {
    const face = await startTestFace(database.url);
    const page = await openPage({ width: 500 });
    await page.goto(face.url);
    const summary = page.locator(".call", { hasText: "Never synced" }).locator("summary");
    await summary.click();
    const scrolled = await page.evaluate("scrollY");
    expect(scrolled).toBeGreaterThan(0);
    await database.sql`update flex_sync.settings set hourly_limit = 4321`;
    await page.getByText("of 4,321").waitFor();
    expect(await page.evaluate("document.activeElement.innerText")).toBe("What to do next");
    expect(await page.evaluate("document.activeElement.parentElement.open")).toBe(true);
    expect(await page.evaluate("scrollY")).toBe(scrolled);
    expect(page.errors).toEqual([]);
    await database.sql`update flex_sync.settings set hourly_limit = null`;
  });

  test("rests while nobody sees it, and looks at once when somebody does", async () => {
    const face = await startTestFace(database.url);
    const page = await openPage();
    await page.clock.install();
    await page.goto(face.url);
    let asked = 0;
    page.on("request", (request) => {
      if (request.headers()["x-fragment"]) asked += 1;
    });
    const hide = (hidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, get: () => ${hidden} });
        document.dispatchEvent(new Event("visibilitychange"))`);
    await page.clock.runFor(6_000);
    await vi.waitUntil(() => asked === 1);
    await page.locator("#fresh", { hasText: "up to date" }).waitFor();
    await hide(true);
    await page.clock.runFor(120_000);
    expect(asked).toBe(1);
    expect(await page.locator("#fresh").innerText()).toMatch(/as of .* ago/);
    await hide(false);
    await vi.waitUntil(() => asked === 2);
    await page.locator("#fresh", { hasText: "up to date" }).waitFor();
  });

  test("says when it lost contact, and finds back", async () => {
    const face = await startTestFace(database.url);
    const page = await openPage();
    await page.goto(face.url);
    await page.route("**/*", (route) => route.abort());
    await page.getByRole("alert").getByText("No contact with the daemon").waitFor();
    expect(await page.locator(".call").count()).toBe(12);
    await page.unroute("**/*");
    await vi.waitUntil(async () => (await page.locator("#contact").innerText()) === "", { timeout: 40_000 });
  });

  test("loads nothing from anywhere else", async () => {
    const face = await startTestFace(database.url);
    const page = await openPage();
    const hosts = new Set<string>();
    page.on("request", (request) => hosts.add(new URL(request.url()).host));
    await page.goto(face.url);
    await page.goto(`${face.url}crew-calls/${day.held}`);
    expect([...hosts]).toEqual([new URL(face.url).host]);
  });
});

/** Texts whose contrast with what is behind them is below 4.5, as WCAG AA asks. */
const CONTRAST = `(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((one) => (one / 255 <= 0.03928 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const style = getComputedStyle(one);
      const stripes = style.backgroundImage.match(/rgba?\\([^)]*\\)/g);
      if (stripes) return parse(stripes.at(-1));
      const colour = parse(style.backgroundColor);
      if (colour.length < 4 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("main *, header *")]
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim()) && one.checkVisibility() && one.tagName !== "METER")
    .map((one) => {
      const [high, low] = [light(parse(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => b - a);
      return [one.outerHTML.slice(0, 80), Math.round((high + 0.05) / (low + 0.05) * 100) / 100];
    })
    .filter(([, ratio]) => ratio < 4.5);
})()`;
