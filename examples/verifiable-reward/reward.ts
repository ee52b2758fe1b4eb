/** A verifiable reward: is the sum right, and was nothing but the number said? */
import type { RewardFunction } from "../../src/index.ts";

/**
 * 1 for the right number alone, 0.2 where it is the last number of a longer answer, 0 otherwise.
 */
const reward: RewardFunction = ({ completion, extra }) => {
  const sum = Number(extra["sum"]);
  if (new RegExp(`^\\s*${sum}\\.?\\s*$`).test(completion)) return 1;
  const numbers = completion.match(/\d+/g) ?? [];
  return Number(numbers.at(-1)) === sum ? 0.2 : 0;
};

export default reward;
