/** Tokens in links: taken out of the address before anything else sees it. */

type Door = "enter" | "join";
let waiting: { door: Door; token: string } | undefined;

/** Keeps a token of `#/enter/TOKEN` or `#/join/TOKEN`, and takes it from address and history. */
function takeToken(): void {
  const [, door, token] = /^#\/(enter|join)\/([^/?#]+)$/.exec(location.hash) ?? [];
  if (door === undefined || token === undefined) return;
  waiting = { door: door as Door, token: decodeURIComponent(token) };
  history.replaceState(history.state, "", `${location.pathname}#/${door}`);
}

/** To be called before any other code listens to the address. */
export function watchTokens(): void {
  takeToken();
  addEventListener("hashchange", takeToken);
}

/** The token that a link brought; it stays until it is used. */
export const tokenFor = (door: Door): string | undefined =>
  waiting?.door === door ? waiting.token : undefined;

export function forgetToken(): void {
  waiting = undefined;
}
