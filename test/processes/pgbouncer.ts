import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { onTestFinished, vi } from "vitest";
import { findProgram } from "../needs.ts";

/** A PgBouncer in transaction mode before a database; returns the URL by way of it. It ends with the test. */
export async function startPgBouncer(databaseUrl: string): Promise<string> {
  const target = new URL(databaseUrl);
  const folder = await mkdtemp(join(tmpdir(), "flex-pgbouncer-"));
  const port = await freePort();
  const config = join(folder, "pgbouncer.ini");
  await writeFile(
    config,
    `[databases]
* = host=${target.hostname} port=${target.port} user=${target.username} password=${decodeURIComponent(target.password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
`,
  );
  // It refuses to run as root, and the other user has to read its settings.
  await chmod(folder, 0o755);
  const asUser = process.getuid?.() === 0 ? ["-u", "postgres"] : [];
  const program = findProgram("pgbouncer") as string;
  const child = spawn(program, [...asUser, config], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true });
  });
  const url = new URL(databaseUrl);
  url.port = String(port);
  url.hostname = "127.0.0.1";
  const answers = async () => {
    const sql = postgres(url.href, { max: 1, prepare: false, fetch_types: false, onnotice: () => {} });
    return sql`select 1`.then(
      () => sql.end().then(() => true),
      () => sql.end({ timeout: 0 }).then(() => false),
    );
  };
  await vi.waitUntil(answers, { timeout: 10_000 });
  return url.href;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
