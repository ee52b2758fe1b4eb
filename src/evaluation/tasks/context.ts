/**
 * What stands before the answer: the description, examples with their answers, the question.
 * Source: `fewshot_context` and `build_qa_turn` in lm_eval/api/task.py, lm_eval/api/samplers.py
 * 0.4.13. The same seed draws the same examples in the same order.
 */
import { AttuneError } from "../../core/errors.ts";
import type { Doc, Sources, TaskDocuments } from "./task-documents.ts";
import { PythonRandom } from "./python-random.ts";
import { pythonText } from "./task-template.ts";

const endsInSpace = (text: string): boolean => /\s$/u.test(text);
const beginsWithSpace = (text: string): boolean => /^\s/u.test(text);

/** Two texts with a space between them, unless there is one. */
function joined(before: string, after: string): string {
  if (before === "" || after === "") return before + after;
  return endsInSpace(before) || beginsWithSpace(after) ? before + after : `${before} ${after}`;
}

interface Turn {
  question: string;
  answer?: string;
  prefix: string;
  targetDelimiter: string;
  fewshotDelimiter: string;
}

function turnText({ question, answer, prefix, targetDelimiter, fewshotDelimiter }: Turn): string {
  const needed = question !== "" && !endsInSpace(question) && !beginsWithSpace(prefix);
  const answered = answer !== undefined && answer !== "";
  const delimiter = prefix === "" ? answered : needed;
  return (
    question +
    (delimiter ? targetDelimiter : "") +
    (answered ? joined(prefix, answer) + fewshotDelimiter : prefix)
  );
}

export class Contexts {
  private readonly documents: TaskDocuments;
  private readonly pool: readonly Doc[];
  private readonly shots: number;
  private readonly random: PythonRandom;

  /** @param pool what examples are drawn from */
  constructor(
    documents: TaskDocuments,
    { pool, shots, seed }: { pool: readonly Doc[]; shots: number; seed: number },
  ) {
    this.documents = documents;
    const { fewshot_indices: places } = documents.task.fields.fewshot_config;
    this.pool = places ? places.map((place) => this.placed(pool, place)) : pool;
    this.shots = shots;
    this.random = new PythonRandom(seed);
  }

  private placed(pool: readonly Doc[], place: number): Doc {
    const found = pool[place];
    if (found) return found;
    throw new AttuneError("data", "an example is named that is not there", {
      file: this.documents.task.file,
      got: `fewshot_indices: ${place}`,
      expected: `below ${pool.length}`,
    });
  }

  /**
   * The text before the answer, or one for each choice where the choices are questions. Documents
   * come in order, as each draws its examples from the same generator.
   */
  of(doc: Doc): string | readonly string[] {
    const { documents } = this;
    const { fields } = documents.task;
    const before = documents.field(doc, fields.description) + this.examples(doc);
    const question = documents.text(doc);
    const turn = {
      prefix: documents.field(doc, fields.gen_prefix),
      targetDelimiter: fields.target_delimiter,
      fewshotDelimiter: "",
    };
    if (typeof question === "string") return before + turnText({ ...turn, question });
    return documents
      .choices(doc)
      .map((choice) => before + turnText({ ...turn, question: choice, targetDelimiter: "" }));
  }

  private examples(doc: Doc): string {
    if (this.shots === 0) return "";
    const {
      fewshot_config: own,
      fewshot_delimiter,
      target_delimiter,
      gen_prefix,
      doc_to_choice,
    } = this.documents.task.fields;
    return this.drawn(doc)
      .map((example) => {
        const answer = this.answer(example, own);
        const question = this.documents.text(example, own);
        return turnText({
          question:
            typeof question === "number"
              ? (this.documents.choices(example, own)[question] ?? "")
              : question,
          answer:
            typeof answer === "number" &&
            doc_to_choice !== undefined &&
            typeof question === "string"
              ? (this.documents.choices(example, own)[answer] ?? "")
              : pythonText(answer),
          prefix: this.documents.field(example, own.gen_prefix ?? gen_prefix),
          targetDelimiter: own.target_delimiter ?? target_delimiter,
          fewshotDelimiter: own.fewshot_delimiter ?? fewshot_delimiter,
        });
      })
      .join("");
  }

  private answer(example: Doc, own: Sources): string | number {
    const target = this.documents.target(example, own);
    return target === null ? "" : typeof target === "object" ? (target[0] ?? "") : target;
  }

  private drawn(doc: Doc): readonly Doc[] {
    const {
      fewshot_config: own,
      fewshot_split: split,
      test_split: test,
    } = this.documents.task.fields;
    // as in lm_eval, also where neither is named
    const excludes = (own.split ?? split) === test;
    const others = (drawn: readonly Doc[]): Doc[] => {
      const same = JSON.stringify(doc.document);
      return drawn.filter(({ document }) => JSON.stringify(document) !== same);
    };
    const enough = (drawn: readonly Doc[]): readonly Doc[] => {
      if (drawn.length >= this.shots) return drawn.slice(0, this.shots);
      throw new AttuneError("data", "there are too few documents to draw examples from", {
        file: this.documents.task.file,
        got: `${drawn.length} beside the one that is asked`,
        expected: `${this.shots} (num_fewshot)`,
      });
    };
    if (own.sampler === "first_n") return enough(excludes ? others(this.pool) : this.pool);
    const count = this.shots + (excludes ? 1 : 0);
    if (this.pool.length < count) return enough(excludes ? others(this.pool) : this.pool);
    const drawn = this.random.sample(this.pool, count);
    if (!excludes) return drawn;
    const kept = others(drawn);
    if (kept.length >= this.shots) return kept.slice(0, this.shots);
    // copies of the document that is asked were drawn: again, from the others
    const rest = others(this.pool);
    enough(rest);
    return this.random.sample(rest, this.shots);
  }
}
