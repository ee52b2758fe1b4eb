// Rejection sampling: the model imitates the best of its own answers.
import { ask, rejectionSampling, loadDataset, loadModel } from "attune";

const base = await loadModel("model.gguf");
const prompts = await loadDataset("pairs.jsonl");
const trained = await rejectionSampling(
  { model: base, prompts, rewards: ({ completion }) => 1 / (1 + completion.length) },
  { maxLength: 512, batchSize: 8, samples: 4, maxNewTokens: 24 },
);
await trained.save("rejection-sampling");

const model = await loadModel("rejection-sampling");
console.log(await ask(model, ["What is the capital of France?"], { maxNewTokens: 32 }));
