import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/postgres/global-setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Tests mostly wait for Postgres, which has the other half of each core.
    maxWorkers: Math.max(2, availableParallelism()),
  },
});
