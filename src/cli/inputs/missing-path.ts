/**
 * A name that is no path here may be an id of the hub; where it is neither, the path is what most
 * people meant.
 */
import { AttuneError } from "../../core/errors.ts";

/** @param work fetches by id @throws AttuneError that says first that there is no such path */
export async function fetchOrMissingPath<T>(
  name: string,
  kind: "data" | "model",
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AttuneError) || error.code !== "network") throw error;
    const { got, hint } = error.details;
    throw new AttuneError(kind, "there is no such file or folder", {
      file: name,
      got:
        "as a Hugging Face id it is of no use either: " +
        `${error.what}${got === undefined ? "" : ` (${got})`}`,
      hint: `check the path${hint === undefined ? "" : `; or, if it is an id: ${hint}`}`,
      cause: error,
    });
  }
}
