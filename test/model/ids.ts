const uuid = (family: string, number: number) =>
  `${family}-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** Ids that can be read in a failure: the first digit tells what it is, the last ones which. */
export const id = {
  job: (number: number) => uuid("10000000", number),
  person: (number: number) => uuid("20000000", number),
  resource: (number: number, which: "first" | "second") =>
    uuid(which === "second" ? "31000000" : "30000000", number),
  stranger: (number: number) => uuid("3f000000", number),
  role: (department: string, tier: string) =>
    uuid(department === "sound" ? "40000000" : "41000000", "RET".indexOf(tier)),
  crewCall: (number: number) => uuid("50000000", number),
  element: (number: number) => uuid("60000000", number),
  line: (number: number) => uuid("70000000", number),
};
