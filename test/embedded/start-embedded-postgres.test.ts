import { existsSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { chooseServerUser, makeServerFolder } from "../../src/embedded/server-user.ts";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";

const quick = { params: { fsync: "off" } };

/** Ask the server one thing on a connection of its own. */
async function ask(url: string, question: string): Promise<unknown> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const [row] = await sql.unsafe(question);
    return row && Object.values(row)[0];
  } finally {
    await sql.end();
  }
}

test("starts a server of the installed version with the settings asked for", async () => {
  await using server = await startEmbeddedPostgres({ params: { fsync: "off", max_connections: 17 } });
  expect(await ask(server.url, "select current_setting('server_version_num')::int / 10000")).toBe(
    server.version,
  );
  expect(await ask(server.url, "select current_user::text")).toBe(server.superuser);
  expect(await ask(server.url, "show max_connections")).toBe("17");
});

test("lets nobody in without the password", async () => {
  await using server = await startEmbeddedPostgres(quick);
  const url = new URL(server.url);
  url.password = "guessed";
  await expect(ask(url.href, "select 1")).rejects.toMatchObject({ code: "28P01" });
});

test("commits are durable unless somebody says otherwise", async () => {
  await using server = await startEmbeddedPostgres();
  expect(
    await ask(
      server.url,
      "select concat_ws(' ', current_setting('fsync'), current_setting('synchronous_commit'))",
    ),
  ).toBe("on on");
});

test("stop ends the server and deletes what it wrote", async () => {
  const { url, pid, dataDir, stop } = await startEmbeddedPostgres(quick);
  await stop();
  await expect(ask(url, "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(() => process.kill(Number(pid), 0)).toThrow(expect.objectContaining({ code: "ESRCH" }));
  expect(existsSync(dataDir)).toBe(false);
});

test.each(["fast", "immediate", "smart"] as const)("a restart keeps data and address: %s", async (mode) => {
  await using server = await startEmbeddedPostgres(quick);
  const before = server.pid;
  await ask(server.url, "create table kept as select 7 as number");

  await server.restart(mode, async () => {
    expect(server.pid).toBeUndefined();
    await expect(ask(server.url, "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  expect(await ask(server.url, "select number from kept")).toBe(7);
  expect(server.pid).not.toBe(before);
});

test("comes back after somebody killed it", async () => {
  await using server = await startEmbeddedPostgres(quick);
  await ask(server.url, "create table kept as select 7 as number");
  process.kill(Number(server.pid), "SIGKILL");
  await server.restart();
  expect(await ask(server.url, "select number from kept")).toBe(7);
});

test("a data folder of one's own is kept, and used again", async () => {
  // A folder that the server's user can enter: root's server runs as another user.
  const folder = String(makeServerFolder(chooseServerUser(), () => true));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const dataDir = join(folder, "db");

  const first = await startEmbeddedPostgres({ ...quick, dataDir });
  await ask(first.url, "create table kept as select 7 as number");
  await first.stop();
  const second = await startEmbeddedPostgres({ ...quick, dataDir, keep: false });

  expect(await ask(second.url, "select number from kept")).toBe(7);
  await second.stop();
  expect(existsSync(dataDir)).toBe(false);
});

test.skipIf(process.getuid?.() !== 0)(
  "root is told when the server's user may not enter the data folder",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "data-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await expect(startEmbeddedPostgres({ dataDir: join(folder, "db") })).rejects.toMatchObject({
      code: "PGRUN",
    });
  },
);

test("a port that is taken is an error when it was asked for", async () => {
  const neighbour = createServer();
  await new Promise<void>((resolve) => neighbour.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void neighbour.close());
  const { port } = neighbour.address() as { port: number };
  await expect(startEmbeddedPostgres({ ...quick, port })).rejects.toMatchObject({ code: "PGRUN" });
});
