/**
 * The models behind the names that clients use: a base and adapters over it, whose base weights are
 * shared.
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { AttuneError } from "../core/errors.ts";
import type { OpenedModel } from "../models/open.ts";
import { adapterBase, openAdapterOver } from "../models/open.ts";
import { checkDecodable } from "../sampling/decoder-graph.ts";
import type { Encoder } from "../text/encoder.ts";
import { namedTemplate } from "../text/templates.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { ServedModel } from "./engines.ts";

/** What a model is called where nobody says: the last part of its path, without `.gguf`. */
export const nameOf = (path: string): string => basename(path).replace(/\.gguf$/i, "") || "model";

/** `NAME=PATH`. @throws AttuneError `usage` */
export function readAdapters(given: readonly string[]): { name: string; path: string }[] {
  return given.map((text) => {
    const [, name, path] = /^([^=\s]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || path === undefined)
      throw new AttuneError("usage", "--adapter does not name a model", {
        got: text,
        expected: "NAME=FOLDER",
        hint: "--adapter polite=runs/dpo",
      });
    return { name, path };
  });
}

/**
 * The base under its name, then its adapters.
 * @param base.encoder what all requests are encoded by
 * @throws AttuneError `usage` where a name is used twice; `model` where an adapter lies over
 * another base, is a reward model, or was trained with another chat template
 */
export async function openServedModels(
  { opened, name, encoder }: { opened: OpenedModel; name: string; encoder: Encoder },
  adapters: readonly { name: string; path: string }[],
): Promise<ServedModel[]> {
  const served: ServedModel[] = [{ name, model: opened.model, fingerprint: opened.fingerprint }];
  for (const { name: each, path } of adapters) {
    if (served.some((other) => other.name === each))
      throw new AttuneError("usage", "two models have one name", {
        got: each,
        hint: "--name names the base, --adapter NAME=FOLDER an adapter",
      });
    await checkBase(opened, path);
    const { model, tokenizer, fingerprint } = await openAdapterOver(opened.model, path);
    checkDecodable({ ...model, source: path });
    checkTemplate(tokenizer, encoder, path);
    served.push({
      name: each,
      model,
      parent: name,
      fingerprint: createHash("sha256")
        .update(`${opened.fingerprint} ${fingerprint}`)
        .digest("hex"),
    });
  }
  return served;
}

/**
 * All models are asked by one template: an adapter that was trained with another one would answer
 * badly, and nobody would know why.
 */
function checkTemplate(own: Tokenizer | undefined, { tokenizer }: Encoder, file: string): void {
  if (
    own === undefined ||
    (own.chatTemplate ?? namedTemplate("plain", own)) ===
      (tokenizer.chatTemplate ?? namedTemplate("plain", tokenizer))
  )
    return;
  throw new AttuneError(
    "model",
    "the adapter was trained with another chat template than the one that is served",
    {
      file,
      hint: "its own template for all, with --template FILE, or serve it alone, with --model",
    },
  );
}

async function checkBase({ model: { source } }: OpenedModel, path: string): Promise<void> {
  const base = await adapterBase(path);
  if (base !== undefined && base === source) return;
  throw new AttuneError(
    "model",
    base === undefined
      ? "this is no adapter"
      : "the adapter lies over another model than the one that is served",
    {
      file: path,
      ...(base === undefined ? {} : { got: base }),
      ...(source === undefined ? {} : { expected: `an adapter of ${source}` }),
      hint: "serve it alone, with --model",
    },
  );
}
