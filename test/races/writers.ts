import postgres, { type Sql } from "postgres";
import { drain } from "../../src/drainer/drain.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";

/** Daemons in this process, until `stop`. */
export function startDrainers(databaseUrl: string, flex: Simulator, number: number) {
  const stopping = new AbortController();
  const running = Array.from({ length: number }, (_, index) =>
    drain({
      databaseUrl,
      flexBaseUrl: flex.baseUrl,
      flexAuthToken: flex.token,
      name: `drainer ${index + 1}`,
      signal: stopping.signal,
    }),
  );
  return {
    async stop(): Promise<void> {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

/** What a request asks for: this person, with this role, on this job. */
export interface Wish {
  crewCall: string;
  job: string;
  person: string;
  role: string;
}

/** Writers side by side, each with a connection of its own: assign and request in one transaction, wish after wish. */
export async function write(databaseUrl: string, writers: number, wishes: Wish[]): Promise<void> {
  const left = [...wishes];
  await Promise.all(
    Array.from({ length: writers }, async () => {
      const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
      for (let wish = left.shift(); wish; wish = left.shift()) await grant(sql, wish);
      await sql.end();
    }),
  );
}

async function grant(sql: Sql, { crewCall, job, person, role }: Wish): Promise<void> {
  await sql.begin(async (on) => {
    await on`insert into job_assignments (job_id, technician_id, sound_role) values (${job}, ${person}, ${role})
      on conflict (job_id, technician_id) do update set sound_role = excluded.sound_role`;
    await on`select sync_crew_call(${crewCall})`;
  });
}

/** Look all the time how many syncs of one element are open, until `stop`. */
export function watchSyncs(sql: Sql) {
  let stopped = false;
  const most = { waiting: 0, active: 0, looks: 0 };
  const looking = (async () => {
    while (!stopped) {
      const [row] = await sql<[{ waiting: number; active: number }]>`
        select coalesce(max(waiting), 0)::int as waiting, coalesce(max(active), 0)::int as active from (
          select count(*) filter (where reading_at is null) as waiting, count(*) filter (where reading_at is not null) as active
          from flex_sync.syncs where finished_at is null group by flex_element_id
        ) as open`;
      most.waiting = Math.max(most.waiting, row.waiting);
      most.active = Math.max(most.active, row.active);
      most.looks += 1;
    }
  })();
  return {
    async stop() {
      stopped = true;
      await looking;
      return most;
    },
  };
}
