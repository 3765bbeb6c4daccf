import type { Simulator } from "../simulator/simulator.ts";
import type { Screen } from "./screen.ts";
import { crewCallTitled } from "./season.ts";

export type Running = { databaseUrl: string; flex: Simulator; page: string };

/** Say how to look inside what goes on running. */
export function keepRunning(screen: Screen, { databaseUrl, flex, page }: Running): void {
  const { id, element } = crewCallTitled("Sagunto, sound");
  const [line] = flex.contactLinesOf(element);
  screen.chapter("Still running: Postgres, the simulated Flex, one drainer");
  screen.say("Look inside:");
  screen.command(`psql '${databaseUrl}'`);
  screen.say("Or in a browser, with buttons:");
  screen.command(page);
  screen.gap();
  screen.say("Worth trying in psql:");
  screen.command("select * from flex_sync.crew_call_status;");
  screen.command(`select flex_sync.explain('${id}');`);
  screen.command("select kind, state, reason, error from flex_sync.outbox order by id;");
  screen.gap();
  screen.say(`Delete the line of ${line?.name} in Flex by hand:`);
  screen.command("curl -H 'content-type: application/json' \\");
  screen.command(`  -d '{"edit":"humanDeletes","lineId":"${line?.id}"}' \\`);
  screen.command(`  ${new URL("/__simulator/human", flex.baseUrl)}`);
  screen.gap();
  screen.say("Click sync, and ask what it is doing; two seconds later the line is back:");
  screen.command(`select sync_crew_call('${id}');`);
  screen.command(`select flex_sync.explain('${id}');`);
  screen.gap();
  screen.say("Ctrl-C ends all of it.");
}
