/** Every model family: one line each, and one file that says all of it. */
export { gemma3 } from "./gemma3.ts";
export { gpt2 } from "./gpt2.ts";
export { llama } from "./llama.ts";
export { mistral } from "./mistral.ts";
export { olmo2 } from "./olmo2.ts";
export { phi3 } from "./phi3.ts";
export { qwen2 } from "./qwen2.ts";
export { qwen3 } from "./qwen3.ts";
export { smollm3 } from "./smollm3.ts";
