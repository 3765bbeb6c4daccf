import { idOf } from "./ids.ts";

export type Person = {
  /** `profiles.id` */
  id: string;
  name: string;
  /** `profiles.flex_resource_id`, just as somebody once typed it. */
  resource: string | null;
};

const NAMES = [
  "Agnieszka Dąbrowska",
  "Ainhoa Garmendia Lasa",
  "Álvaro Núñez Peña",
  "Amparo Ferrer Llopis",
  "Aurélien Lefèvre",
  "Begoña Uriarte Zabala",
  "Björn Ahlström",
  "Caetano Brandão Vaz",
  "Chloé Dubois-Marchand",
  "Dave Whitlock",
  "Désirée Ballester Sanchis",
  "Eider Ibarretxe Goñi",
  "Erik Sjöberg",
  "Fatima Zahra El Idrissi",
  "Françoise Béraud",
  "Gonçalo Figueiredo Sá",
  "Helena Vidal i Roca",
  "Íñigo Arana Etxeberria",
  "Iván Cortés Muñoz",
  "Jérôme Guérin",
  "Joan Puigdomènech i Serra",
  "José Ángel Peñalver Ruiz",
  "Klára Nováková",
  "Laia Bosch Gràcia",
  "Łukasz Wójcik",
  "María Ángeles Cañizares Ortuño",
  "María José Fernández Ibáñez",
  "Mikel Zubizarreta Ochoa",
  "Nerea Olabarria Ugarte",
  "Noé Castellanos Pi",
  "Óscar Domínguez Rubio",
  "Pau Soler Climent",
  "Rocío Jiménez Heredia",
  "Saoirse O’Connell",
  "Søren Kjærgaard",
  "Toni Esteve Mas",
  "Uxía Rodríguez Outeiro",
  "Vicent Marí Tur",
  "Xavier Fàbregas Pons",
  "Zoë van den Berg",
] as const;

export type Name = (typeof NAMES)[number];

/** Pasted from somewhere, with a blank at both ends and in capitals: Flex shows the same id in lower case. */
const PADDED: Name = "María Ángeles Cañizares Ortuño";
/** New this week: nobody has made a contact in Flex yet. */
const WITHOUT_CONTACT: Name = "Nerea Olabarria Ugarte";

export const people: readonly Person[] = NAMES.map((name) => ({
  id: idOf(`person ${name}`),
  name,
  resource: resourceOf(name),
}));

export function personNamed(name: Name): Person {
  const person = people.find((candidate) => candidate.name === name);
  if (!person) throw new Error(`nobody is called ${name}`);
  return person;
}

/** The id as Flex knows it. */
export function flexIdOf({ resource }: Pick<Person, "resource">): string | null {
  return resource?.trim().toLowerCase() || null;
}

function resourceOf(name: Name): string | null {
  if (name === WITHOUT_CONTACT) return null;
  const id = idOf(`contact ${name}`);
  return name === PADDED ? ` ${id.toUpperCase()} ` : id;
}
