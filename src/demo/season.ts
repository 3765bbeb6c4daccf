import { idOf } from "./ids.ts";
import { type Name, type Person, personNamed } from "./people.ts";

export type Department = "sound" | "lights" | "video";

/** What the old sync, or a person in Flex, made of somebody. A name says more than a set of flags. */
export type Past =
  /** One row, one line. */
  | "right"
  /** Two clicks at once: two rows, two lines. */
  | "twice"
  /** Two rows that name the same line. */
  | "two rows"
  /** A row, but somebody deleted the line in Flex by hand. */
  | "deleted by hand"
  /** Neither row nor line. */
  | "never added"
  /** A line that the old sync made and did not write down. */
  | "not recorded"
  /** One row, one line, and a second line that a person made. */
  | "second shift"
  /** No longer on the job; row and line are still there. */
  | "left the job"
  /** Never on the job; a line is there. */
  | "orphan";

export type Placement = {
  person: Person;
  /** The role code in the job, null for who is not on it. */
  role: string | null;
  past: Past;
  /** The tier whose business role the line shows in Flex; null for none. */
  tierInFlex: string | null;
};

export type CrewCall = {
  id: string;
  job: string;
  department: Department;
  element: string;
  /** For people: `Sagunto, sound`. */
  title: string;
  crew: Placement[];
};

type Row = [name: Name, role: string | null, past: Past, tierInFlex?: string];

const JOBS: Record<string, Partial<Record<Department, Row[]>>> = {
  Sagunto: {
    sound: [
      ["Amparo Ferrer Llopis", "SND-FOH-R", "twice", "R"],
      ["Íñigo Arana Etxeberria", "SND-MON-R", "deleted by hand"],
      ["Joan Puigdomènech i Serra", "SND-RF-E", "right", "R"],
      ["María Ángeles Cañizares Ortuño", "SND-SYS-E", "right"],
      ["Óscar Domínguez Rubio", "SND-STG-T", "right", "T"],
      ["Nerea Olabarria Ugarte", "SND-STG-T", "never added"],
      ["Dave Whitlock", null, "orphan"],
    ],
    lights: [
      ["Begoña Uriarte Zabala", "LGT-BRD-R", "right"],
      ["Jérôme Guérin", "LGT-BRD-E", "twice"],
      ["Klára Nováková", "LGT-DIM-T", "never added"],
      ["Pau Soler Climent", "LGT-SPOT-T", "right"],
      ["Rocío Jiménez Heredia", "LGT-SPOT-T", "left the job"],
      ["Óscar Domínguez Rubio", "LGT-STG-T", "never added"],
    ],
    video: [
      ["Chloé Dubois-Marchand", "VID-SW-R", "right"],
      ["Caetano Brandão Vaz", "VID-CAM-T", "second shift"],
      ["Uxía Rodríguez Outeiro", "VID-LED-E", "right"],
    ],
  },
  Bilbao: {
    sound: [
      ["Ainhoa Garmendia Lasa", "SND-FOH-R", "right", "R"],
      ["Łukasz Wójcik", "SND-MON-E", "never added"],
      ["Eider Ibarretxe Goñi", "SND-RF-E", "two rows"],
      ["María Ángeles Cañizares Ortuño", "SND-SYS-E", "never added"],
      ["Mikel Zubizarreta Ochoa", "SND-STG-T", "left the job", "T"],
      ["Iván Cortés Muñoz", "SND-STG-T", "not recorded", "T"],
    ],
    lights: [
      ["Søren Kjærgaard", "LGT-BRD-R", "right"],
      ["Fatima Zahra El Idrissi", "LGT-BRD-E", "right"],
      ["Erik Sjöberg", "LGT-DIM-T", "deleted by hand"],
      ["Begoña Uriarte Zabala", "LGT-SPOT-T", "never added"],
    ],
    video: [
      ["Françoise Béraud", "VID-SW-R", "right"],
      ["Gonçalo Figueiredo Sá", "VID-CAM-T", "twice"],
      ["Vicent Marí Tur", "VID-CAM-T", "deleted by hand"],
    ],
  },
  Lyon: {
    sound: [
      ["José Ángel Peñalver Ruiz", "SND-FOH-R", "right", "E"],
      ["Laia Bosch Gràcia", "SND-MON-E", "right"],
      ["Saoirse O’Connell", "SND-RF-E", "never added"],
      ["Xavier Fàbregas Pons", "SND-STG-T", "two rows", "T"],
      ["Désirée Ballester Sanchis", "SND-STG-T", "right", "T"],
    ],
    lights: [
      ["Agnieszka Dąbrowska", "LGT-BRD-R", "never added"],
      ["Björn Ahlström", "LGT-BRD-E", "right"],
      ["Helena Vidal i Roca", "LGT-DIM-T", "right"],
      ["Toni Esteve Mas", "LGT-STG-T", "right"],
    ],
    video: [
      ["Zoë van den Berg", "VID-SW-R", "right"],
      ["Aurélien Lefèvre", "VID-CAM-T", "right"],
      ["Álvaro Núñez Peña", "VID-CAM-T", "right"],
      ["María José Fernández Ibáñez", "VID-LED-E", "right"],
      ["Noé Castellanos Pi", "VID-LED-T", "right"],
    ],
  },
};

/** Every crew call of the season; who "left the job" keeps the old role code only in this file. */
export const crewCalls: readonly CrewCall[] = Object.entries(JOBS).flatMap(([job, departments]) =>
  Object.entries(departments).map(([department, rows]) => ({
    id: idOf(`crew call ${job} ${department}`),
    job: idOf(`job ${job}`),
    department: department as Department,
    element: idOf(`element ${job} ${department}`),
    title: `${job}, ${department}`,
    crew: rows.map(([name, role, past, tierInFlex = null]) => ({
      person: personNamed(name),
      role: past === "left the job" ? null : role,
      past,
      tierInFlex,
    })),
  })),
);

export const jobs: readonly { id: string; title: string }[] = Object.keys(JOBS).map((title) => ({
  id: idOf(`job ${title}`),
  title,
}));

/** The business roles of this tenant: a dictionary for sound only. */
export const soundRoles: ReadonlyMap<string, string> = new Map(
  ["R", "E", "T"].map((tier) => [tier, idOf(`business role ${tier}`)]),
);

export function crewCallTitled(title: string): CrewCall {
  const crewCall = crewCalls.find((candidate) => candidate.title === title);
  if (!crewCall) throw new Error(`no crew call is called ${title}`);
  return crewCall;
}
