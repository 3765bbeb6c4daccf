import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { cli } from "../cli/command-line.ts";
import { setStage } from "../cli/stage.ts";
import { ask, TOKEN } from "./face-stage.ts";

const ready = (text: string) =>
  JSON.parse(text.split("\n").find((line) => line.includes('"serving"')) ?? "{}") as { url: string };

/** A port that somebody else has. */
async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("flex-crew-sync drain with PORT", () => {
  test("serves until SIGTERM, and ends with 0", async () => {
    const { startDrain } = await setStage();
    const drain = await startDrain({ PORT: "0" });
    const { url } = ready(drain.stderr);
    expect(new URL(url).hostname).toBe("127.0.0.1");
    expect((await ask(new URL("/healthz", url))).status).toBe(200);
    expect((await ask(new URL("/readyz", url))).status).toBe(200);
    expect((await ask(new URL("/metrics", url))).body).toContain('flex_crew_sync_steps_total{result="ok"}');
    drain.kill("SIGTERM");
    expect((await drain.ended).code).toBe(0);
    await expect(ask(new URL("/healthz", url))).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("without PORT, and with --once, it opens none", async () => {
    const { env, startDrain } = await setStage();
    const drain = await startDrain({ PORT: "" });
    expect(drain.stderr).not.toContain('"serving"');
    const once = await cli(["drain", "--once"], { ...env, PORT: String(await takenPort()) });
    expect(once.code).toBe(0);
    expect(once.stderr).not.toContain('"serving"');
  });

  test("with a port that is taken it does not start", async () => {
    const { env } = await setStage();
    const { code, stderr } = await cli(["drain"], { ...env, PORT: String(await takenPort()) });
    expect(code).toBe(2);
    expect(stderr).toContain("(TAKEN)");
    expect(stderr).toContain("PORT");
  });

  test("for other machines, without a token, page and metrics are off and it says so", async () => {
    const { startDrain } = await setStage();
    const drain = await startDrain({ PORT: "0", HOST: "0.0.0.0" });
    expect(drain.stderr).toContain("STATUS_TOKEN");
    const url = new URL("/metrics", ready(drain.stderr).url);
    url.hostname = "127.0.0.1";
    expect((await ask(url)).status).toBe(403);
    url.pathname = "/readyz";
    expect((await ask(url)).status).toBe(200);
  });

  test.each([
    ["PORT", { PORT: "http" }, "WPORT"],
    ["PORT", { PORT: "65536" }, "WPORT"],
    ["PORT", { PORT: "-1" }, "WPORT"],
    ["HOST", { PORT: "0", HOST: "192.0.2.1" }, "LISTN"],
    ["STATUS_TOKEN", { PORT: "0", STATUS_TOKEN: "short" }, "STTOK"],
    ["STATUS_TOKEN", { PORT: "0", STATUS_TOKEN: "two words, but long enough" }, "STTOK"],
    ["STATUS_TOKEN", { PORT: "0", STATUS_TOKEN: TOKEN, FLEX_AUTH_TOKEN: TOKEN }, "STTOK"],
    ["STATUS_ACTIONS", { PORT: "0", STATUS_ACTIONS: "yes" }, "STACT"],
  ])("names %s when it cannot be right: %j", async (name, wrong, found) => {
    const env = {
      DATABASE_URL: "postgres://127.0.0.1:1/none",
      FLEX_BASE_URL: "http://127.0.0.1:1/f5/api",
      FLEX_AUTH_TOKEN: "x",
    };
    const { code, stderr } = await cli(["drain"], { ...env, ...wrong });
    expect(code).toBe(2);
    expect(stderr).toContain(`(${found})`);
    expect(stderr).toContain(name);
    expect(stderr).not.toContain(TOKEN);
    expect(stderr).not.toContain("two words");
  });
});
