import postgres from "postgres";
import { syncCrewCall } from "../sync-crew-call.ts";
import { crewCalls } from "./season.ts";

/** Click "Sync Flex" on every crew call in two places at once, each place with connections of its own. */
export async function clickEverywhere(databaseUrl: string): Promise<{ clicks: number }> {
  const tabs = ["the job's page", "the dialog"].map((requestedBy) => ({
    requestedBy,
    sql: postgres(databaseUrl, { max: 5, onnotice: () => {} }),
  }));
  try {
    const clicks = await Promise.all(
      crewCalls.flatMap(({ id }) =>
        tabs.map(({ sql, requestedBy }) => syncCrewCall(sql, id, { requestedBy })),
      ),
    );
    return { clicks: clicks.length };
  } finally {
    await Promise.all(tabs.map(({ sql }) => sql.end()));
  }
}
