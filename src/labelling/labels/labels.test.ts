import { expect, test } from "vitest";
import { Random } from "../../core/random.ts";
import { agreementOf } from "./agreement.ts";
import { conflictsOf } from "./conflicts.ts";
import { finished } from "./estimate.ts";
import type { JudgementFacts, ProjectFacts } from "./facts.ts";
import { labelProject } from "./labels.ts";
import { peopleOf } from "./people.ts";

const NAMES = ["ann", "bob", "cid", "dan", "eve", "fay", "gus", "hal"];
/** The last two guess, and turn things over. */
const RIGHT = [0.92, 0.9, 0.88, 0.86, 0.84, 0.82, 0.5, 0.25];

/** Eight annotators, three to a task, one task in ten known. */
function village(seed: number, tasks = 600): { facts: ProjectFacts; truth: (0 | 1)[] } {
  const random = Random.for(seed, "village");
  const truth = Array.from({ length: tasks }, () => random.integer(2) as 0 | 1);
  const everybody = NAMES.map((_, n) => n);
  const judgements = truth.flatMap((right, task) =>
    random.sample(everybody, 3).map((person): JudgementFacts => {
      const sides = random.chance(0.5) ? [0, 1] : [1, 0];
      const choice = random.chance(RIGHT[person]!) ? right : 1 - right;
      return {
        task,
        person,
        judgement: { choice, strength: "better" },
        sides,
        flagged: false,
        shownMs: 4000,
      };
    }),
  );
  return {
    truth,
    facts: {
      kind: "compare",
      axes: [],
      tasks: truth.map((right, task) => ({
        id: task + 1,
        answers: 2,
        longer: random.integer(21) - 10,
        cluster: String(task),
        ...(task % 10 === 0 ? { gold: { choice: right } } : {}),
      })),
      people: NAMES.map((name) => ({ id: name, name })),
      judgements,
    },
  };
}

test("of eight annotators the two bad ones are found, and consensus beats the majority", () => {
  const wins = { consensus: 0, majority: 0 };
  for (let seed = 0; seed < 8; seed++) {
    const { facts, truth } = village(seed);
    const project = finished(labelProject(facts));
    const people = peopleOf(project, { minimumSeconds: 1 });
    const worst = people
      .toSorted((a, b) => a.accuracy.estimate - b.accuracy.estimate)
      .slice(0, 2)
      .map(({ person }) => person.name);
    expect(worst.toSorted()).toEqual(["gus", "hal"]);
    for (const { person, accuracy } of people)
      expect(accuracy.high < 0.7, person.name).toBe(["gus", "hal"].includes(person.name));
    for (const { task, label, consensus } of project.labels) {
      if (facts.tasks[task]!.gold !== undefined) continue;
      const votes = facts.judgements.filter((each) => each.task === task);
      const first = votes.filter(({ judgement }) => (judgement as { choice: number }).choice === 0);
      expect(label.low).toBeLessThanOrEqual(label.p);
      expect(label.high).toBeGreaterThanOrEqual(label.p);
      if ((consensus as { choice: number }).choice === truth[task]) wins.consensus++;
      if ((first.length >= 2 ? 0 : 1) === truth[task]) wins.majority++;
    }
  }
  expect(wins.consensus).toBeGreaterThan(wins.majority + 100);
});

const one = (judgement: unknown, task: number, person: number): JudgementFacts => ({
  task,
  person,
  judgement,
  sides: [0, 1],
  flagged: false,
  shownMs: 500,
});
const taskOf = (id: number, more: object = {}) => ({
  id,
  answers: 2,
  longer: 0,
  cluster: String(id),
  ...more,
});

test("gold is pinned, decisions win over votes, and a dropped task has no label", () => {
  const facts: ProjectFacts = {
    kind: "compare",
    axes: [],
    tasks: [
      taskOf(1, { gold: { choice: 1 } }),
      taskOf(2, { accepted: { choice: 0 } }),
      taskOf(3, { dropped: true }),
      taskOf(4),
    ],
    people: [{ id: "a", name: "a" }],
    judgements: [0, 1, 2, 3].map((task) => one({ choice: 1 }, task, 0)),
  };
  const { labels } = finished(labelProject(facts));
  expect(
    labels.map(({ task, label, consensus, certainty }) => [task, label.p, consensus, certainty]),
  ).toEqual([
    [0, 0, { choice: 1 }, 1],
    [1, 1, { choice: 0 }, 1],
    [3, expect.any(Number), { choice: 1 }, expect.any(Number)],
  ]);
  const plain = labels[2]!;
  expect(plain.label.p).toBeLessThan(0.4);
  expect(plain.label.low).toBeLessThan(plain.label.p);
});

test("ties count as half for each, and a margin is the mean of what was said", () => {
  const facts: ProjectFacts = {
    kind: "compare",
    axes: [],
    tasks: [taskOf(1), taskOf(2)],
    people: ["a", "b", "c"].map((name) => ({ id: name, name })),
    judgements: [
      one({ choice: "tie" }, 0, 0),
      one({ choice: "both-bad" }, 0, 1),
      one({ choice: 0, strength: "significantly" }, 1, 0),
      one({ choice: 0, strength: "slightly" }, 1, 1),
      one({ choice: "tie" }, 1, 2),
    ],
  };
  const { labels } = finished(labelProject(facts));
  expect(labels[0]).toMatchObject({
    label: { p: 0.5, low: 0.5, high: 0.5, ties: 2 },
    consensus: { choice: "tie" },
  });
  expect(labels[1]!.margin).toBeCloseTo((1 + 1 / 3) / 3, 9);
  expect(labels[1]!.label.p).toBeGreaterThan(0.7);
  expect(labels[1]!.label.p).toBeLessThan(0.84);
});

test("axes are labelled each by itself, and their conflict is counted", () => {
  const both = { choice: 0, axes: { helpful: 0, harmless: 1 } };
  const facts: ProjectFacts = {
    kind: "compare",
    axes: ["helpful", "harmless"],
    tasks: Array.from({ length: 6 }, (_, n) => taskOf(n + 1)),
    people: ["a", "b"].map((name) => ({ id: name, name })),
    judgements: Array.from({ length: 6 }, (_, task) =>
      [0, 1].map((person) => one(both, task, person)),
    ).flat(),
  };
  const project = finished(labelProject(facts));
  const { axes, label } = project.labels[0]!;
  expect([label.p > 0.7, axes["helpful"]!.p > 0.7, axes["harmless"]!.p < 0.3]).toEqual([
    true,
    true,
    true,
  ]);
  expect(
    conflictsOf(project).map(({ axes: pair, same, apart }) => [pair.join(), same, apart]),
  ).toEqual([
    [",helpful", 6, 0],
    [",harmless", 0, 6],
    ["helpful,harmless", 0, 6],
  ]);
  expect(agreementOf(facts).map(({ axis, tasks, raw }) => [axis, tasks, raw.estimate])).toEqual([
    ["", 6, 1],
    ["helpful", 6, 1],
    ["harmless", 6, 1],
  ]);
});

test("rankings become labels of their pairs, and one ranking", () => {
  const facts: ProjectFacts = {
    kind: "rank",
    axes: [],
    tasks: [taskOf(1, { answers: 3 })],
    people: ["a", "b", "c"].map((name) => ({ id: name, name })),
    judgements: [
      one({ ranks: [1, 2, 3] }, 0, 0),
      one({ ranks: [1, 3, 2] }, 0, 1),
      one({ ranks: [1, 2, 3] }, 0, 2),
    ],
  };
  const { labels } = finished(labelProject(facts));
  expect(labels[0]!.consensus).toEqual({ ranks: [1, 2, 3] });
  expect(labels[0]!.pairs.map(({ first, second }) => [first, second])).toEqual([
    [0, 1],
    [0, 2],
    [1, 2],
  ]);
  expect(labels[0]!.label.p).toBe(labels[0]!.pairs[2]!.p);
});

test("who always takes the left one, or is too quick, is seen", () => {
  const { facts } = village(3);
  const judgements = facts.judgements.map((each) =>
    each.person === 7 ? { ...each, judgement: { choice: each.sides[0] }, shownMs: 300 } : each,
  );
  const people = peopleOf(finished(labelProject({ ...facts, judgements })), { minimumSeconds: 1 });
  const hal = people.find(({ person }) => person.name === "hal")!;
  expect(hal.leftBias.estimate).toBe(0.5);
  expect(hal.anomaly).toMatchObject({ flagged: true, kind: "left" });
  expect([hal.tooQuick, hal.seconds]).toEqual([hal.judgements, 0.3]);
  const ann = people.find(({ person }) => person.name === "ann")!;
  expect(ann.anomaly!.flagged).toBe(false);
  expect(ann.gold.of).toBeGreaterThan(10);
});
