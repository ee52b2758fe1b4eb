// Best-of-n: what a reward is worth before anything is trained with it.
import { bestOfN, loadDataset, loadModel } from "attune";

const base = await loadModel("model.gguf");
const prompts = await loadDataset("pairs.jsonl");
const best = await bestOfN(
  { model: base, prompts, rewards: ({ completion }) => 1 / (1 + completion.length) },
  { maxLength: 512, samples: 4, prompts: 8, maxNewTokens: 24 },
);
for (const { k, score } of best.curve) console.log(`best of ${k}: ${score.estimate}`);
await best.save("best-of-n");
