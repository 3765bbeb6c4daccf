import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, onTestFinished } from "vitest";
import { findProgram } from "../needs.ts";

let browser: Promise<Browser> | undefined;

/** Debian's Chromium, one per test file. */
function launch(): Promise<Browser> {
  browser ??= chromium.launch({
    executablePath: findProgram("chromium") ?? "chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  return browser;
}

/** Register this at the top of a file that opens pages. */
export function closeBrowserAtTheEnd(): void {
  afterAll(async () => {
    await (await browser)?.close();
  });
}

export type PageOptions = { width?: number; javaScriptEnabled?: boolean; colorScheme?: "light" | "dark" };

/** A page with a profile of its own; errors in its scripts fail the test that asks for them. */
export async function openPage({
  width = 1180,
  ...options
}: PageOptions = {}): Promise<Page & { errors: string[] }> {
  const context = await (await launch()).newContext({ viewport: { width, height: 760 }, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return Object.assign(page, { errors });
}
