import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/built-program.ts", "test/postgres/global-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Whole processes against real time on a machine that others use: where nobody looks on, a test gets a second try,
    // and the report names each that needed it.
    retry: process.env.CI ? 1 : 0,
    // Tests mostly wait for Postgres, which has the other half of each core.
    maxWorkers: Math.max(2, availableParallelism()),
  },
});
