import { mkdir } from "node:fs/promises";
import { type BrowserContextOptions, chromium } from "playwright-core";
import postgres from "postgres";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { silentLog } from "../../src/drainer/log.ts";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { startFace } from "../../src/face/start-face.ts";
import { migrate } from "../../src/migrate.ts";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { findProgram } from "../needs.ts";
import { makeBadDay } from "./bad-day.ts";

/** Takes the pictures of docs/status-page.md: `npm run docs:images`. */
const FOLDER = process.argv[2] ?? "docs/images";

await using server = await startEmbeddedPostgres({ params: { fsync: "off" } });
await migrate({ connectionString: server.url });
await applyCurrent(server.url);
const sql = postgres(server.url, { max: 2, onnotice: () => {} });
const flex = await startSimulator();
const day = await makeBadDay({ sql, databaseUrl: server.url, flex });
const face = await startFace({
  settings: { port: 0, host: "127.0.0.1", statusToken: undefined, actions: true },
  databaseUrl: server.url,
  log: silentLog,
  signal: new AbortController().signal,
});
const browser = await chromium.launch({
  executablePath: findProgram("chromium") ?? "chromium",
  args: ["--no-sandbox"],
});
await mkdir(FOLDER, { recursive: true });

const DESKTOP = { viewport: { width: 1180, height: 860 } };
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 1.5, isMobile: true };
await take("status-page.png", "/", DESKTOP);
await take("status-page-dark.png", "/", { ...DESKTOP, colorScheme: "dark" });
await take("status-page-phone.png", "/", PHONE);
await take("crew-call-held.png", `/crew-calls/${day.held}`, DESKTOP);
await take("crew-call-failed-phone.png", `/crew-calls/${day.failed}`, PHONE);

await browser.close();
await face.close();
await flex.stop();
await sql.end();

async function take(name: string, path: string, options: BrowserContextOptions): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(new URL(path, face.url).href);
  await page.screenshot({ path: `${FOLDER}/${name}` });
  await context.close();
}
