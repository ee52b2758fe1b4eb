// PPO: the model pleases a reward model without straying far from what it was.
import { ask, loadDataset, loadModel, ppo, rewardModel } from "attune";

const base = await loadModel("model.gguf");
const pairs = await loadDataset("pairs.jsonl");
const judge = await rewardModel({ model: base, train: pairs }, { maxLength: 512 });
const input = { model: base, prompts: pairs, rewards: judge };
const trained = await ppo(input, { maxLength: 512, batchSize: 8, maxNewTokens: 24 });
await trained.save("ppo");

const model = await loadModel("ppo");
console.log(await ask(model, ["What is the capital of France?"], { maxNewTokens: 32 }));
