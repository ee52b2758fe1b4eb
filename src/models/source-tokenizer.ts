/** The tokenizer that belongs to opened weights, wherever it is kept. */
import { tokenizerFilesFromGguf } from "../text/gguf-tokenizer.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { loadTokenizer, tokenizerFromFiles } from "../text/tokenizer.ts";
import type { WeightSource } from "./weights/source.ts";

export async function sourceTokenizer({
  path,
  tokenizer,
}: Pick<WeightSource, "path" | "tokenizer">): Promise<Tokenizer> {
  if (tokenizer.kind === "folder") return loadTokenizer(tokenizer.path);
  return tokenizerFromFiles(tokenizerFilesFromGguf(tokenizer.metadata), path);
}
