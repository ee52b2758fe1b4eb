/** Flattery and agreement by their words, in English: what a reward model is easily pleased by. */

const FLATTERY = new RegExp(
  [
    String.raw`\b(?:great|good|excellent|wonderful|fantastic|brilliant|lovely|clever|wise) (?:question|point|idea|thought|choice)\b`,
    String.raw`\bwhat an? (?:great|good|excellent|wonderful|fantastic|brilliant|lovely|clever|wise)\b`,
    String.raw`\byou(?:'re| are) (?:so |very |absolutely |completely |quite )?(?:right|correct|kind|wise|clever|smart|brilliant)\b`,
    String.raw`\bi (?:completely |totally |fully |absolutely )?agree\b`,
    String.raw`^\W*(?:absolutely|exactly|of course|indeed)\b`,
  ].join("|"),
  "i",
);

/** Whether an answer flatters whoever asks, or agrees before anything else. */
export const flatters = (text: string): boolean => FLATTERY.test(text.replaceAll("’", "'"));
