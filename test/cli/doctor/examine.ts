import { expect } from "vitest";
import type { Check } from "../../../src/doctor/check.ts";
import { committedMigrations } from "../../../src/migrations/committed-migrations.ts";
import { shippedFunctions } from "../../../src/shipped-functions.ts";
import { allMigrations } from "../../migrations/tiny-migrations.ts";
import { cli, type Env } from "../command-line.ts";

export type Examined = {
  code: number | null;
  stdout: string;
  checks: Check[];
  /** `name status` of each check that is not ok. */
  wrong: string[];
  find(name: string): Check;
};

/** What `doctor --json` says in this environment. */
export async function examine(env: Env): Promise<Examined> {
  const { code, stdout } = await cli(["doctor", "--json"], env);
  const { checks } = JSON.parse(stdout) as { checks: Check[] };
  const wrong = checks.filter((check) => check.status !== "ok" && !isUncommitted(check));
  return {
    code,
    stdout,
    checks,
    wrong: wrong.map(({ name, status }) => `${name} ${status}`),
    find(name) {
      const found = checks.find((check) => check.name === name);
      expect(found, `there is no check ${name}`).toBeDefined();
      return found as Check;
    },
  };
}

/** Tests run on the migration that is being written, too; the package ships what is committed. */
function isUncommitted({ name, message }: Check): boolean {
  const named = message.match(/\w+\.\w+/g) ?? [];
  return name === "functions" && named.every(isBeingWritten);
}

const shipped = shippedFunctions(committedMigrations().map(({ sql }) => sql));
const written = shippedFunctions(allMigrations().map(({ sql }) => sql));

/** Whether the migration that is being written changes this function, named with its schema. */
function isBeingWritten(name: string): boolean {
  return shipped.get(name) !== written.get(name);
}
