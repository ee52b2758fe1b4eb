import { writeFileSync } from "node:fs";
import { openModel } from "../models/open.ts";
export async function openTokenizer() {
  const o = await openModel(".cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
  writeFileSync("/tmp/smollm2-tokenizer.json", o.tokenizer.files["tokenizer.json"]!);
  writeFileSync("/tmp/smollm2-config.json", o.tokenizer.files["tokenizer_config.json"]!);
  return o.tokenizer;
}
