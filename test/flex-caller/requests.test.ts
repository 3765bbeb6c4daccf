import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import {
  callerFor,
  ELEMENT,
  LINE,
  RESOURCE,
  ROLE,
  startHttpServer,
  startRawServer,
  TOKEN,
} from "./local-servers.ts";

type Seen = { line: string; headers: IncomingMessage["headers"]; body: string; port: number | undefined };

async function startRecording(answer = "{}", status = 200, headers: Record<string, string> = {}) {
  const seen: Seen[] = [];
  const baseUrl = await startHttpServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method, url, socket } = request;
    seen.push({ line: `${method} ${url}`, headers: request.headers, body, port: socket.remotePort });
    response.writeHead(status, headers);
    response.end(answer);
  });
  return { seen, baseUrl };
}

describe("the request", () => {
  it("of each call is the documented one", async () => {
    const { seen, baseUrl } = await startRecording();
    const caller = callerFor(`${baseUrl}/`);
    await caller.addResource(ELEMENT, RESOURCE);
    await caller.setBusinessRole(ELEMENT, LINE, ROLE);
    await caller.removeLine(LINE);
    await caller.readLines(ELEMENT);
    await caller.readIdentity(ELEMENT);
    await caller.currentUser();
    expect(seen.map(({ line, body }) => [line, body])).toEqual([
      [
        `POST /f5/api/line-item/${ELEMENT}/add-resource/${RESOURCE}`,
        "resourceParentId=&managedResourceLineItemType=contact&quantity=1&parentLineItemId=&nextSiblingId=",
      ],
      [
        `POST /f5/api/line-item/${ELEMENT}/row-data/`,
        JSON.stringify({ lineItemId: LINE, fieldType: "business-role", payloadValue: ROLE }),
      ],
      [`DELETE /f5/api/line-item/${LINE}`, ""],
      [`GET /f5/api/line-item/${ELEMENT}/row-data/?codeList=contact&codeList=business-role&node=root`, ""],
      [`GET /f5/api/element/${ELEMENT}/identity`, ""],
      ["GET /f5/api/user-profile/current-user", ""],
    ]);
    expect(seen.map(({ headers }) => headers["content-type"]?.split(";")[0])).toEqual([
      "application/x-www-form-urlencoded",
      "application/json",
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    for (const { headers } of seen) {
      expect(headers).toMatchObject({ "x-auth-token": TOKEN, accept: "application/json" });
      expect(headers["accept-encoding"]).toBeUndefined();
    }
  });

  it("encodes and trims ids", async () => {
    const { seen, baseUrl } = await startRecording();
    const caller = callerFor(baseUrl);
    await caller.addResource(" a/b?c ", "d#e%2F..\r\nX: y");
    await caller.removeLine("../element");
    expect(seen.map(({ line }) => line)).toEqual([
      "POST /f5/api/line-item/a%2Fb%3Fc/add-resource/d%23e%252F..%0D%0AX%3A%20y",
      "DELETE /f5/api/line-item/..%2Felement",
    ]);
  });

  it("reuses connections", async () => {
    const { seen, baseUrl } = await startRecording();
    const caller = callerFor(baseUrl);
    for (let i = 0; i < 12; i += 1) await caller.removeLine(LINE);
    expect(seen).toHaveLength(12);
    expect(new Set(seen.map(({ port }) => port)).size).toBeLessThanOrEqual(2);
  });

  it("does not follow a redirect", async () => {
    const { seen, baseUrl } = await startRecording("", 302, { location: "/f5/api/elsewhere" });
    const caller = callerFor(baseUrl);
    expect(await caller.readLines(ELEMENT)).toMatchObject({ class: "unknown", status: 302 });
    expect(seen).toHaveLength(1);
  });

  it("keeps to the number of connections", async () => {
    const ports = new Set<number | undefined>();
    const held: (() => void)[] = [];
    const baseUrl = await startHttpServer((request, response) => {
      ports.add(request.socket.remotePort);
      held.push(() => response.end("{}"));
      if (held.length === 3) for (const answer of held.splice(0)) answer();
    });
    const caller = callerFor(baseUrl, { connections: 3 });
    const outcomes = await Promise.all(Array.from({ length: 9 }, () => caller.currentUser()));
    expect(outcomes.every((outcome) => outcome.class === "done")).toBe(true);
    expect(ports.size).toBe(3);
  });
});

describe("beforeFirstByte", () => {
  it("is asked once, on a connection that is there, and lets the request go", async () => {
    const { seen, baseUrl } = await startRecording();
    const caller = callerFor(baseUrl);
    let asked = 0;
    const beforeFirstByte = () => {
      asked += 1;
      return seen.length === asked - 1;
    };
    for (let i = 0; i < 3; i += 1) {
      expect(await caller.removeLine(LINE, { beforeFirstByte })).toMatchObject({ class: "done" });
    }
    expect(asked).toBe(3);
  });

  it("is not asked when no connection comes about", async () => {
    let asked = 0;
    const baseUrl = await startRawServer((socket) => socket.destroy(), "https");
    const outcome = await callerFor(baseUrl).removeLine(LINE, { beforeFirstByte: () => ++asked > 0 });
    expect(outcome).toMatchObject({ class: "not_sent" });
    expect(asked).toBe(0);
  });

  it.each([
    ["says no", () => false],
    [
      "throws",
      () => {
        throw new Error("clock");
      },
    ],
  ])(
    "keeps every byte back when it %s, on a fresh and on a used connection",
    async (_name, beforeFirstByte) => {
      const { seen, baseUrl } = await startRecording();
      const caller = callerFor(baseUrl);
      const calls = () => [
        caller.addResource(ELEMENT, RESOURCE, { beforeFirstByte }),
        caller.setBusinessRole(ELEMENT, LINE, ROLE, { beforeFirstByte }),
        caller.removeLine(LINE, { beforeFirstByte }),
        caller.readLines(ELEMENT, { beforeFirstByte }),
        caller.readIdentity(ELEMENT, { beforeFirstByte }),
        caller.currentUser({ beforeFirstByte }),
      ];
      const fresh = await Promise.all(calls());
      await caller.currentUser();
      const used = await Promise.all(calls());
      for (const outcome of [...fresh, ...used]) {
        expect(outcome).toMatchObject({ class: "not_sent" });
        expect("error" in outcome && outcome.error).toContain("the lease was over");
      }
      expect(seen.map(({ line }) => line)).toEqual(["GET /f5/api/user-profile/current-user"]);
    },
  );
});
