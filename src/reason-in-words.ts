/** What people read instead of a condition and its reason; docs/reasons.md has the same pairs, and more about each. */
const WORDS: Record<string, Record<string, string>> = {
  paused: { paused: "an operator stopped all Flex calls" },
  blocked: {
    no_element: "the crew call has no Flex id",
    malformed_id: "the crew call's Flex id is no Flex id",
    element_gone: "the crew call is deleted in Flex",
    access_denied: "the token's Flex user may not see this crew call",
    host_view: "flex_sync.desired_crew cannot be read",
    host_table: "flex_crew_assignments refuses a row",
    token_refused: "Flex refuses the token",
  },
  failed: {
    refused: "Flex said no",
    not_accepted: "sent several times, and Flex never did it",
    contested: "somebody in Flex deletes the line again and again",
  },
  held: {
    surplus_not_ours: "a second line that is not ours would go: perhaps another shift",
    many_foreign: "more than 3 lines of others would go",
    large_share: "more than half of the lines would go",
    empties_the_call: "no line would be left",
    removal_limit: "more lines than removal_limit would go within an hour",
    has_children: "a line below it stays, and would go with it",
  },
  unknown: {
    unanswered: "Flex did not answer, a reading decides",
    late_check: "one more reading sees that nothing landed late",
  },
  pending: {
    confirming: "a line was missing once, a second reading decides",
    doubtful_reading: "the last reading cannot be trusted, waiting for a good one",
    sending: "being sent",
    queued: "waiting for a drainer",
    requested: "waiting for a reading",
    backing_off: "Flex failed here, tried again after a pause",
    locked: "locked in Flex by somebody, tried again",
    quota: "no Flex call is left for now",
    removal_limit: "the hour's removals are used up",
    flex_down: "Flex is down or cannot be reached",
    rate_limited: "Flex takes no more calls for now",
    not_requested: "the job changed and nobody asked for a sync",
    report_only: "something is to do, and the policy writes nothing",
    retired: "no crew call points here any more, cleaning up",
  },
  unmapped: {
    no_resource: "has no Flex contact id",
    malformed_id: "has a Flex contact id that is none",
  },
  never_synced: { never_synced: "no sync has finished yet" },
  synced: {
    kept_by_policy: "not desired, and stays: by the policy, somebody's no, or as no contact of ours",
    foreign: "made by a person in Flex, for nobody desired",
    shared_resource: "shares a Flex contact with somebody of another role",
  },
};

/** A condition's reason in a few words, for people; the reason itself where there are none for it. */
export function reasonInWords(condition: string, reason: string | null): string {
  return WORDS[condition]?.[reason ?? condition] ?? reason ?? "";
}

/** Every pair that has words. */
export function pairsWithWords(): string[] {
  return Object.entries(WORDS).flatMap(([condition, reasons]) =>
    Object.keys(reasons).map((reason) => `${condition} ${reason}`),
  );
}

/** The same of a whole crew call: it is somebody on it who is unmapped. */
export function reasonOfCall(condition: string, reason: string | null): string {
  const words = reasonInWords(condition, reason);
  return condition === "unmapped" && words !== "" ? `somebody here ${words}` : words;
}
