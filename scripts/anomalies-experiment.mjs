/**
 * How often the test for anomalous annotators is wrong about ordinary ones while it looks at every
 * vote, and how many planted ones it finds within 40 votes, as a table.
 *
 *     node scripts/anomalies-experiment.mjs [CROWDS]
 *
 * with 20 crowds of 40 annotators for each row where left out.
 */
import { detectAnomalies } from "../dist/stats/annotators/anomaly.js";
import { PLANTED, drawShownVotes } from "../dist/stats/annotators/testing.js";

const crowds = Number(process.argv[2] ?? 20);
const ANNOTATORS = 40;
const SOON = 40;
const planted = Object.fromEntries(PLANTED.entries());

console.log(`| accuracies | flagged of ordinary ones | ${PLANTED.join(" | ")} |`);
console.log(`|---|---|${PLANTED.map(() => "---").join("|")}|`);
for (const accuracy of [
  [0.6, 0.9],
  [0.75, 0.9],
  [0.8, 0.95],
]) {
  let flags = 0;
  const within = Object.fromEntries(PLANTED.map((kind) => [kind, 0]));
  for (let round = 0; round < crowds; round++) {
    const { votes, items } = drawShownVotes(round, {
      annotators: ANNOTATORS,
      votesEach: 200,
      overlap: 3,
      accuracy,
      planted,
    });
    const found = detectAnomalies(votes, { items, annotators: ANNOTATORS });
    for (const [j, { flagged, after }] of found.entries()) {
      if (!(j in planted)) flags += flagged ? 1 : 0;
      else if (after !== undefined && after <= SOON) within[planted[j]]++;
    }
  }
  const ordinary = crowds * (ANNOTATORS - PLANTED.length);
  console.log(
    `| ${accuracy.join(" to ")} | ${((100 * flags) / ordinary).toFixed(1)}% of ${ordinary} | ` +
      `${PLANTED.map((kind) => `${within[kind]} of ${crowds}`).join(" | ")} |`,
  );
}
