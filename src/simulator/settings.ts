/** How a line looks in a reading. Real crew rows were never recorded: a client has to live with all of these. */
export type RowProfile =
  | "flat-typed"
  | "type-string"
  | "nested-resource"
  | "untyped"
  | "type-object"
  | "lineItemType"
  | "cell-envelope"
  | "qty-n"
  // The following say what else is on an element; lines look flat-typed unless one of the above is given too.
  | "blank-line"
  | "note-line"
  | "grouped"
  | "dup-contact";

/** How the business role stands in a row. Lines without a role show null (an envelope without data). */
export type RoleCell = "absent" | "null" | "bare-id" | "id-name" | "envelope";

/** How `add-resource` answers. Only `standard` is evidenced. Every variant adds the line. */
export type AddAnswer =
  | "standard"
  | "ids-empty"
  | "ids-missing"
  | "root-only"
  | "bare-ids"
  | "with-accessory-root-first"
  | "with-accessory-root-second"
  | "id"
  | "lineItemId"
  | "data.id"
  | "data.lineItemId"
  | "bare-string"
  | "empty"
  | "html"
  | "exception-message";

export type Limits = {
  /** Requests an hour over all keys (documented: 2,000). */
  hourly: number;
  /** Requests a day (documented: 10,000). */
  daily: number;
  /** Requests at once (documented: 30). */
  concurrent: number;
};

/** What can be changed while the simulator runs, with `configure`. */
export type Settings = {
  /** Milliseconds before a request is handled. */
  latencyMs: number;
  profile: readonly RowProfile[];
  roleCell: RoleCell | null;
  addAnswer: AddAnswer;
  /** Answer to deleting a line that is not there: 400 "Unable to find…" (by analogy), 404 or 204. */
  deleteRepeat: 400 | 404 | 204;
  deleteStatus: 200 | 204;
  /** Status of an edit of a locked element (unknown). */
  lockedStatus: number;
  /** Refuse contacts that were never announced: 400 "Unable to find contact…". */
  strictContacts: boolean;
  /** Answer 404 for elements that were never announced; otherwise they come to be when they are asked for. */
  strictElements: boolean;
  limits: Limits | null;
};

export const DEFAULT_LIMITS: Limits = { hourly: 2_000, daily: 10_000, concurrent: 30 };

export const DEFAULT_SETTINGS: Settings = {
  latencyMs: 0,
  profile: ["flat-typed"],
  roleCell: null,
  addAnswer: "standard",
  deleteRepeat: 400,
  deleteStatus: 200,
  lockedStatus: 423,
  strictContacts: false,
  strictElements: true,
  limits: DEFAULT_LIMITS,
};

/** What `startSimulator` and `configure` take: one profile or several, some limits or `false` for none. */
export type SettingsInput = Partial<Omit<Settings, "profile" | "limits">> & {
  profile?: RowProfile | readonly RowProfile[];
  limits?: Partial<Limits> | false | null;
};

/** Copies only what is given, so that an option that is undefined leaves the setting alone. */
export function changeSettings(settings: Settings, input: SettingsInput): void {
  const { profile, limits, ...rest } = input;
  for (const [key, value] of Object.entries(rest)) {
    if (value !== undefined && key in DEFAULT_SETTINGS) Object.assign(settings, { [key]: value });
  }
  if (profile !== undefined) settings.profile = typeof profile === "string" ? [profile] : [...profile];
  if (limits !== undefined) settings.limits = limits ? { ...DEFAULT_LIMITS, ...limits } : null;
}
