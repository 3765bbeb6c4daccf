import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDatabase } from "../postgres/database.ts";

const run = promisify(execFile);

/** The published package, unpacked where nothing of the checkout is but its dependencies. */
describe("the packed tarball", () => {
  let folder: string;
  let main: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "flex-crew-sync-pack-"));
    await run("npm", ["pack", "--pack-destination", folder], { maxBuffer: 1e8 });
    const [tarball = ""] = await readdir(folder);
    await run("tar", ["-xzf", join(folder, tarball), "-C", folder]);
    await symlink(resolve("node_modules"), join(folder, "package", "node_modules"));
    main = join(folder, "package", "dist", "cli", "main.js");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("brings the SQL and installs it", async () => {
    const { url, sql } = await createDatabase({ template: "empty" });
    await run("node", [main, "migrate"], { env: { ...process.env, DATABASE_URL: url } });
    const [row] = await sql`select count(*)::int as number from flex_sync.migrations`;
    expect(row?.number).toBeGreaterThan(0);
    const [crewCall] =
      await sql`select to_regprocedure('public.sync_crew_call(uuid, boolean, boolean, text)') is not null as there`;
    expect(crewCall?.there).toBe(true);
  });

  test("brings the simulated Flex", async () => {
    const child = spawn("node", [main, "simulate-flex", "--port", "0"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = await new Promise<string>((resolve, reject) => {
      let text = "";
      const hear = (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes("/f5/api")) resolve(text);
      };
      child.stdout.on("data", hear);
      child.stderr.on("data", hear);
      child.on("exit", () => reject(new Error(text)));
    });
    child.kill("SIGTERM");
    expect(said).toMatch(/http:\/\/127\.0\.0\.1:\d+\/f5\/api/);
  });

  test("brings the status page with its style and its script", async () => {
    const { url } = await createDatabase();
    const child = spawn("node", [main, "drain"], {
      env: {
        ...process.env,
        DATABASE_URL: url,
        FLEX_BASE_URL: "http://127.0.0.1:1/f5/api",
        FLEX_AUTH_TOKEN: "of-a-test",
        PORT: "0",
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const page = await new Promise<string>((resolve, reject) => {
      let text = "";
      child.stderr.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        const found = /"url":"([^"]+)"/.exec(text)?.[1];
        if (found) resolve(found);
      });
      child.on("exit", () => reject(new Error(text)));
    });
    const html = await (await fetch(page)).text();
    const assets = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? "");
    expect(assets).toHaveLength(3);
    for (const path of assets) {
      const asset = await fetch(new URL(path, page));
      expect(asset.status, path).toBe(200);
      expect((await asset.text()).length).toBeGreaterThan(100);
    }
    child.kill("SIGTERM");
  });

  test("can be imported as a library", async () => {
    const script = 'import("flex-crew-sync").then((all) => console.log(Object.keys(all).sort().join(" ")))';
    const { stdout } = await run("node", [
      "--input-type=module",
      "-e",
      script.replace("flex-crew-sync", join(folder, "package", "dist", "index.js")),
    ]);
    expect(stdout.trim().split(" ")).toEqual(
      expect.arrayContaining([
        "ConfigurationError",
        "FlexCrewSyncError",
        "createFlexCaller",
        "drain",
        "drainOnce",
        "migrate",
        "syncCrewCall",
      ]),
    );
  });
});
