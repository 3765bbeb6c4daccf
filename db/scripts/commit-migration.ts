import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { commit } from "graphile-migrate";
import { startEmbeddedPostgres } from "../../src/embedded/start-embedded-postgres.ts";
import { withClient } from "../../src/migrations/database-client.ts";
import { databaseUrl } from "../../test/postgres/database-url.ts";

// npm run db:commit -- "message": current.sql becomes the next file of db/migrations/committed, once graphile-migrate
// has run it in a shadow database.

const message = process.argv.slice(2).join(" ");
if (!message) {
  console.error('usage: npm run db:commit -- "one sentence that names the migration"');
  process.exit(2);
}

await using server = await startEmbeddedPostgres({ params: { fsync: "off" } });
await withClient({ connectionString: server.url }, async (client) => {
  await client.query("create database authoring");
});
await commit(
  {
    ...JSON.parse(readFileSync(".gmrc", "utf8")),
    connectionString: databaseUrl(server.url, "authoring"),
    shadowConnectionString: databaseUrl(server.url, "shadow"),
    rootConnectionString: server.url,
  },
  message,
);

// graphile-migrate closes its connections a moment later, and minds when they are cut.
await server.stop("smart");

// graphile-migrate makes committed files read-only for the owner and the group, which git and npm then pass on.
const committed = join("db", "migrations", "committed");
for (const name of readdirSync(committed)) chmodSync(join(committed, name), 0o644);
console.log("now: npm run db:schema");
