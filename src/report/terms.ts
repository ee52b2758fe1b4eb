/**
 * The terms that pages explain where they first stand. docs/glossary.md has the same terms in the
 * same words; a test holds that.
 */

export interface Term {
  /** As the glossary calls it. */
  term: string;
  /** Without a point at the end. */
  meaning: string;
  /** Where it is not the term itself, with an s behind it or a capital before. */
  pattern?: RegExp;
}

export const TERMS: readonly Term[] = [
  {
    term: "interval",
    meaning: "the numbers in brackets: of a hundred such intervals 95 hold the true value",
    pattern: /\[[+−-]?[\d.,]+%?, [+−-]?[\d.,]+%?\]|\b(?:95% )?intervals?\b/,
  },
  {
    term: "n",
    meaning: "how many were measured",
    pattern: /\bn = [\d,]+|\bn\b(?=$| \()/,
  },
  {
    term: "gold",
    meaning:
      "what says which answer is the better one: labels that you give, or in the built-in " +
      "world an exact program that knows what is true; no trainer may read it",
    pattern: /\b[Gg]old(?: scorers?| totals?| scores?)?\b/,
  },
  {
    term: "points",
    meaning: "percentage points, the difference of two percentages: from 40% to 45% are +5 points",
    pattern: /\bpercentage points?\b|(?<=[\d\])] )points\b/,
  },
  {
    term: "standard deviation",
    meaning: "how far values usually lie from their mean: about two of three lie within one of it",
    pattern: /\b[Ss]tandard deviations?\b|\bsd\b/,
  },
  {
    term: "tuning split",
    meaning:
      "requests put aside, on which recipes are chosen and gold looks on the way of a training; " +
      "those of the evaluation are others, on which nothing was chosen",
  },
  {
    term: "proxy",
    meaning: "the reward that training optimises, as opposed to what was meant",
  },
  {
    term: "reward",
    meaning: "the number that a reward model or a program gives an answer: what training raises",
    pattern: /\b[Rr]ewards?\b/,
  },
  {
    term: "reward model",
    meaning:
      "a model that gives an answer a number, learned from preference pairs: the answer that " +
      "people chose should get the higher one (Bradley-Terry)",
  },
  {
    term: "held-out reward",
    meaning:
      "a second reward model, learned from other pairs and never optimised: it watches whether " +
      "the first one is being gamed",
    pattern: /\b[Hh]eld-out reward(?: models?)?\b/,
  },
  {
    term: "preference pair",
    meaning: "two answers to one prompt, of which people (or a critic) preferred one",
  },
  { term: "policy", meaning: "the model that is trained, seen as what chooses the next token" },
  {
    term: "KL",
    meaning:
      "how far a model has moved from where it began (Kullback-Leibler divergence): how much " +
      "likelier it finds its own answers than the old model does, in the mean; 0 is not at all",
    pattern: /\bKL\b/,
  },
  {
    term: "nats",
    meaning: "unit of log-probabilities and KL: natural logarithms; 0.69 nats are one bit",
    pattern: /\bnats\b/,
  },
  {
    term: "SFT",
    meaning: "supervised fine-tuning: the model learns to give the answers of demonstrations",
    pattern: /\bSFT\b/,
  },
  {
    term: "PPO",
    meaning:
      "proximal policy optimisation: the model draws answers, a reward scores them, and likelier " +
      "becomes what scored better than a critic expected",
    pattern: /\bPPO\b/,
  },
  {
    term: "RLOO",
    meaning: "PPO without a critic: an answer is compared with other answers to its prompt",
    pattern: /\bRLOO\b/,
  },
  {
    term: "GRPO",
    meaning:
      "PPO without a critic: an answer is compared with other answers to its prompt, in units of " +
      "their spread",
    pattern: /\bGRPO\b/,
  },
  {
    term: "DPO",
    meaning:
      "direct preference optimisation: learns from preference pairs without a reward model, by " +
      "how much likelier the chosen answer has become than the rejected one",
    pattern: /\bDPO\b/,
  },
  {
    term: "KTO",
    meaning: "learns from single answers that were called desirable or not",
    pattern: /\bKTO\b/,
  },
  {
    term: "critic",
    meaning:
      "in PPO the network that predicts the reward; elsewhere a model that is asked about texts: " +
      "to criticise, to rewrite, or which of two is better",
  },
  {
    term: "roll-out",
    meaning: "a batch of answers that the model draws to be trained on, and the step that follows",
  },
  {
    term: "guard",
    meaning:
      "stops a run or warns when the reward rises and the held-out reward does not follow, which " +
      "is how gaming begins",
  },
  {
    term: "hacked",
    meaning:
      "the reward is gamed: it goes on rising while what was meant falls (over-optimisation, " +
      "Goodhart's law)",
    pattern: /\b[Hh]ack(?:ed|ing)\b|\b[Oo]ver-optimisation\b/,
  },
  {
    term: "Holm",
    meaning:
      "Holm's correction of p-values: with several comparisons at once, chance has several " +
      "occasions, and each must be clearer",
    pattern: /\bHolm(?:'s)?\b/,
  },
  {
    term: "p-value",
    meaning: "how often chance alone would show a difference at least as large as this one",
    pattern: /\bp-values?\b|\bp\b(?= (?:of|=|<|0))/,
  },
  {
    term: "paired difference",
    meaning:
      "mean of the differences on the same prompts; what decides whether a model is better: " +
      "intervals of two models may overlap where their difference is clear",
    pattern: /\b[Pp]aired(?: differences?)?\b/,
  },
  {
    term: "cluster",
    meaning:
      "observations that may depend on each other, such as answers to one prompt: they count as one",
    pattern: /\bcluster(?:s|ed)?\b/,
  },
  {
    term: "win rate",
    meaning: "share of prompts on which its answer is the better one; a tie counts half",
  },
  {
    term: "at equal length",
    meaning: "the win rate that a fit predicts for answers as long as the baseline's",
  },
  {
    term: "control",
    meaning:
      "a candidate that is no model (a constant answer, the longest answer): a judge that prefers " +
      "it can be gamed",
    pattern: /\b[Cc]ontrols?\b(?! flow)/,
  },
  {
    term: "probe",
    meaning:
      "a model's own answer with something added that makes it no better, such as padding or " +
      "flattery: a judge that prefers it judges something else",
    pattern: /\b[Pp]robes?\b/,
  },
  {
    term: "fooled",
    meaning:
      "said of a judge that surely prefers a probe, or a control over every model; its " +
      "verdict is not believed",
  },
  {
    term: "at equal style",
    meaning:
      "the win rate that a fit predicts for answers of equal length, headers, list items and " +
      "bold",
  },
  {
    term: "kappa",
    meaning:
      "how far judges agree beyond chance (Cohen's of two, Fleiss' of several); 0 for " +
      "chance, 1 for always",
  },
  {
    term: "always-valid",
    meaning:
      "said of an interval that holds however often one looks, so that judging may stop as " +
      "soon as it is clear",
  },
  {
    term: "calibration",
    meaning: "whether what is predicted with 80% happens in 80 of 100 cases",
    pattern: /\b[Cc]alibrat(?:ion|ed)\b/,
  },
  {
    term: "Brier score",
    meaning: "mean squared distance of a predicted probability from what happened; 0 is perfect",
  },
  {
    term: "log loss",
    meaning:
      "surprise at what happened, given the predicted probability; ln 2 = 0.69 is that of a coin",
  },
  {
    term: "longest wins",
    meaning: "a baseline that chooses by length alone; a reward model must beat it",
    pattern: /\b(?:longest|shortest) wins\b/,
  },
  {
    term: "helpful",
    meaning:
      "of an answer that gives what was asked for; in the built-in world a score: the share " +
      "of it that it gives",
    pattern: /\bhelpful\b(?! only)/,
  },
  {
    term: "confidently wrong",
    meaning: 'a wrong value stated as fact; saying "I don\'t know" is abstaining',
  },
  {
    term: "over-refused",
    meaning: "a harmless request turned down",
    pattern: /\b[Oo]ver-refus(?:ed|al)\b/,
  },
  {
    term: "Constitutional AI",
    meaning:
      "a model criticises and rewrites its own answers by written principles, and learns from that",
    pattern: /\bConstitutional AI\b|\b[Cc]onstitutional\b/,
  },
  {
    term: "AI labels",
    meaning: "which of two answers is better, said by a model instead of people",
    pattern: /\bAI labels?\b/,
  },
  {
    term: "best-of-n",
    meaning: "n answers are drawn, and a reward keeps the best",
    pattern: /\b[Bb]est-of-(?:n|\d+)\b/,
  },
  {
    term: "Bradley-Terry",
    meaning:
      "a rating for each candidate, whose differences say how likely one is preferred to another",
    pattern: /\bBradley-Terry\b/,
  },
  {
    term: "Gao's law",
    meaning:
      "what Gao and others found of many runs: at a distance d, the square root of the KL, what was " +
      "meant has gained d (α − β ln d), which rises, turns and falls where β is above 0",
    pattern: /\bGao's laws?\b/,
  },
  {
    term: "Pareto front",
    meaning: "those of which no other is at least as good in everything and better in something",
  },
  {
    term: "sycophancy",
    meaning: "following what the asker believes, against what the model would say otherwise",
    pattern: /\b[Ss]ycophan(?:cy|tic)\b/,
  },
];

/** Where a term stands in a text; the leading letter may be a capital, and an s may follow. */
export function patternOf({ term, pattern }: Term): RegExp {
  if (pattern) return pattern;
  const [first, rest] = [term[0]!, term.slice(1)];
  return new RegExp(String.raw`\b[${first.toUpperCase()}${first}]${rest}s?\b`);
}
