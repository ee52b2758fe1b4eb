/** The category of each prompt, from a column of its rows. */
import { AttuneError } from "../../core/errors.ts";
import type { SetAnswer } from "./answer-set.ts";

/** Columns that are taken for a category where none is named, in this order. */
const GROUP_COLUMNS = ["category", "group", "subset", "dataset", "task"];
/** Numbers of groups that say something about where a model is better. */
const MOST_GROUPS = 30;

export interface Groups {
  column: string;
  /** One for each prompt; undefined where its rows name none. */
  values: readonly (string | undefined)[];
}

type Rows = readonly { answers: readonly (Pick<SetAnswer, "columns"> | undefined)[] }[];

/**
 * @param wanted column; one of the usual names where left out
 * @returns undefined where no row names a category
 * @throws AttuneError `data` where no row has the wanted column
 */
export function readGroups(prompts: Rows, wanted: string | undefined): Groups | undefined {
  const valuesOf = (column: string): (string | undefined)[] =>
    prompts.map(({ answers }) => {
      const value = answers.map((each) => each?.columns?.[column]).find(isLabel);
      return value === undefined ? undefined : String(value);
    });
  const distinct = (column: string): number =>
    new Set(valuesOf(column).filter((value) => value !== undefined)).size;
  const column =
    wanted ??
    GROUP_COLUMNS.find((each) => {
      const groups = distinct(each);
      return groups >= 2 && groups <= Math.min(MOST_GROUPS, prompts.length / 2);
    });
  if (column === undefined) return undefined;
  if (wanted !== undefined && distinct(wanted) === 0) {
    const columns = new Set(
      prompts.flatMap(({ answers }) => answers.flatMap((each) => Object.keys(each?.columns ?? {}))),
    );
    throw new AttuneError("data", `no row has a column ${wanted}`, {
      hint: columns.size > 0 ? `one of ${[...columns].join(", ")}` : "rows with a category",
    });
  }
  return { column, values: valuesOf(column) };
}

const isLabel = (value: unknown): value is string | number | boolean =>
  (typeof value === "string" && value !== "") ||
  typeof value === "number" ||
  typeof value === "boolean";
