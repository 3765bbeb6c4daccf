import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { createFlexCaller } from "../../src/flex-caller.ts";
import { cli, start } from "./command-line.ts";

test("simulates Flex until Ctrl-C, and says how to use it", async () => {
  const element = randomUUID();
  const server = start(["simulate-flex", "--port", "0", "--token", "secret", "--element", element], {});
  await server.says("Ctrl-C");
  const stopped = server.ended;
  const caller = createFlexCaller({ baseUrl: await baseUrl(server), token: "secret" });
  expect(await caller.readLines(element)).toMatchObject({ class: "done" });
  expect(await caller.readLines(randomUUID())).toMatchObject({ class: "refused", status: 404 });
  await caller.close();
  server.kill("SIGINT");
  const { code, stdout } = await stopped;
  expect(code).toBe(0);
  expect(stdout).toContain("/__simulator/faults");
});

test("refuses a profile, a port and an element that are none", async () => {
  for (const args of [
    ["--profile", "odd"],
    ["--port", "many"],
    ["--element", "sound"],
  ]) {
    expect((await cli(["simulate-flex", ...args], {})).code).toBe(2);
  }
});

test("says that its port is in use", async () => {
  const first = start(["simulate-flex", "--port", "0"], {});
  const { port } = new URL(await baseUrl(first));
  const second = await cli(["simulate-flex", "--port", port], {});
  expect(second.stderr).toContain(`port ${port} of 127.0.0.1 is in use (TAKEN)`);
  expect(second.code).toBe(2);
});

async function baseUrl(server: ReturnType<typeof start>): Promise<string> {
  await server.says(/FLEX_BASE_URL=\S+/);
  return /FLEX_BASE_URL=(\S+)/.exec(server.stdout)?.[1] ?? "";
}
