/** Options of `attune serve`. */
import { z } from "zod";
import { defineConfig, field, requiredField } from "../config/config.ts";
import { precisionField } from "../sampling/precision.config.ts";
import { templateField } from "../sampling/template.config.ts";

const list = z.array(z.string().min(1));

/**
 * Whether a browser could send this as the origin of a page: a scheme, a host, perhaps a port, and
 * nothing more.
 */
const isOrigin = (text: string): boolean =>
  URL.canParse(text) && new URL(text).origin === text && !text.includes("*");

export const serveConfig = defineConfig({
  name: "serve",
  fields: {
    model: requiredField({
      type: z.string().min(1),
      description: "a folder of safetensors, a GGUF file, an adapter or a run folder",
      group: "Models",
    }),
    name: field({
      type: z.string(),
      default: "",
      source: "the last part of the model's path",
      description: "what clients call the model",
      group: "Models",
    }),
    adapter: field({
      type: list,
      default: [],
      source: "the base alone",
      description:
        "further models over the same base, as NAME=FOLDER or NAME=RUN; the base's weights are " +
        "in memory once",
      group: "Models",
    }),
    openModels: field({
      type: z.int().min(1),
      default: 4,
      source: "memory: slots x room tokens of cache for each",
      description:
        "models with an engine open at once; the one that was used longest ago makes room",
      group: "Models",
    }),
    precision: precisionField("Models"),
    template: { ...templateField, group: "Models" },
    pack: field({
      type: z.boolean(),
      default: true,
      source: "docs/decisions/packed-weights.md",
      description:
        "pack the weights where that pays and there is one model: faster, at a second copy in " +
        "memory",
      group: "Models",
    }),
    host: field({
      type: z.string().min(1),
      default: "127.0.0.1",
      source: "this machine alone",
      description: "address to listen on; any but this machine's own needs a token",
      group: "Network",
    }),
    port: field({
      type: z.int().min(0).max(65_535),
      default: 8080,
      source: "llama.cpp's server",
      description: "port to listen on; 0 for a free one",
      group: "Network",
    }),
    tokenFile: field({
      type: z.string(),
      default: "",
      source: "the environment variable ATTUNE_SERVE_TOKEN, or none",
      description: "file with the token that clients must send",
      group: "Network",
    }),
    allowHost: field({
      type: list,
      default: [],
      source: "loopback and --host",
      description: "further names that clients may call the server by",
      group: "Network",
    }),
    allowOrigin: field({
      type: z.array(
        z
          .string()
          .refine(
            isOrigin,
            "an origin is a scheme and a host, such as https://example.org or " +
              "http://localhost:3000; each page is named, * is not taken",
          ),
      ),
      default: [],
      source: "no page, unless it is named",
      description: "origins of web pages that may ask, such as https://example.org",
      group: "Network",
    }),
    bodyLimit: field({
      type: z.int().min(1024),
      default: 262_144,
      source: "128 bytes for each token of the default room",
      description: "largest request",
      group: "Limits",
      unit: "bytes",
    }),
    slots: field({
      type: z.int().min(1),
      default: 32,
      source: "measured: bench/, serve",
      description: "answers that are decoded together",
      group: "Limits",
    }),
    room: field({
      type: z.int().min(2),
      default: 2048,
      source: "or the model's context, where that is less",
      description: "longest prompt and answer together",
      group: "Limits",
      unit: "tokens",
    }),
    queue: field({
      type: z.int().min(0),
      default: 256,
      source: "eight rounds of the slots",
      description: "answers that may wait for a slot; more are turned away with 429",
      group: "Limits",
    }),
    maxTokens: field({
      type: z.int().min(1),
      default: 512,
      source: "twice that of attune generate",
      description: "longest answer where a request names none",
      group: "Limits",
      unit: "tokens",
    }),
    logRequests: field({
      type: z.boolean(),
      default: false,
      source: "what people ask is not logged unless asked for",
      description: "one line a request: method, path, status, time; never what was said",
      group: "Output",
    }),
  },
});
