import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { setStage } from "../cli/stage.ts";
import { ana, ben } from "../crew-call.ts";
import { ROOT, read, trackedFiles } from "../documents/repository.ts";
import { needsPackages } from "../needs.ts";
import { askRegistry } from "../package/fetch-packages.ts";
import { build, type Image, instructionsOf, run } from "./dockerfile.ts";
import { startProgram } from "./run-program.ts";

const DOCKERFILE = "examples/daemon/Dockerfile";
const withRegistry = needsPackages({ "the registry of packages": await askRegistry() });

test("the image does not run as root, and hands signals to Node itself", () => {
  const said = instructionsOf(read(DOCKERFILE));
  const last = (word: string) => said.findLast((instruction) => instruction.word === word)?.rest;
  expect(last("USER")).toBe("node");
  // In its second form, with a shell in between, SIGTERM would not arrive.
  expect(JSON.parse(last("CMD") ?? "")[0]).toBe("node");
});

test("what is not for the image stays out of its context", () => {
  const ignored = read(`${DOCKERFILE}.dockerignore`).trim().split("\n");
  expect(ignored).toEqual(expect.arrayContaining([".git", "dist", "**/node_modules"]));
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "flex-crew-sync-image-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

withRegistry(
  "the steps of the Dockerfile make a drainer that works, is healthy, and ends with 0",
  async () => {
    const context = join(folder, "context");
    for (const path of trackedFiles()) {
      mkdirSync(dirname(join(context, path)), { recursive: true });
      cpSync(join(ROOT, path), join(context, path));
    }
    const image: Image = await build(read(DOCKERFILE), context, folder);
    const stage = await setStage();
    const [command = "", ...args] = image.command;
    const env = { ...image.env, ...(stage.env as Record<string, string>), PORT: "0" };
    const cwd = join(image.root, image.folder);
    const drainer = startProgram(
      command,
      args,
      { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      { cwd },
    );
    const [, port = ""] = await drainer.says(/"url":"http:\/\/127\.0\.0\.1:(\d+)/);
    await drainer.says(/"ready"/);
    expect(await run(image, image.health, { PORT: port })).toBe("");
    const call = await stage.makeCall({ desired: [ana, ben] });
    await stage.sql`select sync_crew_call(${call.id})`;
    const condition = async () =>
      (await stage.sql`select condition from flex_sync.crew_call_status`)[0]?.condition;
    await vi.waitUntil(async () => (await condition()) === "synced", { timeout: 60_000 });
    expect(await drainer.stop()).toBe(0);
    await expect(run(image, image.health, { PORT: port })).rejects.toThrow("ended with 1");
  },
  300_000,
);
