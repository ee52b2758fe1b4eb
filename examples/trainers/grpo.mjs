// GRPO: several answers to each prompt, judged against each other by a function of one's own.
import { ask, grpo, loadDataset, loadModel } from "attune";

const base = await loadModel("model.gguf");
const prompts = await loadDataset("pairs.jsonl");
const trained = await grpo(
  { model: base, prompts, rewards: ({ completion }) => 1 / (1 + completion.length) },
  { maxLength: 512, batchSize: 8, samples: 4, maxNewTokens: 24 },
);
await trained.save("grpo");

const model = await loadModel("grpo");
console.log(await ask(model, ["What is the capital of France?"], { maxNewTokens: 32 }));
