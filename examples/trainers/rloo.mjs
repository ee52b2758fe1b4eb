// RLOO: an answer is judged against the mean of the others to its prompt.
import { ask, rloo, loadDataset, loadModel } from "attune";

const base = await loadModel("model.gguf");
const prompts = await loadDataset("pairs.jsonl");
const trained = await rloo(
  { model: base, prompts, rewards: ({ completion }) => 1 / (1 + completion.length) },
  { maxLength: 512, batchSize: 8, samples: 4, maxNewTokens: 24 },
);
await trained.save("rloo");

const model = await loadModel("rloo");
console.log(await ask(model, ["What is the capital of France?"], { maxNewTokens: 32 }));
