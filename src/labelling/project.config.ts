/** The settings of a labelling project: the page's form and the API's check are made of them. */
import { z } from "zod";
import type { ConfigOf } from "../config/config.ts";
import { defineConfig, field } from "../config/config.ts";

const CODE = /^[A-Za-z0-9_-]*$/;

export const projectConfig = defineConfig({
  name: "project",
  fields: {
    guidelines: field({
      type: z.string().max(100_000),
      default: "",
      source: "the project's own",
      description: "what annotators judge by, in Markdown; always one key away from a task",
      group: "Task",
    }),
    principles: field({
      type: z.array(z.string().trim().min(1).max(2000)).max(100),
      default: [],
      source: "those of attune's default constitution where there are none",
      description: "what critiques are by, one of them for each; only of tasks to critique",
      group: "Task",
    }),
    axes: field({
      type: z.array(z.string().min(1).max(40)).max(6),
      default: [],
      source: "one question is quickest",
      description:
        "further questions beside which is better, such as helpful, honest, harmless; each is " +
        "kept by itself",
      group: "Task",
    }),
    strength: field({
      type: z.boolean(),
      default: true,
      source: "Llama 2 (Touvron et al. 2023)",
      description: "ask how much better, in four steps, which become a margin",
      group: "Task",
    }),
    differences: field({
      type: z.boolean(),
      default: false,
      source: "marks draw the eye from what is the same",
      description: "mark the words in which two answers differ, unless the annotator turns it off",
      group: "Task",
    }),
    maskIdentity: field({
      type: z.boolean(),
      default: true,
      source: "Chatbot Arena drops votes whose text names a model",
      description: "hide names of models and their makers in answers until the judgement",
      group: "Task",
    }),
    goldShare: field({
      type: z.number().min(0).max(0.5),
      default: 0.1,
      source: "one question in ten, as crowd platforms advise",
      description: "share of the tasks given that are gold questions, where there are any",
      group: "Queue",
    }),
    leaseMinutes: field({
      type: z.number().min(0.1).max(1440),
      default: 30,
      source: "longer than a task takes, shorter than a working day",
      description: "time after which a task that somebody has opened goes to others",
      unit: "minutes",
      group: "Queue",
    }),
    crowd: {
      open: field({
        type: z.boolean(),
        default: false,
        source: "a project is for those who are invited",
        description: "let people in who come with Prolific's identifiers in the address",
        group: "Crowd",
      }),
      consent: field({
        type: z.string().max(50_000),
        default: "",
        source: "the project's own",
        description: "what participants agree to before the first task, in Markdown",
        group: "Crowd",
      }),
      tasks: field({
        type: z.int().min(1).max(10_000),
        default: 50,
        source: "a quarter of an hour at Christiano et al.'s 3 to 5 seconds a comparison, and more",
        description: "judgements after which a participant is done",
        group: "Crowd",
      }),
      completionCode: field({
        type: z.string().max(64).regex(CODE, "letters, digits, - and _"),
        default: "",
        source: "from Prolific's page of the study",
        description: "code that Prolific takes as done",
        group: "Crowd",
      }),
      screenOutCode: field({
        type: z.string().max(64).regex(CODE, "letters, digits, - and _"),
        default: "",
        source: "from Prolific's page of the study",
        description: "code for those who decline, or fail too many gold questions",
        group: "Crowd",
      }),
      goldMisses: field({
        type: z.int().min(1).max(1000),
        default: 3,
        source: "two slips happen to anybody",
        description: "gold questions answered wrongly at which a participant is screened out",
        group: "Crowd",
      }),
      minimumSeconds: field({
        type: z.number().min(0).max(600),
        default: 1,
        source: "a third of the 3 seconds of Christiano et al.'s quickest",
        description: "judgements quicker than this are counted as too quick, and shown as such",
        unit: "seconds",
        group: "Crowd",
      }),
      reward: field({
        type: z.number().min(0).max(10_000),
        default: 0,
        source: "nothing is paid unless said",
        description: "what a judgement is paid, in the table for payment",
        group: "Crowd",
      }),
    },
  },
});

export type ProjectSettings = ConfigOf<typeof projectConfig>;
