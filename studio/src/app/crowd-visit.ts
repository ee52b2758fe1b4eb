/** `/crowd/PROJECT?PROLIFIC_PID=..&STUDY_ID=..&SESSION_ID=..`: who comes from a crowd's platform. */

export interface CrowdVisit {
  slug: string;
  participant: string;
  study: string;
  session: string;
  /** Names that the address lacks. */
  missing: string[];
}

let visit: CrowdVisit | undefined;

/** Reads the address and takes the identifiers out of it; before anything else looks at it. */
export function takeCrowdVisit(): void {
  const slug = /^\/crowd\/([a-z0-9-]+)\/?$/.exec(location.pathname)?.[1];
  if (slug === undefined) return;
  const query = new URLSearchParams(location.search);
  const missing: string[] = [];
  const read = (name: string): string => {
    const value = query.get(name) ?? "";
    // the platform fills these in; in its preview they stand as they are
    if (value === "" || /^\{\{.*\}\}$/.test(value)) missing.push(name);
    return value;
  };
  visit = {
    slug,
    participant: read("PROLIFIC_PID"),
    study: read("STUDY_ID"),
    session: read("SESSION_ID"),
    missing,
  };
  history.replaceState(history.state, "", "/#/crowd");
}

export const crowdVisit = (): CrowdVisit | undefined => visit;
