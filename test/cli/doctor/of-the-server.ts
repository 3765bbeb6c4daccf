import { expect, onTestFinished } from "vitest";
import { ana } from "../../crew-call.ts";
import { findProgram } from "../../needs.ts";
import { createDatabase } from "../../postgres/database.ts";
import { startPgBouncer } from "../../processes/pgbouncer.ts";
import type { Env } from "../command-line.ts";
import type { Stage } from "../stage.ts";
import type { Misconfiguration } from "./misconfiguration.ts";

/** A role of the test's own, and the environment of somebody who is it. */
export async function asRole(
  { sql, url, name }: Stage,
  privileges = "superuser",
): Promise<{ role: string; env: Env }> {
  const role = `flex_test_doctor_${name.slice(-12)}`;
  await sql.unsafe(`create role ${role} login password 'a-password' ${privileges}`);
  onTestFinished(async () => {
    await sql.unsafe(`drop owned by ${role}`);
    await sql.unsafe(`drop role ${role}`);
  });
  const its = new URL(url);
  its.username = role;
  its.password = "a-password";
  return { role, env: { DATABASE_URL: its.href } };
}

const ofDatabase = (setting: string) => async (stage: Stage) => {
  await stage.sql.unsafe(`alter database ${stage.name} set ${setting}`);
  return undefined;
};

export const ofTheServer: Misconfiguration[] = [
  {
    name: "a database whose transactions begin as serializable",
    check: "isolation",
    status: "fail",
    names: "serializable",
    make: ofDatabase("default_transaction_isolation = 'serializable'"),
  },
  {
    name: "a user whose transactions begin as repeatable read",
    check: "isolation",
    status: "fail",
    names: "user",
    async make(stage) {
      const { role, env } = await asRole(stage);
      await stage.sql.unsafe(
        `alter role ${role} in database ${stage.name} set default_transaction_isolation = 'repeatable read'`,
      );
      return env;
    },
  },
  {
    name: "another role whose transactions begin as serializable here",
    check: "isolation",
    status: "warn",
    names: "flex_test_doctor_",
    async make(stage) {
      const { role } = await asRole(stage);
      await stage.sql.unsafe(
        `alter role ${role} in database ${stage.name} set default_transaction_isolation = 'serializable'`,
      );
      return undefined;
    },
  },
  {
    name: "an isolation level in DATABASE_URL",
    check: "isolation",
    status: "fail",
    names: "client",
    make: ({ url }) => ({ DATABASE_URL: `${url}?default_transaction_isolation=serializable` }),
    mend(stage, { mend }) {
      expect(mend).toContain("out of DATABASE_URL");
      return { DATABASE_URL: stage.url };
    },
  },
  {
    name: "transactions that are read only",
    check: "writable",
    status: "fail",
    names: "database",
    also: ["flex ok"],
    make: ofDatabase("default_transaction_read_only = on"),
  },
  {
    name: "a statement timeout that ends what is merely slow",
    check: "timeouts",
    status: "warn",
    names: "statement_timeout is 3000 ms",
    make: ofDatabase("statement_timeout = '3s'"),
  },
  {
    name: "a session timeout of a user that cuts the listening connection",
    check: "timeouts",
    status: "warn",
    names: "idle_session_timeout",
    async make(stage) {
      const { role, env } = await asRole(stage);
      await stage.sql.unsafe(`alter role ${role} set idle_session_timeout = '5s'`);
      return env;
    },
  },
  {
    name: "LISTEN at another database",
    check: "notifications",
    status: "warn",
    names: "LISTEN_DATABASE_URL",
    make: async () => ({ LISTEN_DATABASE_URL: (await createDatabase({ template: "empty" })).url }),
    mend: ({ url }) => ({ LISTEN_DATABASE_URL: url }),
  },
  {
    name: "LISTEN where nobody answers",
    check: "notifications",
    status: "warn",
    names: "cannot be reached",
    make: () => ({ LISTEN_DATABASE_URL: "postgres://127.0.0.1:1/none" }),
    mend: () => ({ LISTEN_DATABASE_URL: undefined }),
  },
  ...(findProgram("pgbouncer")
    ? [
        {
          name: "a pooler in transaction mode without a direct connection",
          check: "notifications",
          status: "warn",
          names: "pooler",
          make: async ({ url }) => ({ DATABASE_URL: await startPgBouncer(url) }),
          mend: ({ url }) => ({ LISTEN_DATABASE_URL: url }),
        } satisfies Misconfiguration,
      ]
    : []),
  {
    name: "an application that asks for a sync and never commits",
    check: "idle_transactions",
    status: "fail",
    names: "idle in its transaction",
    async make({ sql, makeCall, drainOnce }) {
      const call = await makeCall({ desired: [ana] });
      await sql`select sync_crew_call(${call.id})`;
      await drainOnce();
      const connection = await sql.reserve();
      await connection.unsafe("begin");
      await connection`select sync_crew_call(${call.id})`;
      await sql`select pg_sleep(2.1)`;
      return undefined;
    },
  },
  {
    name: "a dump that was restored without its sequences",
    check: "sequences",
    status: "fail",
    names: "flex_sync.syncs",
    async make({ sql, makeCall, drainOnce }) {
      const call = await makeCall({ desired: [ana] });
      for (let n = 0; n < 2; n += 1) {
        await sql`select sync_crew_call(${call.id})`;
        await drainOnce();
      }
      await sql`select setval(pg_get_serial_sequence('flex_sync.syncs', 'id'), 1)`;
      return undefined;
    },
  },
];
