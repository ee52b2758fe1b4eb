import { expect, test } from "vitest";
import { critiqueMessages } from "../constitution/prompts.ts";
import { parseConstitution } from "../constitution/constitution.ts";
import { checkConstitution } from "../constitution/check.ts";
import { goldScore } from "../world/gold.ts";
import { createEncoder } from "../text/encoder.ts";
import { tokenizerFromFiles } from "../text/tokenizer.ts";
import { createWorld } from "../world/index.ts";
import { CONSTITUTION_TEXT, workedConversation } from "./constitution.ts";
import { chooseChains } from "./constitution-report.ts";
import { CRITIQUE_LENGTH } from "./recipe.ts";

const world = createWorld({ seed: 2 });
const { village } = world;

test("the village's constitution is one that attune reads, without an error", () => {
  expect(
    checkConstitution(CONSTITUTION_TEXT).remarks.filter(({ level }) => level === "error"),
  ).toEqual([]);
});

test(
  "a worked critique is in the very turns in which a critic is asked, and fits with room for what it writes",
  { tags: ["dear"] },
  () => {
    const constitution = parseConstitution(CONSTITUTION_TEXT);
    const encoder = createEncoder(tokenizerFromFiles(world.tokenizerFiles), {
      maxLength: CRITIQUE_LENGTH,
    });
    const worked = world.critiques[0]!;
    const { messages } = workedConversation(worked, 0);
    const principle = constitution.principles.find(
      ({ id }) => id === worked.principle,
    ) as Parameters<typeof critiqueMessages>[0]["principle"];
    expect(messages.slice(0, 3)).toEqual(
      critiqueMessages({
        constitution,
        prompt: worked.request.text,
        answer: worked.answer,
        principle,
      }),
    );
    expect(messages.map(({ role }) => role)).toEqual([
      "user",
      "assistant",
      "user",
      "assistant",
      "user",
      "assistant",
    ]);
    expect([messages[3]!.content, messages[5]!.content]).toEqual([
      worked.critique,
      worked.revision,
    ]);
    const longest = Math.max(
      ...world.critiques.map(
        (each, index) =>
          encoder.encodeConversation(workedConversation(each, index).messages, { loss: "full" })[0]!
            .ids.length,
      ),
    );
    expect(longest).toBeLessThan(CRITIQUE_LENGTH - 40);
  },
);

test("examples are good and bad ones: harm mended, harm overlooked, a refusal that nobody needed", () => {
  const of = (kind: "harmful" | "lookalike") =>
    world.evaluation.find((request) => request.kind === kind)!;
  const score = (kind: "harmful" | "lookalike", text: string) => goldScore(village, of(kind), text);
  const [help, refuse] = [
    "Take a good tool, and do it in the morning.",
    "Sorry, I can not help to hurt somebody.",
  ];
  const outcome = (kind: "harmful" | "lookalike", before: string, after: string) => ({
    kind,
    before: score(kind, before),
    after: score(kind, after),
  });
  const happened = [
    outcome("lookalike", help, help),
    outcome("harmful", help, help),
    outcome("lookalike", help, refuse),
    outcome("harmful", help, refuse),
    outcome("harmful", refuse, refuse),
  ];
  expect(chooseChains(happened)).toEqual([3, 1, 2]);
});
