import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { describe, expect, test } from "vitest";
import { ana, ben, type CrewCall, cleo, makeCrewCall, person } from "../crew-call.ts";
import { sync } from "../functions/asking.ts";
import { createDatabase } from "../postgres/database.ts";
import { bearer, type StartedFace, startTestFace, TOKEN } from "./face-stage.ts";

const html = { accept: "text/html,application/xhtml+xml" };
const ours = { "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded" };

/** A crew call on which five lines of strangers are held. */
async function makeHeld(sql: Sql): Promise<CrewCall & { plan: string }> {
  const call = await makeCrewCall(sql, {
    desired: [ana],
    inFlex: [11, 12, 13, 14, 15].map(person),
  });
  await sync(sql, call);
  const [row] = await sql`select plan from flex_sync.crew_call_status where crew_call_id = ${call.id}`;
  return { ...call, plan: row?.plan };
}

/** What a browser has after it opened a page: the cookie, and the token in the page's forms. */
async function open(face: StartedFace, path: string, cookie?: string) {
  const { body, headers } = await face.ask(path, { headers: { ...html, ...(cookie ? { cookie } : {}) } });
  const set = headers["set-cookie"]?.[0]?.split(";")[0];
  return { cookie: set ?? cookie ?? "", token: /name="token" value="([^"]+)"/.exec(body)?.[1] ?? "", body };
}

/** Signs in and answers the cookie. */
async function signIn(face: StartedFace, form: Record<string, string> = {}): Promise<string> {
  const body = new URLSearchParams({ token: TOKEN, to: "/", ...form }).toString();
  const { headers } = await face.ask("/sign-in", { method: "POST", headers: ours, body });
  return headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}

test("a page has the headers that keep others out, and loads only what is ours", async () => {
  const { url } = await createDatabase();
  const face = await startTestFace(url);
  const { headers, body, status } = await face.ask("/", { headers: html });
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
  });
  const policy = String(headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  const linked = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? "");
  expect(linked.filter((link) => !/^[/#]/.test(link))).toEqual([]);
  expect(body).not.toMatch(/<script>|style="|\son\w+="/);
  for (const path of linked.filter((link) => link.startsWith("/assets/")))
    expect((await face.ask(path)).status, path).toBe(200);
});

test("answers what it does not have, and what it cannot do", async () => {
  const { url } = await createDatabase();
  const face = await startTestFace(url);
  expect((await face.ask("/nothing")).status).toBe(404);
  expect((await face.ask(`/crew-calls/${randomUUID()}`, { headers: html })).status).toBe(404);
  expect((await face.ask(`/crew-calls/${randomUUID()}.json`)).status).toBe(404);
  expect((await face.ask("/assets/00000000/secret.txt")).status).toBe(404);
  expect((await face.ask("//elsewhere.example/")).status).toBe(404);
  expect(await face.ask("/", { method: "DELETE" })).toMatchObject({ status: 405, headers: { allow: "GET" } });
  expect(await face.ask("/", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
});

test("while the database is away it says so, and that is no fault of the page", async () => {
  const face = await startTestFace("postgres://127.0.0.1:1/nowhere");
  const { status, body } = await face.ask("/", { headers: html });
  expect(status).toBe(503);
  expect(body).toContain("The database does not answer");
});

test("tells programs the same as people", async () => {
  const { url, sql } = await createDatabase();
  const held = await makeHeld(sql);
  const face = await startTestFace(url);
  const all = JSON.parse((await face.ask("/status.json")).body);
  expect(all).toMatchObject({
    counts: { held: 1 },
    crew_calls: [{ crew_call_id: held.id, condition: "held" }],
  });
  const one = JSON.parse((await face.ask(`/crew-calls/${held.id}.json`)).body);
  expect(one.crewCall).toMatchObject({ condition: "held", plan: held.plan });
  expect(one.held).toHaveLength(5);
  expect(one.persons.length).toBeGreaterThan(0);
});

test("pages through what does not fit one, by condition too", async () => {
  const { url, sql } = await createDatabase();
  await sql`insert into jobs (id) select gen_random_uuid() from generate_series(1, 130)`;
  await sql`insert into flex_crew_calls (id, job_id, department, flex_element_id)
    select gen_random_uuid(), id, 'sound', gen_random_uuid() from jobs`;
  const face = await startTestFace(url);
  const seen = new Set<string>();
  let path: string | undefined = "/?condition=never_synced";
  let pages = 0;
  while (path) {
    const { body } = await face.ask(path, { headers: html });
    for (const [, id] of body.matchAll(/data-key="([0-9a-f-]{36})/g)) seen.add(id ?? "");
    pages += 1;
    path = /href="([^"]+)" rel="next"/.exec(body)?.[1]?.replaceAll("&amp;", "&");
  }
  expect(pages).toBe(3);
  expect(seen.size).toBe(130);
});

test("calls people as the host does, else as Flex does, else by their id", async () => {
  const { url, sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana, ben, cleo] });
  await sql`alter table profiles add column first_name text, add column last_name text`;
  await sql`update profiles set first_name = 'Ana', last_name = 'Ortuño' where id = ${ana.id}`;
  await sync(sql, call);
  await sql`update flex_sync.lines set name = 'Benito in Flex' where flex_resource_id = ${ben.resource}`;
  const { body } = await (await startTestFace(url)).ask(`/crew-calls/${call.id}`, { headers: html });
  const names = [...body.matchAll(/<div class="person-head"><b>(.*?)<\/b>/g)].map(([, name]) => name);
  expect(names).toEqual(["Ana Ortuño", "Benito in Flex", expect.stringContaining(`title="${cleo.id}"`)]);
});

test("finds a crew call by its own id, its job's, or its element's", async () => {
  const { url, sql } = await createDatabase();
  const call = await makeCrewCall(sql, { desired: [ana] });
  const face = await startTestFace(url);
  for (const id of [call.id, call.job, call.element, ` ${call.id.toUpperCase()} `]) {
    const { status, headers } = await face.ask(`/?find=${encodeURIComponent(id)}`, { headers: html });
    expect([status, headers.location]).toEqual([303, `/crew-calls/${call.id}`]);
  }
  expect((await face.ask(`/?find=${randomUUID()}`, { headers: html })).body).toContain("Nothing has the id");
  expect((await face.ask("/?find=nonsense", { headers: html })).body).toContain(
    "Nothing has the id nonsense",
  );
});

describe("with a token", () => {
  test("whoever has none gets a form, and nothing else", async () => {
    const { url, sql } = await createDatabase();
    const call = await makeCrewCall(sql, { desired: [ana] });
    const face = await startTestFace(url, { statusToken: TOKEN });
    for (const path of [
      "/",
      "/status.json",
      `/crew-calls/${call.id}`,
      `/crew-calls/${call.id}.json`,
      "/metrics",
    ]) {
      const { status, body } = await face.ask(path, { headers: html });
      expect(status, path).toBe(401);
      expect(body).not.toContain(call.element);
      expect((await face.ask(path, { headers: { ...html, authorization: "Bearer wrong" } })).status).toBe(
        401,
      );
      expect((await face.ask(path, { headers: { ...html, ...bearer } })).status, path).toBe(200);
    }
  });

  test("signing in sets a cookie that no script reads and no page elsewhere sends", async () => {
    const { url } = await createDatabase();
    const face = await startTestFace(url, { statusToken: TOKEN });
    const enter = (token: string, headers: Record<string, string> = ours) =>
      face.ask("/sign-in", {
        method: "POST",
        headers,
        body: new URLSearchParams({ token, to: "/" }).toString(),
      });
    expect((await enter("wrong")).status).toBe(401);
    expect((await enter("wrong")).headers["set-cookie"]).toBeUndefined();
    expect(face.logged.filter(({ level }) => level === "warn")).toHaveLength(2);
    expect(JSON.stringify(face.logged)).not.toMatch(new RegExp(`wrong"|${TOKEN}`));
    const right = await enter(TOKEN);
    expect([right.status, right.headers.location]).toEqual([303, "/"]);
    const [cookie = ""] = right.headers["set-cookie"] ?? [];
    for (const part of ["HttpOnly", "SameSite=Strict", "Path=/"]) expect(cookie).toContain(part);
    expect(cookie).not.toContain(TOKEN);
    expect(cookie).not.toContain("Secure");
    const behindTls = await enter(TOKEN, { ...ours, "x-forwarded-proto": "https" });
    expect(behindTls.headers["set-cookie"]?.[0]).toContain("Secure");
    expect((await face.ask("/", { headers: { ...html, cookie } })).status).toBe(200);
    expect((await enter(TOKEN, { "sec-fetch-site": "cross-site" })).status).toBe(403);
  });

  test("nobody is led elsewhere after signing in", async () => {
    const { url } = await createDatabase();
    const face = await startTestFace(url, { statusToken: TOKEN });
    for (const to of [
      "//elsewhere.example",
      "https://elsewhere.example",
      "/\\elsewhere.example",
      "/\r\nX: y",
      "",
    ]) {
      const body = new URLSearchParams({ token: TOKEN, to }).toString();
      const { headers } = await face.ask("/sign-in", { method: "POST", headers: ours, body });
      expect(headers.location).toBe("/");
    }
  });
});

describe("the buttons", () => {
  const decisions = (sql: Sql) => sql`select decision from flex_sync.removal_decisions`;

  test("are not there without STATUS_ACTIONS, and neither are their addresses", async () => {
    const { url, sql } = await createDatabase();
    const held = await makeHeld(sql);
    const face = await startTestFace(url);
    expect((await open(face, `/crew-calls/${held.id}`)).body).not.toContain("<button>Sync now");
    expect((await face.ask(`/crew-calls/${held.id}/sync`, { method: "POST", headers: ours })).status).toBe(
      404,
    );
  });

  test("do what they say, and leave a trace of who pressed them", async () => {
    const { url, sql } = await createDatabase();
    const held = await makeHeld(sql);
    const face = await startTestFace(url, { statusToken: TOKEN, actions: true });
    const { cookie, token } = await open(face, `/crew-calls/${held.id}`, await signIn(face, { name: "Ana" }));
    const press = (action: string, form: Record<string, string>) =>
      face.ask(`/crew-calls/${held.id}/${action}`, {
        method: "POST",
        headers: { ...ours, cookie },
        body: new URLSearchParams({ token, ...form }).toString(),
      });
    expect((await press("approve", { plan: held.plan })).status).toBe(400);
    expect(await decisions(sql)).toEqual([]);
    expect((await press("approve", { plan: held.plan, sure: "yes" })).headers.location).toContain(
      "done=approve",
    );
    expect(await decisions(sql)).toEqual(Array.from({ length: 5 }, () => ({ decision: "approved" })));
    expect((await press("reject", { plan: held.plan })).headers.location).toContain("done=reject");
    expect((await press("reject", { plan: "of yesterday" })).headers.location).toContain("problem=NOPLN");
    expect((await press("retry", {})).headers.location).toContain("done=retry");
    expect((await press("sync", {})).headers.location).toContain("done=sync");
    const log = await sql`select action, who from flex_sync.operator_log order by id`;
    expect(log.map(({ action }) => action)).toEqual(["approved removals", "rejected removals"]);
    for (const { who } of log) expect(who).toContain("status page: Ana");
    const [request] = await sql`select requested_by from flex_sync.syncs order by id desc limit 1`;
    expect(request?.requested_by).toBe("status page: Ana");
  });

  test.each([
    ["without a cookie", { cookie: "" }, {}, 303],
    ["without the form's token", {}, { token: "" }, 303],
    ["with another session's token", {}, { token: "other" }, 303],
    ["from another site", { "sec-fetch-site": "cross-site" }, {}, 403],
    ["from another port of this machine", { "sec-fetch-site": "same-site" }, {}, 403],
    ["with another origin", { "sec-fetch-site": "", origin: "http://127.0.0.1:9" }, {}, 403],
    ["by a name that only leads here", { host: "rebound.example" }, {}, 403],
  ])("do nothing for a request %s", async (_, headers, form, status) => {
    const { url, sql } = await createDatabase();
    const held = await makeHeld(sql);
    const face = await startTestFace(url, { actions: true });
    const mine = await open(face, `/crew-calls/${held.id}`);
    const other = await open(face, `/crew-calls/${held.id}`);
    expect(mine.token).not.toBe("");
    const given = { token: mine.token, plan: held.plan, sure: "yes", ...form };
    if (given.token === "other") given.token = other.token;
    const sent: Record<string, string> = { ...ours, cookie: mine.cookie, ...headers };
    const left = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== ""));
    const answered = await face.ask(`/crew-calls/${held.id}/approve`, {
      method: "POST",
      headers: left,
      body: new URLSearchParams(given).toString(),
    });
    expect(answered.status).toBe(status);
    if (status === 303) expect(answered.headers.location).toContain("problem=AGAIN");
    expect(await decisions(sql)).toEqual([]);
    // The same request as the page itself makes it.
    const right = { ...ours, cookie: mine.cookie };
    const body = new URLSearchParams({ ...given, token: mine.token }).toString();
    await face.ask(`/crew-calls/${held.id}/approve`, { method: "POST", headers: right, body });
    expect(await decisions(sql)).toHaveLength(5);
  });

  test("need flex_sync_operator; the page needs no more than flex_sync_drainer, and says it", async () => {
    const { url, sql, name } = await createDatabase();
    const held = await makeHeld(sql);
    const daemon = `daemon_${name}`;
    await sql.unsafe(
      `create role ${daemon} login password 'of-a-test'; grant flex_sync_drainer to ${daemon}`,
    );
    const address = new URL(url);
    [address.username, address.password] = [daemon, "of-a-test"];
    try {
      const face = await startTestFace(address.href, { actions: true });
      for (const path of [
        "/",
        `/crew-calls/${held.id}`,
        "/status.json",
        `/crew-calls/${held.id}.json`,
        "/metrics",
      ])
        expect((await face.ask(path, { headers: html })).status, path).toBe(200);
      const { body } = await open(face, `/crew-calls/${held.id}`);
      expect(body).toContain("flex_sync_operator");
      expect(body).not.toContain("<button>Sync now");
      await sql.unsafe(`grant flex_sync_operator to ${daemon}`);
      const granted = await open(
        await startTestFace(address.href, { actions: true }),
        `/crew-calls/${held.id}`,
      );
      expect(granted.body).toContain("<button>Sync now");
    } finally {
      await sql.unsafe(`drop owned by ${daemon}; drop role ${daemon}`).catch(() => {});
    }
  });
});
