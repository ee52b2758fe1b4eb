import { describe, expect, test } from "vitest";
import type { Prompt } from "../../text/messages.ts";
import { matchAnswers } from "./match.ts";
import { setOf } from "./testing/sets.ts";

const a = setOf("sft", ["a0", "a1", "a2"]);

describe("prompts that all models answered", () => {
  test("are the same however their lines end, which is said", () => {
    const lines = (name: string, end: string) => ({
      ...a,
      name,
      answers: a.answers.map((each, i) => ({ ...each, prompt: `line 1${end}line ${i}` })),
    });
    const { prompts, notes } = matchAnswers([lines("unix", "\n"), lines("dos", "\r\n")]);
    expect(prompts).toHaveLength(3);
    expect(notes).toMatchObject([{ kind: "line ends", set: "dos", count: 3 }]);
    expect(notes[0]!.text).toMatch(/^3 prompts of dos and unix differ in how lines end/);
  });

  test("are found by their text, whatever their order and form", () => {
    const b = setOf("dpo", ["b0", "b1", "b2"]);
    const turns = (text: string): Prompt => [{ role: "user", content: `${text}\n` }];
    const shuffled = {
      ...b,
      answers: b.answers
        .map((each) => ({ ...each, prompt: turns(each.prompt as string) }))
        .toReversed(),
    };
    const { prompts, notes } = matchAnswers([a, shuffled]);
    expect(prompts.map(({ answers }) => answers.map((each) => each?.text))).toEqual([
      ["a0", "b0"],
      ["a1", "b1"],
      ["a2", "b2"],
    ]);
    expect(notes).toEqual([]);
    const system = matchAnswers([
      a,
      {
        ...b,
        answers: [
          ...b.answers.slice(0, 2),
          {
            prompt: [
              { role: "system", content: "x" },
              { role: "user", content: "prompt 2" },
            ],
            text: "b2",
          },
        ],
      },
    ]);
    expect(system.prompts).toHaveLength(2);
  });

  test("what one model did not answer is left out and counted, with an example", () => {
    const { prompts, notes } = matchAnswers([a, setOf("dpo", ["b0"]), setOf("ppo", ["c0", ""])]);
    expect(prompts).toHaveLength(1);
    expect(notes.map(({ kind, set, count }) => [kind, set, count])).toEqual([
      ["empty", "ppo", 1],
      ["missing", "dpo", 2],
      ["missing", "ppo", 1],
    ]);
    expect(notes[1]!.text).toBe(
      'dpo has no answer to 2 prompts that others answered, such as "prompt 1"; left out',
    );
  });

  test("rows of one name that ask something else are not compared", () => {
    const named = (name: string, prompts: readonly string[]) => ({
      ...setOf(name, []),
      answers: prompts.map((prompt, i) => ({
        prompt,
        text: `${name} ${i}`,
        key: `q${i}`,
        place: { file: `${name}.jsonl`, row: i + 1 },
      })),
    });
    const { prompts, notes } = matchAnswers([named("sft", ["p", "q"]), named("dpo", ["p", "Q?"])]);
    expect(prompts.map(({ key }) => key)).toEqual(["q0"]);
    expect(notes[0]).toMatchObject({ kind: "unequal", set: "dpo", count: 1 });
    expect(notes[0]!.text).toContain('q1: "Q?" (dpo.jsonl:2) and "q" (sft.jsonl:2)');
    expect(() => matchAnswers([named("sft", ["x"]), named("dpo", ["y"])])).toThrow(
      /no prompt in common[^]*one name and another text/,
    );
  });

  test("a prompt that is there twice is two samples of one cluster", () => {
    const twice = (name: string, copies: number) => ({
      ...setOf(name, []),
      answers: [
        ...Array.from({ length: copies }, (_, i) => ({ prompt: "p", text: `${name} p${i}` })),
        { prompt: "q", text: `${name} q` },
      ],
    });
    const { prompts, notes } = matchAnswers([twice("sft", 3), twice("dpo", 2)]);
    expect(prompts.map(({ key, cluster }) => [key, cluster])).toEqual([
      ["p #1", "prompt p"],
      ["p #2", "prompt p"],
      ["q", undefined],
    ]);
    expect(notes.map(({ kind, count }) => [kind, count])).toEqual([
      ["repeated", 1],
      ["repeated", 1],
      ["unpaired", 1],
    ]);
    expect(notes[2]!.text).toContain("with 3 and 2");
  });

  test("samples with names stand beside those of the same name, and names are told apart", () => {
    const rows = (name: string, keys: readonly string[]) => ({
      ...setOf(name, []),
      answers: keys.map((key) => ({ prompt: "p", text: `${name} ${key}`, key })),
    });
    const { prompts } = matchAnswers([rows("sft", ["1", "2"]), rows("dpo", ["2", "1"])]);
    expect(prompts.map(({ answers }) => answers.map((each) => each?.text))).toEqual([
      ["sft 1", "dpo 1"],
      ["sft 2", "dpo 2"],
    ]);
    const same = setOf("sft", ["a", "b"], () => ({ key: "all" }));
    expect(matchAnswers([same, setOf("dpo", ["a", "b"])]).prompts.map(({ key }) => key)).toEqual([
      "all",
      "all (2)",
    ]);
  });

  test("clusters and categories come from the rows; what has none is counted", () => {
    const rows = setOf("sft", ["a", "b", "c", "d", "e"], (i) => ({
      cluster: i % 2,
      columns: i === 4 ? {} : { category: i < 2 ? "x" : "y", other: i },
    }));
    const b = setOf("dpo", ["a", "b", "c", "d", "e"]);
    const found = matchAnswers([rows, b]);
    expect(found.groupColumn).toBe("category");
    expect(found.prompts.map(({ cluster, group }) => [cluster, group])).toEqual([
      ["0", "x"],
      ["1", "x"],
      ["0", "y"],
      ["1", "y"],
      ["0", undefined],
    ]);
    expect(found.notes.at(-1)!.text).toBe('1 prompt has no category, such as "prompt 4"');
    expect(matchAnswers([rows, b], { group: "other" }).groupColumn).toBe("other");
    expect(() => matchAnswers([rows, b], { group: "othr" })).toThrow(
      /no row has a column othr[^]*category, other/,
    );
  });

  test.each([
    [[a], /needs two models/],
    [[a, a], /two models of a comparison are named sft/],
    [[a, setOf("dpo", [])], /dpo has no answers/],
  ])("nothing to compare is refused: %#", (sets, error) => {
    expect(() => matchAnswers(sets)).toThrow(error);
  });
});
