import { describe, expect, it } from "vitest";
import {
  callerFor,
  ELEMENT,
  LINE,
  RESOURCE,
  ROLE,
  startAnswering,
  startHttpServer,
  TOKEN,
} from "./local-servers.ts";

const added = JSON.stringify({ addedResourceLineIds: [LINE], affectedRootLineIds: [LINE] });

describe("a write that Flex answers", () => {
  it.each([200, 201])("is done at %i with a line id", async (status) => {
    const caller = callerFor(await startAnswering(status, added));
    const outcome = await caller.addResource(ELEMENT, RESOURCE);
    expect(outcome).toEqual({ class: "done", status, value: { lineItemId: LINE, alsoAdded: [] } });
  });

  it.each([
    [200, "{}"],
    [200, "null"],
    [200, "[]"],
    [200, '"text"'],
    [200, '{"error":null,"success":true,"exceptionMessage":""}'],
    [200, ""],
    [204, ""],
  ])("is done at %i %j for a role and a removal", async (status, body) => {
    const caller = callerFor(await startAnswering(status, body));
    expect(await caller.setBusinessRole(ELEMENT, LINE, ROLE)).toEqual({ class: "done", status, value: null });
    expect(await caller.removeLine(LINE)).toEqual({ class: "done", status, value: null });
  });

  it.each([400, 403, 404, 405, 413, 415, 422])("is refused at %i", async (status) => {
    const caller = callerFor(await startAnswering(status, '{"exceptionMessage":"Unable to find contact"}'));
    const outcome = await caller.addResource(ELEMENT, RESOURCE);
    expect(outcome).toMatchObject({ class: "refused", status });
    expect("error" in outcome && outcome.error).toBe(
      `POST /line-item/${ELEMENT}/add-resource/${RESOURCE}: ${status}, Unable to find contact`,
    );
  });

  it("is unauthorized at 401", async () => {
    const caller = callerFor(await startAnswering(401, '{"exceptionMessage":"Access Denied"}'));
    expect(await caller.removeLine(LINE)).toMatchObject({ class: "unauthorized", status: 401 });
  });

  it.each([409, 423])("is refused for now at %i", async (status) => {
    const caller = callerFor(await startAnswering(status, ""));
    expect(await caller.removeLine(LINE)).toMatchObject({ class: "refused_for_now", status });
  });

  it.each([202, 300, 302, 304, 402, 406, 408, 410, 418, 428, 451, 500, 502, 503, 504, 599])(
    "is unknown at %i",
    async (status) => {
      const caller = callerFor(await startAnswering(status, status === 304 ? "" : added));
      expect(await caller.addResource(ELEMENT, RESOURCE)).toMatchObject({ class: "unknown", status });
    },
  );

  it.each([
    ["<html>Please log in</html>"],
    ["{"],
    ['{"exceptionMessage":"No"}'],
    ['{"error":"No"}'],
    ['{"error":{"code":1}}'],
    ['{"error":true}'],
    ['{"success":false,"message":"No"}'],
    ['{"success":false}'],
  ])("is unknown at 200 %s", async (body) => {
    const caller = callerFor(await startAnswering(200, body));
    expect(await caller.setBusinessRole(ELEMENT, LINE, ROLE)).toMatchObject({
      class: "unknown",
      status: 200,
    });
    expect(await caller.removeLine(LINE)).toMatchObject({ class: "unknown", status: 200 });
    expect(await caller.addResource(ELEMENT, RESOURCE)).toMatchObject({ class: "unknown", status: 200 });
  });

  it("is unknown when an error body names a line id all the same", async () => {
    const body = JSON.stringify({ addedResourceLineIds: [LINE], exceptionMessage: "Later step failed" });
    const outcome = await callerFor(await startAnswering(200, body)).addResource(ELEMENT, RESOURCE);
    expect(outcome).toMatchObject({ class: "unknown", status: 200 });
    expect("error" in outcome && outcome.error).toContain("Later step failed");
  });

  it.each(["", "{}", "null", "true", "[]", '{"addedResourceLineIds":[],"affectedRootLineIds":[]}'])(
    "is unknown for an add at 200 %j without a line id",
    async (body) => {
      const outcome = await callerFor(await startAnswering(200, body)).addResource(ELEMENT, RESOURCE);
      expect(outcome).toMatchObject({ class: "unknown", status: 200 });
    },
  );
});

describe("429", () => {
  const date = "Sun, 01 Mar 2026 10:00:00 GMT";
  it.each([
    ["120", 120_000],
    ["0", 0],
    ["Sun, 01 Mar 2026 10:01:30 GMT", 90_000],
    ["Sun, 01 Mar 2026 09:00:00 GMT", 0],
    ["99999999999999", 86_400_000],
    ["soon", null],
    ["-5", null],
    ["1.5", null],
    ["", null],
  ])("with Retry-After %j waits %j ms", async (retryAfter, retryAfterMs) => {
    const baseUrl = await startAnswering(429, "", { "retry-after": retryAfter, date });
    // This machine's clock is ten minutes fast, and not asked.
    const outcome = await callerFor(baseUrl, { now: () => Date.parse(date) + 600_000 }).removeLine(LINE);
    expect(outcome).toMatchObject({ class: "rate_limited", status: 429, retryAfterMs });
  });

  it.each([{}, { date: "whenever" }])(
    "with a date to wait for and none to compare it with asks this machine's clock",
    async (headers: Record<string, string>) => {
      const baseUrl = await startHttpServer((request, response) => {
        request.resume();
        response.sendDate = false;
        response.writeHead(429, { ...headers, "retry-after": "Sun, 01 Mar 2026 10:01:30 GMT" }).end();
      });
      const outcome = await callerFor(baseUrl, { now: () => Date.parse(date) }).removeLine(LINE);
      expect(outcome).toMatchObject({ retryAfterMs: 90_000 });
    },
  );

  it("without Retry-After says null", async () => {
    const outcome = await callerFor(await startAnswering(429, "{}")).removeLine(LINE);
    expect(outcome).toMatchObject({ class: "rate_limited", retryAfterMs: null });
  });
});

describe("an error text", () => {
  const errorOf = async (status: number, body: string, token = TOKEN) => {
    const outcome = await callerFor(await startAnswering(status, body), { token }).removeLine(LINE);
    return "error" in outcome ? outcome.error : "";
  };

  it("never holds the token, in whatever case or disguise Flex echoes it", async () => {
    const zeroWidth = `${TOKEN.slice(0, 9)}\u200b${TOKEN.slice(9)}`;
    const split = `${TOKEN.slice(0, 9)}\u0000${TOKEN.slice(9)}`;
    const echo = `bad key ${TOKEN}, ${TOKEN.toUpperCase()}, ${zeroWidth}, ${split}`;
    const error = await errorOf(400, JSON.stringify({ exceptionMessage: echo }));
    expect(error).toContain("[token]");
    expect(error.toLowerCase()).not.toContain(TOKEN.toLowerCase());
    expect(error.replace(/[^\w]/g, "").toLowerCase()).not.toContain(TOKEN.toLowerCase());
  });

  it("never holds a token with special characters, percent-encoded or plain", async () => {
    const token = "a.b+c/d=(e)[f]$^*";
    const error = await errorOf(
      400,
      JSON.stringify({ message: `${token} ${encodeURIComponent(token)}` }),
      token,
    );
    expect(error).not.toContain(token);
    expect(error).not.toContain(encodeURIComponent(token));
  });

  it("does not end in the middle of the token", async () => {
    for (const length of [120, 200, 215, 230, 250]) {
      const error = await errorOf(500, JSON.stringify({ exceptionMessage: `${"x".repeat(length)}${TOKEN}` }));
      expect(error).not.toContain(TOKEN.slice(0, 6));
    }
  });

  it("has at most 300 characters and no control characters or half surrogates", async () => {
    const error = await errorOf(
      500,
      JSON.stringify({ exceptionMessage: `a\u0000\n\u202e\ud800b${"😀".repeat(500)}` }),
    );
    expect([...error].length).toBeLessThanOrEqual(300);
    expect(error).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
    expect(error).toContain("a b");
  });

  it("shows of a body that is no JSON only its type and length", async () => {
    const baseUrl = await startAnswering(502, `<html>${TOKEN}</html>`, { "content-type": "text/html" });
    const outcome = await callerFor(baseUrl).removeLine(LINE);
    expect("error" in outcome && outcome.error).toBe(
      `DELETE /line-item/${LINE}: 502, text/html, 49 characters`,
    );
  });
});
