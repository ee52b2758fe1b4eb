/**
 * Coverage of clustered intervals and errors of clustered tests over a grid of scenarios, as a
 * table.
 *
 *     npm run test:statistics -- [ROUNDS [ROW ...]]
 *
 * with 1,000 rounds and all rows where left out; a row is given by its name.
 *
 * Exit code 1 where an interval that claims something covers less than 93%, or a test rejects more
 * than 6.5%, beyond the error of so many rounds (three standard errors). Means of skewed values are
 * shown, not judged: docs/decisions/statistics.md.
 */
import { SHAPES, measureCoverage } from "../dist/stats/testing/coverage.js";

const [asked = "1000", ...only] = process.argv.slice(2);
const rounds = Number(asked);
const BANDS = [[3], [4, 5], [6, 10], [15, 40]];
const CORRELATIONS = [0, 0.1, 0.3, 1];
const NOT_JUDGED = new Set(["mean of exponential values"]);
const percent = (share) => (100 * share).toFixed(1);
const slack = (share) => 3 * Math.sqrt((share * (1 - share)) / rounds);

const rows = new Map();
const faults = [];
for (const [band, sizes] of BANDS.entries()) {
  for (const groups of sizes) {
    for (const shape of Object.keys(SHAPES)) {
      for (const correlation of CORRELATIONS) {
        for (const { estimator, covered, claimed, rejected } of measureCoverage(
          { shape, groups, correlation },
          { rounds, seed: 1, ...(only.length > 0 ? { only } : {}) },
        )) {
          const row = rows.get(estimator) ?? BANDS.map(() => ({ covered: [], rejected: [] }));
          rows.set(estimator, row);
          if (claimed > 0)
            row[band].covered.push({
              share: covered,
              where: `${groups} ${shape}, correlation ${correlation}`,
            });
          if (rejected !== undefined) row[band].rejected.push(rejected);
          const fewer = claimed > 0 && covered < 0.93 - slack(0.93) * Math.sqrt(1 / claimed);
          const more = rejected !== undefined && rejected > 0.065 + slack(0.065);
          if ((fewer || more) && !NOT_JUDGED.has(estimator))
            faults.push(
              `${estimator}: ${groups} ${shape}, correlation ${correlation}: covers ` +
                `${percent(covered)}%` +
                (rejected === undefined ? "" : `, rejects ${percent(rejected)}%`),
            );
        }
      }
    }
    console.error(`${groups} clusters done`);
  }
}

/** Lowest, median and highest over the scenarios of a band. */
function range(values) {
  if (values.length === 0) return "none";
  const sorted = values.toSorted((a, b) => a - b);
  return (
    `${percent(sorted[0])} / ${percent(sorted[Math.floor(sorted.length / 2)])} / ` +
    `${percent(sorted.at(-1))}`
  );
}

const heads = BANDS.map((sizes) =>
  sizes.length === 1 ? `${sizes[0]}` : `${sizes[0]} to ${sizes.at(-1)}`,
);
const table = (title, rowsOf) =>
  [
    `| ${title} | ${heads.join(" | ")} |`,
    `|---|${heads.map(() => "---").join("|")}|`,
    ...rowsOf,
  ].join("\n");
console.log(
  table(
    "95% interval: coverage, %, by number of clusters",
    [...rows]
      .filter(([, bands]) => bands.some(({ covered }) => covered.length > 0))
      .map(
        ([name, bands]) =>
          `| ${name} | ` +
          `${bands.map(({ covered }) => range(covered.map(({ share }) => share))).join(" | ")} |`,
      ),
  ),
);
console.log(
  `\n${table(
    "test at 5%: rejections where nothing differs, %",
    [...rows]
      .filter(([, bands]) => bands.some(({ rejected }) => rejected.length > 0))
      .map(
        ([name, bands]) =>
          `| ${name} | ${bands.map(({ rejected }) => range(rejected)).join(" | ")} |`,
      ),
  )}`,
);
console.log(
  `\nLowest / median / highest over ${Object.keys(SHAPES).length} shapes and ` +
    `${CORRELATIONS.length} correlations; ${rounds} rounds each.`,
);
if (faults.length > 0) {
  console.error(`\n${faults.length} scenarios miss:\n${faults.join("\n")}`);
  process.exitCode = 1;
}
