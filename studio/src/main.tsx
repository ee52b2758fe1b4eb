/** Where the page begins. */
import "./ui/style.css";
import { createRoot } from "react-dom/client";
import { App } from "./app/app.tsx";
import { takeCrowdVisit } from "./app/crowd-visit.ts";
import { watchTokens } from "./app/token.ts";
import { beginTheme } from "./theme.ts";

// before anything else looks at the address
watchTokens();
takeCrowdVisit();
beginTheme();
createRoot(document.querySelector("#root")!).render(<App />);
