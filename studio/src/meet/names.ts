/** The last two parts of a model's path: `quickstart-1/dpo`. */
export const shortName = (model: string): string =>
  model
    .split(/[\\/]/)
    .filter((part) => part !== "")
    .slice(-2)
    .join("/");
