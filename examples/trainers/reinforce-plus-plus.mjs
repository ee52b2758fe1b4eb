// REINFORCE++: PPO without a critic.
import { ask, reinforcePlusPlus, loadDataset, loadModel } from "attune";

const base = await loadModel("model.gguf");
const prompts = await loadDataset("pairs.jsonl");
const trained = await reinforcePlusPlus(
  { model: base, prompts, rewards: ({ completion }) => 1 / (1 + completion.length) },
  { maxLength: 512, batchSize: 8, samples: 1, maxNewTokens: 24 },
);
await trained.save("reinforce-plus-plus");

const model = await loadModel("reinforce-plus-plus");
console.log(await ask(model, ["What is the capital of France?"], { maxNewTokens: 32 }));
