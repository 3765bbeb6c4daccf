import { onTestFinished } from "vitest";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { type CrewCall, type CrewCallOptions, makeCrewCall } from "../crew-call.ts";
import { type CreateDatabaseOptions, createDatabase, type TestDatabase } from "../postgres/database.ts";
import { cli, type Env, start } from "./command-line.ts";

export type Stage = TestDatabase & {
  flex: Simulator;
  env: Env;
  /** A crew call whose element the simulated Flex has. */
  makeCall(options?: CrewCallOptions): Promise<CrewCall>;
  /** Drains in this process until nothing is due. */
  drainOnce(): Promise<void>;
  /** Starts the daemon as a process and waits until it can work. */
  startDrain(env?: Env): Promise<ReturnType<typeof start>>;
};

/** A database of the test's own, a simulated Flex, and the environment for both. */
export async function setStage(options: CreateDatabaseOptions = {}): Promise<Stage> {
  const database = await createDatabase(options);
  const flex = await startSimulator();
  onTestFinished(() => flex.stop());
  const env: Env = {
    DATABASE_URL: database.url,
    FLEX_BASE_URL: flex.baseUrl,
    FLEX_AUTH_TOKEN: flex.token,
    FLEX_TIMEOUT_MS: "3000",
  };
  return {
    ...database,
    flex,
    env,
    async makeCall(options = {}) {
      const call = await makeCrewCall(database.sql, options);
      flex.addElement(call.element);
      return call;
    },
    async drainOnce() {
      const { code, stderr } = await cli(["drain", "--once"], env);
      if (code !== 0) throw new Error(stderr);
    },
    async startDrain(more = {}) {
      const drain = start(["drain"], { ...env, ...more });
      await drain.says('"ready"');
      return drain;
    },
  };
}
