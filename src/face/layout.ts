import type { Answer } from "./answer.ts";
import { CSS_PATH, ICON_PATH, JS_PATH } from "./assets.ts";
import { type Html, html } from "./html.ts";

export type Page = {
  title: string;
  /** What refreshes by itself. */
  live: Html;
  /** When it was read, by the database's clock; null for a page that stays as it is. */
  at: Date | null;
  /** Beside the title; where somebody is signed in, how to leave. */
  signOut?: Html | null;
};

/** A whole page, or only what refreshes of it. */
export function pageAnswer(status: number, page: Page, fragmentOnly: boolean): Answer {
  const shown = fragmentOnly ? liveOf(page) : whole(page);
  return { status, type: "text/html; charset=utf-8", body: shown.markup };
}

function liveOf({ live, at }: Page): Html {
  return html`<main id="live" tabindex="-1"${at && html` data-at="${at.toISOString()}"`}>${live}</main>`;
}

function whole(page: Page): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${page.title}</title>
<link rel="icon" href="${ICON_PATH}" type="image/svg+xml">
<link rel="stylesheet" href="${CSS_PATH}">
<script src="${JS_PATH}" defer></script>
</head>
<body>
<a class="skip" href="#live">To the content</a>
<header class="top">
  <a class="brand" href="/"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M4 12a8 8 0 0 1 13.7-5.6L20 8.5M20 4v4.5h-4.5M20 12a8 8 0 0 1-13.7 5.6L4 15.5M4 20v-4.5h4.5"/></svg>Crew sync</a>
  <span class="fresh" id="fresh" aria-hidden="true"></span>
  ${page.signOut}
</header>
<div id="contact" role="alert"></div>
${liveOf(page)}
</body>
</html>
`;
}
