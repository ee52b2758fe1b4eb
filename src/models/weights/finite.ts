/** Finds a NaN or an infinity in weights. */
import { AttuneError } from "../../core/errors.ts";

/** @throws AttuneError `numeric` that names the weight, the first bad element and its place */
export function checkFinite(data: Float32Array, name: string, file: string): void {
  // The sum of finite float32 numbers is finite in float64.
  let total = 0;
  for (let i = 0; i < data.length; i++) total += data[i]!;
  if (Number.isFinite(total)) return;
  const index = data.findIndex((x) => !Number.isFinite(x));
  throw new AttuneError("numeric", `the weight ${name} is not finite`, {
    file,
    got: `${data[index]} at element ${index}`,
    hint: "the file is damaged, or training diverged; use an earlier checkpoint",
  });
}
