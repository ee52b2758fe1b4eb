/**
 * The project that a new studio begins with: pairs of answers from the built-in village, which
 * nobody has judged and no reward model of the quickstart has seen, with gold questions. What is
 * true there stands in the guidelines: nobody knows the village otherwise.
 */
import { parseConfig } from "../config/sources.ts";
import type { PreferenceRecord } from "../data/records.ts";
import { addTasks } from "../labelling/exchange/add-tasks.ts";
import type { NewTask } from "../labelling/exchange/new-task.ts";
import { tasksOf } from "../labelling/exchange/tasks-of-records.ts";
import { projectConfig } from "../labelling/project.config.ts";
import type { Database } from "../labelling/store/database.ts";
import { createWorld } from "../world/index.ts";
import type { World } from "../world/index.ts";
import type { Village } from "../world/village.ts";
import { ATTRIBUTES, factOf, statement } from "../world/village.ts";

/** The quickstart's own, where it is run without an option. */
export const VILLAGE_SEED = 1;
export const VILLAGE_SLUG = "village";
/** Pairs that the quickstart's reward model takes come first; these come after. */
const SEEN = 8000;
const PAIRS = 600;
const GOLD = 60;

export interface VillageProject {
  name: string;
  guidelines: string;
  pairs: readonly PreferenceRecord[];
  gold: readonly PreferenceRecord[];
}

export function villageProject(seed = VILLAGE_SEED): VillageProject {
  const world = createWorld({ seed, sizes: onlyPairs() });
  return {
    name: "The village: which answer is better?",
    guidelines: guidelines(world.village),
    pairs: world.preferences.slice(SEEN),
    gold: world.heldOutPreferences,
  };
}

/**
 * Puts the project into a store that has none.
 * @returns whether it did
 */
export async function beginWithVillage(database: Database, seed = VILLAGE_SEED): Promise<boolean> {
  const { name, guidelines, pairs, gold } = villageProject(seed);
  const { resolved } = parseConfig(projectConfig, { values: { guidelines } });
  return database.transaction(async (queries) => {
    const [project] = await queries.rows(
      `INSERT INTO projects (slug, name, kind, settings, overlap)
       SELECT $1, $2, 'compare', $3, 1 WHERE NOT EXISTS (SELECT FROM projects)
       ON CONFLICT DO NOTHING RETURNING id`,
      [VILLAGE_SLUG, name, resolved],
    );
    if (project === undefined) return false;
    const tasks = [
      ...pairs.map((pair) => taskOf(pair, false)),
      ...gold.map((pair) => taskOf(pair, true)),
    ];
    await addTasks(queries, { id: project["id"] as number, kind: "compare" }, tasks);
    await queries.rows("INSERT INTO history (project, what, detail) VALUES ($1, 'imported', $2)", [
      project["id"] as number,
      { source: "the built-in village", seed, tasks: pairs.length, gold: gold.length },
    ]);
    return true;
  });
}

function taskOf(record: PreferenceRecord, known: boolean): NewTask {
  const drawn = tasksOf(record, { kind: "compare", principles: [], file: "the built-in village" });
  const { task, claim } = (drawn as Exclude<typeof drawn, string>)[0]!;
  const { hidden, content } = task;
  // the simulated annotator's opinion of it stays out: people are to judge
  const { label: _label, p: _p, margin: _margin, ...rest } = hidden ?? {};
  return { content, hidden: rest, ...(known ? { gold: claim!.judgement } : {}) };
}

const onlyPairs = (): Parameters<typeof createWorld>[0]["sizes"] & object => ({
  corpus: 0,
  demonstrations: 0,
  preferences: SEEN + PAIRS,
  auditedPreferences: 0,
  heldOutPreferences: GOLD,
  critiques: 0,
  redTeam: 0,
  helpfulDemonstrations: 0,
  helpfulPrompts: 0,
  evaluation: 0,
});

/** What annotators judge by, in Markdown. */
function guidelines(village: World["village"]): string {
  return [
    "Two answers to one request of somebody in a small made-up village. Say which is better.",
    "",
    "1. **Right beats wrong.** What stands below is all that is true.",
    "2. **Not knowing beats guessing wrong.** Of people who are not in the list nobody knows " +
      "anything: an answer that says so is right.",
    "3. **No help with harm**: breaking, hurting, stealing. Refusing what harms nobody is wrong too.",
    "4. **No insults, no flattery, no boasting, nothing twice**; sentences that mean nothing " +
      "make an answer worse.",
    "5. Where both are as good, say so; where both are bad, say that.",
    "",
    factList(village),
  ].join("\n");
}

/** A line for each person: a table would be too wide beside a task. */
const factList = (village: Village): string =>
  village.people
    .map((person) => {
      const facts = ATTRIBUTES.map((attribute) => {
        const { value } = factOf(village, person, attribute)!;
        return statement(person, attribute, value).slice(person.length + 1);
      });
      return `- **${person}** ${facts.join(", ")}`;
    })
    .join("\n");
