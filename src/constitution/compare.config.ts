/** Options of AI comparisons. */
import { z } from "zod";
import { defineConfig, field, requiredField } from "../runs/config.ts";
import { constitutionFields, dataFields, localFields, reuseFields, SERVER_PREFIX, serverFields, writingFields } from "./critic.config.ts";
import { LETTER_METHODS } from "./letters.ts";

export const compareConfig = defineConfig({
  name: "constitution compare",
  fields: {
    data: requiredField({ type: z.string().min(1), description: "pairs of answers; or prompts, with --model", group: "Input" }),
    critic: requiredField({ type: z.string().min(1), description: "who judges: a model's folder, file or run, or openai:NAME behind a server", group: "Input" }),
    model: field({ type: z.string(), default: "", source: "the data's own answers", description: "model that answers every prompt twice, in place of the data's answers", group: "Input" }),
    ...dataFields,
    ...reuseFields,
    ...constitutionFields,
    principles: field({ type: z.int().min(1), default: 1, source: "Bai et al. 2022, section 4.1: one drawn for each comparison", description: "principles that judge each pair; their probabilities are averaged", group: "Constitution" }),
    reasoning: field({ type: z.boolean(), default: false, source: "Bai et al. 2022, section 4.1", description: "the critic thinks before it chooses", group: "Constitution" }),
    clamp: field({
      type: z.array(z.number().min(0).max(1)).max(2),
      default: [],
      source: "Bai et al. 2022: without reasoning as it is",
      defaultWhen: [{ when: { reasoning: [true] }, value: [0.4, 0.6], source: "Bai et al. 2022, section 4.1" }],
      description: "lowest and highest soft target; nothing for none",
      group: "Constitution",
    }),
    export: field({ type: z.array(z.string()), default: [], source: "attune's own format alone", description: "further formats to write the pairs in, such as trl; what is lost is said", group: "Output" }),
    ...writingFields,
    ...localFields,
    letters: field({ type: z.enum(LETTER_METHODS), default: "auto", source: "log-probabilities where the server gives them", description: "how a server's choice is read", group: "Server", appliesWhen: { says: "with a critic behind a server", test: (config) => String(config("critic")).startsWith(SERVER_PREFIX) } }),
    letterSamples: field({ type: z.int().min(1), default: 8, source: "a standard error of 0.18 at most", description: "samples that a letter is counted from, without log-probabilities", group: "Server", appliesWhen: { says: "with a critic behind a server", test: (config) => String(config("critic")).startsWith(SERVER_PREFIX) } }),
    ...serverFields,
  },
  check: ({ clamp }) => (clamp.length === 0 || (clamp.length === 2 && clamp[0]! <= 0.5 && clamp[1]! >= 0.5) ? undefined : { option: "clamp", what: "a clamp is two numbers with 0.5 between them", expected: "such as 0.4,0.6" }),
});
