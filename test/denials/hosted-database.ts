import { randomBytes } from "node:crypto";
import postgres, { type Sql } from "postgres";
import { applyCurrent } from "../../db/scripts/apply-current.ts";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { migrate } from "../../src/migrate.ts";

/** A server of its own, with a database like Supabase's; roles belong to the server, and other tests share theirs. */
export interface HostedDatabase {
  readonly sql: Sql;
  readonly url: string;
  /** A login role that nobody gave anything. */
  readonly plain: string;
  stop(): Promise<void>;
}

/** A role whose name no other test has. */
export const roleName = (what: string) => `flex_test_${what}_${randomBytes(4).toString("hex")}`;

/** A server with the roles of Supabase. */
export async function startServerWithRoles(): Promise<{ sql: Sql; url: string; stop(): Promise<void> }> {
  const { POSTGRES_VERSION: version } = process.env;
  const server = await startEmbeddedPostgres({
    ...(version ? { version: Number(version) } : {}),
    params: { fsync: "off" },
  });
  const sql = postgres(server.url, { max: 10, onnotice: () => {} });
  await sql.unsafe("create role anon; create role authenticated; create role service_role");
  return {
    sql,
    url: server.url,
    async stop() {
      await sql.end({ timeout: 1 });
      await server.stop("immediate");
    },
  };
}

/**
 * A database whose default privileges give anon, authenticated and service_role everything that is made in any schema,
 * before anything of ours is there. Called in a hook: stop it in another.
 */
export async function startHosted(): Promise<HostedDatabase> {
  const server = await startServerWithRoles();
  const plain = roleName("plain");
  const all = "anon, authenticated, service_role";
  await server.sql.unsafe(`
    create role ${plain} login;
    grant usage on schema public to ${all};
    alter default privileges grant all on functions to ${all};
    alter default privileges grant all on tables to ${all};
    alter default privileges grant all on sequences to ${all};
    alter default privileges grant all on schemas to ${all}`);
  await migrate({ connectionString: server.url });
  await applyCurrent(server.url);
  return { ...server, plain };
}

/**
 * What comes of statements that a role runs in a session of its own: `ok`, or the SQLSTATE of the first that fails.
 * Nothing is left of them afterwards.
 */
export async function tryAs(sql: Sql, role: string, ...statements: string[]): Promise<string> {
  const undo = new Error("undo");
  try {
    await sql.begin(async (tx) => {
      await tx.unsafe(`set local session authorization ${role}`);
      for (const statement of statements) await tx.unsafe(statement);
      throw undo;
    });
  } catch (error) {
    return error === undo ? "ok" : String((error as { code?: string }).code);
  }
  return "ok";
}
