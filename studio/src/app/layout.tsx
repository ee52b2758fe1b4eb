/** What stands round every section: navigation, colours, who is here, whether the server is. */
import type { ReactNode } from "react";
import { useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { useReached } from "../calls/reach.ts";
import { strings } from "../strings.ts";
import { setTheme, THEMES, useTheme } from "../theme.ts";
import { Toasts } from "../ui/toast.tsx";
import { Account } from "./account.tsx";
import { useSession } from "./session.tsx";

const SECTIONS = ["label", "projects", "runs", "meet"] as const;
/** Only for whoever runs the studio or owns a project. */
const FOR_HOSTS: ReadonlySet<string> = new Set(["runs", "meet"]);

export function Layout({ children }: { children: ReactNode }) {
  const { session } = useSession();
  const [place] = useLocation();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const section = place.split("/")[1] ?? "";
  useEffect(() => {
    // a change of section is told to those who do not see it
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [section]);
  const { person } = session;
  return (
    <>
      <a
        className="skip-link"
        href="#content"
        onClick={(event) => (event.preventDefault(), main.current?.focus())}
      >
        {strings.skipToContent}
      </a>
      <header className="top">
        <Link href="/" className="brand">
          {strings.title}
        </Link>
        {person !== null && (
          <nav className="sections" aria-label={strings.nav.main}>
            {SECTIONS.filter((name) => person.host || !FOR_HOSTS.has(name)).map((name) => (
              <Link
                key={name}
                href={`/${name}`}
                aria-current={section === name ? "page" : undefined}
              >
                {strings.nav[name]}
              </Link>
            ))}
          </nav>
        )}
        <div className="top-end">
          <ThemeButton />
          {person !== null && <Account />}
        </div>
      </header>
      <Away />
      <main id="content" ref={main} tabIndex={-1}>
        {children}
      </main>
      <Toasts />
    </>
  );
}

function Away() {
  const reached = useReached();
  return (
    <div className="away" role="status" hidden={reached}>
      {!reached && strings.reach.away}
    </div>
  );
}

const SIGNS = { system: "◐", light: "☀", dark: "☾" } as const;

function ThemeButton() {
  const theme = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
  const label = strings.theme.next(strings.theme[theme]);
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      onClick={() => setTheme(next)}
    >
      <span aria-hidden="true">{SIGNS[theme]}</span>
    </button>
  );
}
