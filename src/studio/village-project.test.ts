import { expect, test } from "vitest";
import { STORES, storesOf } from "../labelling/testing.ts";
import { createWorld } from "../world/index.ts";
import { beginWithVillage, villageProject } from "./village-project.ts";

const [store] = STORES;
const { fresh } = storesOf(store!);

test(
  "pairs are none of the quickstart's reward model, and the guidelines hold every fact",
  { tags: ["dear"] },
  () => {
    const { pairs, gold, guidelines } = villageProject(1);
    expect([pairs.length, gold.length]).toEqual([600, 60]);
    const world = createWorld({ seed: 1 });
    const seen = new Set(world.preferences.map(({ place }) => place.row));
    expect(pairs.filter(({ place }) => seen.has(place.row))).toEqual([]);
    for (const { person, value } of world.village.facts)
      expect(guidelines.split("\n").find((line) => line.includes(`**${person}**`))).toContain(
        value,
      );
  },
);

test("a new store begins with it, and one that has a project does not", async () => {
  const database = await fresh();
  expect(await beginWithVillage(database)).toBe(true);
  expect(await beginWithVillage(database)).toBe(false);
  const tasks = await database.rows("SELECT hidden, gold FROM tasks");
  const golden = tasks.filter(({ gold }) => gold !== null);
  // a question that comes twice is one task
  expect(golden.length).toBeGreaterThan(50);
  expect(tasks.length - golden.length).toBeGreaterThan(500);
  for (const { hidden } of tasks) expect(hidden).not.toHaveProperty("label");
});
