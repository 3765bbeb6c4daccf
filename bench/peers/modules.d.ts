// The parts of the peers' packages that the measurements use. They are installed in bench/ only, when something is
// measured, and the project's types hold without them.

declare module "graphile-worker" {
  export class Logger {
    constructor(logFactory: () => () => void);
  }
  export type Helpers = { query(text: string, values: unknown[]): Promise<unknown> };
  export type Options = {
    preset: { worker: Record<string, unknown> };
    noHandleSignals: boolean;
    taskList: Record<string, (payload: unknown, helpers: Helpers) => Promise<void>>;
  };
  export function run(options: Options): Promise<{ stop(): Promise<void> }>;
  export function runMigrations(options: { connectionString: string }): Promise<void>;
}

declare module "pg-boss" {
  export type WorkOptions = Record<string, number | boolean>;
  export class PgBoss {
    constructor(options: Record<string, unknown>);
    on(event: "error", hear: (error: Error) => void): void;
    start(): Promise<void>;
    stop(): Promise<void>;
    createQueue(name: string): Promise<void>;
    insert(name: string, jobs: { data: unknown }[]): Promise<unknown>;
    work(
      name: string,
      options: WorkOptions,
      handle: (jobs: { data: unknown }[]) => Promise<void>,
    ): Promise<string>;
    getDb(): { executeSql(text: string, values: unknown[]): Promise<unknown> };
  }
}
