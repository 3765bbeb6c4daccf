import { expect, test } from "vitest";
import { isFromOurPage, mayRead } from "../../src/face/access.ts";
import { createSessions, SESSION_S } from "../../src/face/session.ts";
import { TOKEN } from "./face-stage.ts";

const here = { port: 80, host: "127.0.0.1", statusToken: undefined, actions: false };
const withToken = { ...here, host: "0.0.0.0", statusToken: TOKEN };
const sessions = createSessions(TOKEN);

test.each([
  ["127.0.0.1:80", "this machine"],
  ["localhost", "this machine"],
  ["LOCALHOST:8080", "this machine"],
  ["[::1]:80", "this machine"],
  ["rebound.example", "wrong host"],
  ["127.0.0.1.rebound.example:80", "wrong host"],
  ["localhost.rebound.example", "wrong host"],
  ["", "wrong host"],
])("without a token, asked as %j: %s", (host, expected) => {
  const reader = mayRead({ host }, here, sessions);
  expect(typeof reader === "string" ? reader : reader.by).toBe(expected);
});

test.each(["forwarded", "x-forwarded-for", "x-forwarded-host"])(
  "without a token, nobody comes in through a proxy (%s)",
  (name) => {
    expect(mayRead({ host: "localhost", [name]: "somebody" }, here, sessions)).toBe("wrong host");
  },
);

test("without a token, other machines find nothing, whatever they call it", () => {
  expect(mayRead({ host: "localhost" }, { ...here, host: "0.0.0.0" }, sessions)).toBe("page is off");
});

test("with a token, whoever shows it comes in, by whatever name", () => {
  const from = (authorization: string) =>
    mayRead({ host: "status.example", authorization }, withToken, sessions);
  expect(from(`Bearer ${TOKEN}`)).toEqual({ by: "token" });
  expect(from(`bearer ${TOKEN}`)).toEqual({ by: "token" });
  expect(from(`Bearer ${TOKEN}x`)).toBe("wrong token");
  expect(from(`Bearer ${TOKEN.slice(1)}`)).toBe("wrong token");
  expect(from(`Basic ${TOKEN}`)).toBe("sign in");
  expect(mayRead({}, withToken, sessions)).toBe("sign in");
});

test("a session lets in until it ends, and only where the token is the same", () => {
  let now = 1_000_000;
  const ours = createSessions(TOKEN, () => now);
  const cookie = ours.begin("Ana");
  expect(ours.read(cookie)?.name).toBe("Ana");
  expect(createSessions(TOKEN, () => now).read(cookie)?.name).toBe("Ana");
  expect(createSessions("another token of a test", () => now).read(cookie)).toBeNull();
  expect(createSessions(undefined).read(createSessions(undefined).begin("Ana"))).toBeNull();
  now += SESSION_S * 1_000 + 1;
  expect(ours.read(cookie)).toBeNull();
});

test("a cookie that somebody made or changed is none", () => {
  const [payload = "", signature = ""] = sessions.begin("Ana").split(".");
  const forged = Buffer.from(JSON.stringify([9_999_999_999, "nonce", "Ana"])).toString("base64url");
  for (const cookie of ["", ".", "x", payload, `${payload}.`, `${forged}.${signature}`, `.${signature}`])
    expect(sessions.read(cookie), cookie).toBeNull();
});

test("the token of a form belongs to one session", () => {
  const [ana, ben] = ["Ana", "Ben"].map((name) => sessions.read(sessions.begin(name)));
  if (!ana || !ben) throw new Error("no session");
  expect(sessions.isFormToken(ana, sessions.formToken(ana))).toBe(true);
  expect(sessions.isFormToken(ana, sessions.formToken(ben))).toBe(false);
  expect(sessions.isFormToken(ana, "")).toBe(false);
});

test.each([
  [{ "sec-fetch-site": "same-origin" }, true],
  [{ "sec-fetch-site": "same-origin", origin: "https://status.example" }, true],
  [{ origin: "http://status.example" }, true],
  [{ "sec-fetch-site": "cross-site", origin: "http://status.example" }, false],
  [{ "sec-fetch-site": "same-site" }, false],
  [{ "sec-fetch-site": "none" }, false],
  [{ origin: "http://elsewhere.example" }, false],
  [{ origin: "http://status.example:81" }, false],
  [{ origin: "null" }, false],
  [{}, false],
])("a form with %j is from our page: %s", (headers, expected) => {
  expect(isFromOurPage({ host: "status.example", ...headers })).toBe(expected);
});
