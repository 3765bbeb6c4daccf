import { expect, test } from "vitest";
import { CREW_PLAYS } from "./crew-plays.ts";
import { FLOW_PLAYS } from "./flow-plays.ts";
import { INSTALLATION_PLAYS } from "./installation-plays.ts";
import { sections } from "./runbook-page.ts";

/** The situation of each section, what its commands show, and what they lead to. */
const PLAYS = { ...FLOW_PLAYS, ...CREW_PLAYS, ...INSTALLATION_PLAYS };

test.each(Object.entries(PLAYS))("%s", async (heading, perform) => perform(heading));

test("every section of the runbook with a command is played, block by block", () => {
  expect(Object.keys(PLAYS).sort()).toEqual(
    sections()
      .map(({ heading }) => heading)
      .sort(),
  );
});
