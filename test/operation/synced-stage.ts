import { ana, ben, person } from "../crew-call.ts";
import { setStage } from "../drainer/stage.ts";

/** The resources of people, as crewInFlex has them. */
export const resources = (people: { resource: string | null }[]) =>
  people.map(({ resource }) => resource).sort();
/** What look() answers when all is well. */
export const synced = { crewCall: "synced", people: {}, nextAction: null };
export const strangers = [21, 22, 23, 24].map(person);

/** A stage with one crew call that is in sync, with Ana and Ben on it. */
export async function inSync() {
  const stage = await setStage();
  const drainer = stage.drainer();
  const call = await stage.makeCrewCall([ana, ben]);
  await stage.syncAndDrain(call, drainer);
  return { stage, drainer, call };
}

/** One with four lines that strangers made, held. */
export async function held() {
  const all = await inSync();
  for (const who of strangers) all.stage.flex.humanAdds(all.call.element, who.resource ?? "");
  await all.stage.syncAndDrain(all.call, all.drainer);
  const [status] = await all.stage.sql`select plan from flex_sync.crew_call_status`;
  return { ...all, plan: String(status?.plan) };
}
