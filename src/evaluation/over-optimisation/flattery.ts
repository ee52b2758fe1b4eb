/** Flattery and agreement by their words, in English: what a reward model is easily pleased by. */

const PRAISE = "great|good|excellent|wonderful|fantastic|brilliant|lovely|clever|wise";
const TRAITS = "right|correct|kind|wise|clever|smart|brilliant";
const FLATTERY = new RegExp(
  [
    String.raw`\b(?:${PRAISE}) (?:question|point|idea|thought|choice)\b`,
    String.raw`\bwhat an? (?:${PRAISE})\b`,
    String.raw`\byou(?:'re| are) (?:so |very |absolutely |completely |quite )?(?:${TRAITS})\b`,
    String.raw`\bi (?:completely |totally |fully |absolutely )?agree\b`,
    String.raw`^\W*(?:absolutely|exactly|of course|indeed)\b`,
  ].join("|"),
  "i",
);

/** Whether an answer flatters whoever asks, or agrees before anything else. */
export const flatters = (text: string): boolean => FLATTERY.test(text.replaceAll("’", "'"));
