import { expect, test, vi } from "vitest";
import { withDrainer } from "../../src/drainer/with-drainer.ts";
import { ana } from "../crew-call.ts";
import { startPostgresProxy } from "./postgres-proxy.ts";
import { type Stage, setStage } from "./stage.ts";

const optionsOf = ({ flex }: Stage, databaseUrl: string) => ({
  databaseUrl,
  flexBaseUrl: flex.baseUrl,
  flexAuthToken: flex.token,
  timeoutMs: 1_000,
});

test("stopping does not wait for a database that hangs", async () => {
  const stage = await setStage();
  const proxy = await startPostgresProxy(stage.url);
  const stopping = new AbortController();
  const left = withDrainer(
    { ...optionsOf(stage, proxy.url), signal: stopping.signal },
    async ({ drainer }) => {
      await drainer.step();
      proxy.freeze();
      proxy.mode = "silent";
      const hanging = drainer.step();
      stopping.abort();
      await hanging;
      return "not left hanging";
    },
    200,
  );
  expect(await left).toBeUndefined();
  await vi.waitUntil(() => proxy.open === 0, { timeout: 10_000 });
});

test("nor for outcomes that cannot be recorded: the claim runs out", async () => {
  const stage = await setStage();
  const proxy = await startPostgresProxy(stage.url);
  const call = await stage.makeCrewCall([ana]);
  await stage.sync(call);
  await withDrainer(
    optionsOf(stage, proxy.url),
    async ({ drainer }) => {
      stage.flex.fault({ route: "list", do: { kind: "delay", ms: 100 } });
      await drainer.step();
      await proxy.down();
    },
    200,
  );
  expect(await stage.operations("observe")).toMatchObject([{ state: "sending" }]);
});
