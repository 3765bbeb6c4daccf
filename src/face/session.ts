import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Somebody whom a cookie lets in. */
export type Session = {
  /** How they signed in, for the history; empty when they did not say. */
  name: string;
  /** Part of the cookie, and what the token of their forms is bound to. */
  nonce: string;
};

/** Signs cookies and the tokens of forms. Without a secret of its own it ends with the process. */
export type Sessions = {
  /** The value of a cookie for somebody who may come in. */
  begin(name: string): string;
  /** Who shows this cookie; null when it is none of ours, or too old. */
  read(cookie: string | undefined): Session | null;
  /** What a form of this session sends along. */
  formToken(session: Session): string;
  isFormToken(session: Session, token: string): boolean;
};

/** How long a session lasts, seconds: a working day. */
export const SESSION_S = 12 * 3_600;
const LONGEST_NAME = 60;

/**
 * Sessions in signed cookies, which every daemon with the same secret understands.
 *
 * @param secret STATUS_TOKEN; whoever changes it ends all sessions
 */
export function createSessions(secret: string | undefined, now: () => number = Date.now): Sessions {
  const key = createHmac("sha256", secret ?? randomBytes(32))
    .update("flex-crew-sync status page")
    .digest();
  const sign = (text: string) => createHmac("sha256", key).update(text).digest("base64url");
  const formToken = ({ nonce }: Session) => sign(`form ${nonce}`);
  return {
    begin(name) {
      const ends = Math.floor(now() / 1_000) + SESSION_S;
      const session = [ends, randomBytes(16).toString("base64url"), name.trim().slice(0, LONGEST_NAME)];
      const payload = Buffer.from(JSON.stringify(session)).toString("base64url");
      return `${payload}.${sign(`session ${payload}`)}`;
    },
    read(cookie = "") {
      const [payload = "", signature = ""] = cookie.split(".");
      if (!isSame(signature, sign(`session ${payload}`))) return null;
      const [ends, nonce, name] = JSON.parse(Buffer.from(payload, "base64url").toString()) as [
        number,
        string,
        string,
      ];
      return ends * 1_000 > now() ? { name, nonce } : null;
    },
    formToken,
    isFormToken: (session, token) => isSame(token, formToken(session)),
  };
}

/** Compares in a time that says nothing of where they differ, nor of the length. */
export function isSame(given: string, right: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(right));
}
