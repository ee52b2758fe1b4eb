/** Which paths name a user's function. */

/** Whether a reward or a judge is a file with a function rather than a model. */
export const isRewardFile = (path: string): boolean => /\.[cm]?[jt]s$/.test(path);
