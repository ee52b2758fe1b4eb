/**
 * PPO without its penalty once more, for longer, on the other stages of a finished quickstart:
 *
 *     node scripts/longer-without-kl.mjs QUICKSTART_FOLDER SEED ROLL_OUTS NEW_FOLDER
 *
 * then `attune eval over-optimisation --run NEW_FOLDER/ppo-without-kl --data none`. docs/results.md
 * has what came of it.
 */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runWorldPipeline } from "../dist/quickstart/pipeline.js";
import { WORLD_RECIPE } from "../dist/quickstart/recipe.js";

const [from, seed, rollOuts, folder] = process.argv.slice(2);
if (!folder || existsSync(folder) || !(Number(seed) >= 0) || !(Number(rollOuts) > 0)) {
  console.error("needs QUICKSTART_FOLDER SEED ROLL_OUTS NEW_FOLDER; the last must not exist yet");
  process.exit(2);
}
cpSync(from, folder, { recursive: true });
rmSync(join(folder, "ppo-without-kl"), { recursive: true });
const plan = join(folder, "pipeline.json");
const pipeline = JSON.parse(readFileSync(plan, "utf8"));
delete pipeline.stages["ppo-without-kl"];
writeFileSync(plan, JSON.stringify(pipeline));

const longer = { ...WORLD_RECIPE.ppoWithoutKl, maxSteps: Number(rollOuts) };
const { differences } = await runWorldPipeline(
  { seed: Number(seed), folder, recipe: { ...WORLD_RECIPE, ppoWithoutKl: longer } },
  { onStage: ({ stage }) => console.error(stage.title) },
);
const { estimate, low, high } = differences["PPO without KL - PPO with KL"];
const points = [estimate, low, high].map((value) => (100 * value).toFixed(1));
console.log(`gold against PPO with KL: ${points[0]} points [${points[1]}, ${points[2]}]`);
