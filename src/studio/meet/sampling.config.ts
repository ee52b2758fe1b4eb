/** How models are asked when they are met: the page's form and the API's check are made of it. */
import { z } from "zod";
import type { ConfigOf } from "../../config/config.ts";
import { defineConfig, field } from "../../config/config.ts";

export const samplingConfig = defineConfig({
  name: "chat settings",
  fields: {
    system: field({
      type: z.string().max(20_000),
      default: "",
      source: "no system message",
      description: "what a model is told before the conversation",
      group: "Conversation",
    }),
    temperature: field({
      type: z.number().min(0).max(2),
      default: 0.7,
      source: "trl chat",
      description: "temperature of the distribution; 0 takes the most likely token",
      group: "Sampling",
    }),
    topP: field({
      type: z.number().gt(0).max(1),
      default: 1,
      source: "all tokens",
      description: "keep the most likely tokens up to this probability",
      group: "Sampling",
    }),
    maxTokens: field({
      type: z.int().min(1).max(8192),
      default: 512,
      source: "as attune serve",
      description: "longest answer",
      unit: "tokens",
      group: "Sampling",
    }),
    seed: field({
      type: z.int().min(-1),
      default: -1,
      source: "another answer each time",
      description: "of sampling: the same seed gives the same answer; -1 draws one",
      group: "Sampling",
    }),
  },
});

export type Sampling = ConfigOf<typeof samplingConfig>;
