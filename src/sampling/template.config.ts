/**
 * The option that says which chat template texts and conversations meet, wherever a model is
 * trained or used.
 */
import { z } from "zod";
import { field } from "../config/config.ts";

export const templateField = field({
  type: z.string().min(1),
  default: "auto",
  source: "docs/decisions/templates.md",
  description:
    "chat template: auto (the model's own where it has one; texts are then turns), model, none " +
    "(texts are plain), chatml, llama3, plain, or a Jinja file",
  group: "Input",
});
