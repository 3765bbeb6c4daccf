import type { Reader } from "./access.ts";
import type { Answer } from "./answer.ts";
import type { Buttons } from "./crew-call-page.ts";
import type { Directory } from "./directory.ts";
import type { FaceDatabase } from "./face-database.ts";
import type { FaceSettings } from "./face-settings.ts";
import { type Page, pageAnswer } from "./layout.ts";
import type { Overview } from "./read-overview.ts";
import type { Exchange } from "./routes.ts";
import { SESSION_S, type Sessions } from "./session.ts";
import { cookie, signOutForm } from "./sign-in.ts";
import type { Snapshot } from "./snapshot.ts";

/** What the pages are made from. */
export type PageParts = {
  database: FaceDatabase;
  settings: FaceSettings;
  sessions: Sessions;
  overview: (waitMs: number) => Promise<Snapshot<Overview>>;
  directory: (waitMs: number) => Promise<Snapshot<Directory>>;
  mayAct: (waitMs: number) => Promise<Snapshot<boolean>>;
};

/** How long a page waits for what it shows. */
export const WAIT_MS = 8_000;

/** Whether there are buttons, and they would work. */
export async function mayAct({ settings, mayAct: ask }: PageParts): Promise<boolean> {
  return settings.actions && (await ask(WAIT_MS)).value;
}

/** The session that a form's token is bound to; on this machine, without a token, one begins here. */
export function sessionFor(
  { sessions }: PageParts,
  { headers }: Exchange,
  reader: Reader,
): (NonNullable<Buttons> & { cookie: string | null }) | null {
  if (reader.by === "token") return null;
  if (reader.by === "session") return { formToken: sessions.formToken(reader.session), cookie: null };
  const value = sessions.begin("");
  const begun = sessions.read(value);
  return begun && { formToken: sessions.formToken(begun), cookie: cookie(headers, value, SESSION_S) };
}

/** A page for whoever reads it; what refreshes gets the part that changes. */
export function answer(
  { settings }: PageParts,
  exchange: Exchange,
  reader: Reader,
  page: Omit<Page, "signOut">,
  { status = 200, setCookie = null }: { status?: number; setCookie?: string | null } = {},
): Answer {
  const signOut = settings.statusToken !== undefined && reader.by === "session" ? signOutForm() : null;
  const shown = pageAnswer(status, { ...page, signOut }, exchange.headers["x-fragment"] !== undefined);
  return setCookie === null ? shown : { ...shown, headers: { "Set-Cookie": setCookie } };
}
