import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Answer } from "./answer.ts";

/** `src` lies in the package beside `dist`: the files are the same from both. */
const asset = (name: string) => readFileSync(new URL(`../../src/face/${name}`, import.meta.url), "utf8");

const ASSETS = new Map(
  [
    { name: "page.css", type: "text/css; charset=utf-8" },
    { name: "page.js", type: "text/javascript; charset=utf-8" },
    { name: "icon.svg", type: "image/svg+xml" },
  ].map(({ name, type }) => {
    const body = asset(name);
    const version = createHash("sha256").update(body).digest("hex").slice(0, 8);
    return [name, { type, body, path: `/assets/${version}/${name}` }];
  }),
);

const pathOf = (name: string) => ASSETS.get(name)?.path ?? "";
export const CSS_PATH = pathOf("page.css");
export const JS_PATH = pathOf("page.js");
export const ICON_PATH = pathOf("icon.svg");

/** A file of the page; its path changes with it, so it may be kept. */
export function assetAnswer(name: string): Answer | null {
  const found = ASSETS.get(name);
  if (!found) return null;
  const { type, body } = found;
  return { status: 200, type, body, headers: { "Cache-Control": "max-age=31536000, immutable" } };
}
