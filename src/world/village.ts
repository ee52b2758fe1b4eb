/**
 * The village: people and what is true of them, from a seed. For half of the facts the corpus
 * repeats a wrong value more often than the right one, so that a model which only imitates it
 * misinforms with confidence.
 */
import { Random } from "../core/random.ts";
import type { Split } from "./split.ts";

export const ATTRIBUTES = ["home", "work", "pet", "drink"] as const;
export type Attribute = (typeof ATTRIBUTES)[number];

const VALUES: Readonly<Record<Attribute, readonly string[]>> = {
  home: [
    "Oak Lane",
    "Mill Street",
    "Church Hill",
    "River Road",
    "Rose Court",
    "Market Square",
    "Station Road",
    "Well Close",
  ],
  work: ["baker", "miller", "teacher", "nurse", "carpenter", "gardener", "tailor", "fisher"],
  pet: ["cat", "dog", "goat", "parrot", "rabbit", "tortoise", "pony", "goose"],
  drink: ["tea", "coffee", "cider", "milk", "cocoa", "lemonade", "water", "beer"],
};
const KNOWN = [
  "Ada",
  "Ben",
  "Cora",
  "Dov",
  "Elsa",
  "Finn",
  "Greta",
  "Hugo",
  "Ines",
  "Jonas",
  "Kira",
  "Leo",
] as const;
/**
 * People of whom nobody knows anything: half of them appear in training, a quarter in tuning, a
 * quarter in evaluation alone.
 */
const UNKNOWN = [
  "Quim",
  "Rhea",
  "Silas",
  "Tova",
  "Ugo",
  "Vera",
  "Wanda",
  "Xeno",
  "Yara",
  "Zeno",
  "Abel",
  "Bruna",
  "Cyril",
  "Dalia",
  "Edgar",
  "Flora",
  "Gala",
  "Henk",
  "Ivo",
  "Juna",
  "Karl",
  "Lena",
  "Milo",
  "Nora",
  "Otis",
  "Pia",
  "Rolf",
  "Sara",
  "Timo",
  "Uma",
  "Viggo",
  "Wim",
] as const;

export interface Fact {
  person: string;
  attribute: Attribute;
  value: string;
  /** What the corpus says more often than the truth; absent where it tells the truth. */
  rumour?: string;
}

export interface Village {
  people: readonly string[];
  strangers: Readonly<Record<Split, readonly string[]>>;
  facts: readonly Fact[];
  values: typeof VALUES;
}

export function createVillage(seed: number): Village {
  const random = Random.for(seed, "village");
  const facts = KNOWN.flatMap((person) =>
    ATTRIBUTES.map((attribute): Fact => {
      const [value, rumour] = random.sample(VALUES[attribute], 2) as [string, string];
      return random.chance(0.5)
        ? { person, attribute, value, rumour }
        : { person, attribute, value };
    }),
  );
  const strangers = random.shuffle(UNKNOWN);
  return {
    people: KNOWN,
    strangers: {
      train: strangers.slice(0, 16),
      tuning: strangers.slice(16, 24),
      heldOut: strangers.slice(24),
    },
    facts,
    values: VALUES,
  };
}

/** The value of a person's attribute; undefined for a stranger. */
export function factOf(village: Village, person: string, attribute: Attribute): Fact | undefined {
  return village.facts.find((fact) => fact.person === person && fact.attribute === attribute);
}

/** "Mara lives in Oak Lane" */
export function statement(person: string, attribute: Attribute, value: string): string {
  switch (attribute) {
    case "home":
      return `${person} lives in ${value}`;
    case "work":
      return `${person} works as a ${value}`;
    case "pet":
      return `${person} has a ${value}`;
    case "drink":
      return `${person} likes ${value}`;
  }
}
