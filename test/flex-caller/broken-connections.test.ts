import { describe, expect, it } from "vitest";
import {
  answerWith,
  callerFor,
  ELEMENT,
  LINE,
  RESOURCE,
  refusedPort,
  startRawServer,
} from "./local-servers.ts";

const head = (status: string, length: number) => `HTTP/1.1 ${status}\r\ncontent-length: ${length}\r\n\r\n`;

describe("before the first byte", () => {
  it("a refused connection is not sent", async () => {
    const outcome = await callerFor(await refusedPort()).addResource(ELEMENT, RESOURCE);
    expect(outcome).toMatchObject({ class: "not_sent", status: null });
    expect("error" in outcome && outcome.error).toContain("ECONNREFUSED");
  });

  it("a name that does not resolve is not sent", async () => {
    const caller = callerFor("https://flex.invalid/f5/api", { timeoutMs: 5_000 });
    expect(await caller.removeLine(LINE)).toMatchObject({ class: "not_sent" });
  });

  it("a server that does not speak TLS is not sent", async () => {
    const received: Buffer[] = [];
    const baseUrl = await startRawServer((socket) => {
      socket.on("data", (chunk) => received.push(chunk));
      socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    }, "https");
    expect(await callerFor(baseUrl).removeLine(LINE)).toMatchObject({ class: "not_sent" });
    expect(Buffer.concat(received).toString("latin1")).not.toContain("DELETE");
  });

  it("a TLS handshake that is cut off is not sent", async () => {
    const baseUrl = await startRawServer((socket) => socket.once("data", () => socket.destroy()), "https");
    expect(await callerFor(baseUrl).removeLine(LINE)).toMatchObject({ class: "not_sent" });
  });

  it("a TLS handshake that hangs is not sent when the deadline passes", async () => {
    const baseUrl = await startRawServer(() => {}, "https");
    expect(await callerFor(baseUrl, { timeoutMs: 100 }).removeLine(LINE)).toMatchObject({
      class: "not_sent",
    });
  });

  it("a request that waits for a connection until the deadline is never sent", async () => {
    let requests = 0;
    const baseUrl = await startRawServer((socket) => socket.on("data", () => requests++));
    const caller = callerFor(baseUrl, { connections: 1, timeoutMs: 200 });
    const outcomes = await Promise.all([caller.removeLine(LINE), caller.removeLine(LINE)]);
    expect(outcomes.map((outcome) => outcome.class)).toEqual(["unknown", "not_sent"]);
    const next = await caller.removeLine(LINE); // goes after the one that waited in vain
    expect(next.class).toBe("unknown");
    expect(requests).toBe(2);
  });

  it.each(["", "  ", ".", ".."])("an id %j is not sent", async (id) => {
    const caller = callerFor(await refusedPort());
    for (const outcome of [await caller.removeLine(id), await caller.addResource(ELEMENT, id)]) {
      expect(outcome).toMatchObject({ class: "not_sent" });
      expect("error" in outcome && outcome.error).toContain("an id is empty");
    }
  });

  it("a closed caller sends nothing", async () => {
    const caller = callerFor(await refusedPort());
    await caller.close();
    expect(await caller.removeLine(LINE)).toMatchObject({ class: "not_sent" });
  });
});

describe("after the first byte", () => {
  it.each([
    ["a reset", answerWith("", "reset")],
    ["a closed connection", answerWith("", "end")],
    ["half a status line", answerWith("HTTP/1.1 20", "end")],
    ["something that is no HTTP", answerWith("SSH-2.0-OpenSSH\r\n", "end")],
  ])("%s is unknown, without a status", async (_name, server) => {
    const outcome = await callerFor(await startRawServer(server)).addResource(ELEMENT, RESOURCE);
    expect(outcome).toMatchObject({ class: "unknown", status: null });
  });

  it("silence is unknown when the deadline passes", async () => {
    const caller = callerFor(await startRawServer((socket) => socket.resume()), { timeoutMs: 150 });
    expect(await caller.addResource(ELEMENT, RESOURCE)).toMatchObject({ class: "unknown", status: null });
  });

  it.each([200, 204, 401, 400, 403, 409, 429, 500].filter((status) => status !== 204))(
    "a body of %i that breaks off is unknown, with its status",
    async (status) => {
      const bytes = `${head(`${status} X`, 100)}{"addedResourceLineIds":`;
      for (const then of ["end", "reset"] as const) {
        const caller = callerFor(await startRawServer(answerWith(bytes, then)));
        expect(await caller.addResource(ELEMENT, RESOURCE)).toMatchObject({ class: "unknown", status });
      }
    },
  );

  it.each([200, 400, 401])("a body of %i that hangs is unknown when the deadline passes", async (status) => {
    const bytes = `${head(`${status} X`, 100)}{"addedResourceLineIds":`;
    const caller = callerFor(await startRawServer(answerWith(bytes, "open")), { timeoutMs: 200 });
    expect(await caller.removeLine(LINE)).toMatchObject({ class: "unknown", status });
  });

  it("a chunked body without its last chunk is unknown", async () => {
    const bytes = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n";
    const caller = callerFor(await startRawServer(answerWith(bytes)));
    expect(await caller.removeLine(LINE)).toMatchObject({ class: "unknown", status: 200 });
  });

  it("an early hint is no answer", async () => {
    const bytes = `HTTP/1.1 103 Early Hints\r\n\r\n${head("200 OK", 2)}{}`;
    const caller = callerFor(await startRawServer(answerWith(bytes)));
    expect(await caller.removeLine(LINE)).toEqual({ class: "done", status: 200, value: null });
  });

  it("a failed reading is unknown too", async () => {
    const caller = callerFor(await startRawServer(answerWith("", "reset")));
    expect(await caller.readLines(ELEMENT)).toMatchObject({ class: "unknown", status: null });
    expect(await caller.readIdentity(ELEMENT)).toMatchObject({ class: "unknown", status: null });
    expect(await caller.currentUser()).toMatchObject({ class: "unknown", status: null });
  });

  it.each([200, 400])("a body of %i over the cap is unknown", async (status) => {
    const body = JSON.stringify("x".repeat(2_000));
    const caller = callerFor(await startRawServer(answerWith(head(`${status} X`, body.length) + body)), {
      maxBodyBytes: 1_000,
    });
    expect(await caller.removeLine(LINE)).toMatchObject({ class: "unknown", status });
  });

  it("a lost connection is not used for a second attempt", async () => {
    let requests = 0;
    const baseUrl = await startRawServer((socket) =>
      socket.on("data", () => {
        requests += 1;
        socket.resetAndDestroy();
      }),
    );
    const caller = callerFor(baseUrl);
    await caller.readLines(ELEMENT);
    await caller.addResource(ELEMENT, RESOURCE);
    expect(requests).toBe(2);
  });
});
