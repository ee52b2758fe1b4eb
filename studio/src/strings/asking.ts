/** Texts of the part where the queue is sorted by what a reward model is unsure of. */
import { countOf } from "../../../src/core/counts.ts";

const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;

export const askingStrings = {
  title: "Ask where it matters",
  what:
    "An ensemble of reward models learns what was judged so far. Open tasks are then asked in the " +
    "order in which their labels would teach it most; a share is left to chance, so that what the " +
    "models are worth can be measured fairly.",
  model: "Model to begin from",
  modelHint: "a run, a folder, a GGUF file or a Hugging Face id",
  options: "Options",
  button: "Train and sort the queue",
  onlyHost: "Only whoever runs the studio begins trainings.",
  work: (done: number, total: number, what: string) => `${done} of ${total} parts: ${what}`,
  waiting: "It waits for the training before it.",
  begins: "It begins...",
  failed: "The training failed",
  sorted: (tasks: number, at: string) => `${countOf(tasks, "task")} sorted, ${at}.`,
  labels: "Labels",
  queue: "Open tasks",
  chosen: "Chosen by",
  by: {
    order: "order of import",
    random: "chance",
    uncertainty: "uncertainty",
    disagreement: "disagreement",
  } as Readonly<Record<string, string>>,
  shares: "How tasks were chosen",
  curve: {
    title: "What more labels would buy",
    axis: (n: number) => `${n} labels`,
    caption: (heldOut: number) =>
      `Share of ${countOf(heldOut, "held-out label")} that the reward models meet, by number of labels`,
    labels: "Labels",
    accuracy: "Met",
    kind: "Kind",
    measured: "measured",
    expected: "expected",
    gain: (gain: string, low: string, high: string) =>
      `A further hundred labels would buy ${gain} [${low} to ${high}].`,
    percent,
  },
} as const;
