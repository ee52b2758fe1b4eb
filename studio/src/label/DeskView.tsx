/** What is on the desk: the task, what may be done with it, how far one is. */
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { KINDS } from "../../../src/labelling/kinds/index.ts";
import type { TaskAnswer } from "../../../src/studio/api/labelling.ts";
import { remember, remembered } from "../remember.ts";
import { label } from "../strings/label.ts";
import { Turns } from "../text/Turns.tsx";
import { Spinner } from "../ui/basics.tsx";
import { useHotkeys } from "./keys.ts";
import type { KindProps, Workplace } from "./kinds/kind-view.ts";
import { FlagDialog } from "./parts/FlagDialog.tsx";
import { GuidelinesBox, GuidelinesDialog } from "./parts/Guidelines.tsx";
import { HelpDialog } from "./parts/HelpDialog.tsx";
import { IdleView } from "./parts/IdleView.tsx";
import { ProgressLine } from "./parts/ProgressLine.tsx";
import { SavedLine } from "./parts/SavedLine.tsx";
import { Tools } from "./parts/Tools.tsx";
import { useKept } from "./parts/use-kept.ts";
import type { Desk, DeskState, Draft } from "./work/desk.ts";

const KIND_VIEWS = {
  compare: lazy(() => import("./kinds/Compare.tsx")),
  rank: lazy(() => import("./kinds/Rank.tsx")),
  accept: lazy(() => import("./kinds/Accept.tsx")),
  rewrite: lazy(() => import("./kinds/Rewrite.tsx")),
  critique: lazy(() => import("./kinds/Critique.tsx")),
};

type Open = "help" | "guidelines" | "flag" | undefined;

interface DeskViewProps {
  desk: Desk;
  state: DeskState;
  workplace: Workplace;
}

export function DeskView({ desk, state, workplace }: DeskViewProps) {
  const [open, setOpen] = useState<Open>();
  const { task, draft } = state;
  const close = useCallback(() => setOpen(undefined), []);
  useHotkeys(
    workplace.kind,
    {
      undo: () => void desk.undo(),
      help: () => setOpen("help"),
      guidelines: () => setOpen("guidelines"),
    },
    open === undefined,
  );
  return (
    <div className="desk">
      <div className="desk-top">
        <Link href="/" className="desk-back" aria-label={label.home.back}>
          ←
        </Link>
        <h1>{workplace.name}</h1>
        <ProgressLine project={workplace.slug} saved={state.saved} />
        <SavedLine state={state} />
      </div>
      {task === undefined ? (
        <IdleView state={state} desk={desk} kind={workplace.kind} onOpen={setOpen} />
      ) : (
        <TaskView
          // a task that is back begins anew with what was judged of it
          key={`${task.assignment} ${draft === undefined ? "" : "again"}`}
          {...{ desk, task, draft, workplace, open, setOpen }}
        />
      )}
      {open === "help" && <HelpDialog kind={workplace.kind} onClose={close} />}
      {open === "guidelines" && <GuidelinesDialog text={workplace.guidelines} onClose={close} />}
    </div>
  );
}

interface TaskViewProps {
  desk: Desk;
  task: TaskAnswer;
  draft: Draft | undefined;
  workplace: Workplace;
  open: Open;
  setOpen: (open: Open) => void;
}

/** A choice of how things are shown, which this browser keeps. */
function useSwitch(name: string, begin: boolean): [boolean, () => void] {
  const [on, setOn] = useState(() => {
    const kept = remembered(name);
    return kept === undefined ? begin : kept === "yes";
  });
  const toggle = (): void => {
    setOn(!on);
    remember(name, on ? "no" : "yes");
  };
  return [on, toggle];
}

function TaskView({ desk, task, draft, workplace, open, setOpen }: TaskViewProps) {
  const { kind } = workplace;
  const of = task.assignment;
  const [comment, setComment, forget] = useKept(of, "comment", draft?.comment ?? "");
  const [flag, setFlag] = useState(draft?.flag ?? "");
  const [plain, togglePlain] = useSwitch("plain", false);
  const [differences, toggleDifferences] = useSwitch(
    `differences:${workplace.slug}`,
    workplace.differences,
  );
  const commentBox = useRef<HTMLTextAreaElement>(null);
  const [commenting, setCommenting] = useState(comment !== "");
  const heading = useFocusOnTask(task);
  const skip = (flagged = flag): void => {
    forget();
    desk.skip({ comment, flag: flagged });
  };
  const startComment = (): void => {
    setCommenting(true);
    // after it is there
    setTimeout(() => commentBox.current?.focus(), 0);
  };
  const tools = {
    skip: () => skip(),
    flag: () => setOpen("flag"),
    comment: startComment,
    undo: () => void desk.undo(),
    ...(kind === "compare" ? { differences: toggleDifferences } : {}),
    plain: togglePlain,
    guidelines: () => setOpen("guidelines"),
    help: () => setOpen("help"),
  };
  useHotkeys(kind, tools, open === undefined);
  const View: React.ComponentType<KindProps> = KIND_VIEWS[kind];
  const guided = workplace.guidelines.trim() !== "";
  return (
    <div className={guided ? "desk-task desk-task-guided" : "desk-task"}>
      <TaskHead ref={heading} task={task} workplace={workplace} plain={plain} />
      <Suspense fallback={<Spinner />}>
        <View
          task={task}
          workplace={workplace}
          judged={draft?.judgement ?? null}
          active={open === undefined}
          plain={plain}
          differences={differences}
          onJudge={(judgement) => {
            forget();
            desk.judge(judgement, { comment, flag });
          }}
        />
      </Suspense>
      {commenting && (
        <CommentBox
          ref={commentBox}
          comment={comment}
          onChange={setComment}
          onLeave={() => {
            heading.current?.focus({ preventScroll: true });
            if (comment === "") setCommenting(false);
          }}
        />
      )}
      <Tools kind={kind} acts={tools} on={{ flag: flag !== "", differences, plain }} />
      {open === "flag" && (
        <FlagDialog
          flag={flag}
          onClose={() => setOpen(undefined)}
          onFlag={(text) => (setFlag(text), setOpen(undefined))}
          onSkip={(text) => (setOpen(undefined), skip(text))}
        />
      )}
    </div>
  );
}

interface CommentBoxProps {
  ref: React.RefObject<HTMLTextAreaElement | null>;
  comment: string;
  onChange: (comment: string) => void;
  onLeave: () => void;
}

const CommentBox = ({ ref, comment, onChange, onLeave }: CommentBoxProps) => (
  <label className="comment">
    {label.comment.label}
    <textarea
      ref={ref}
      rows={2}
      maxLength={10_000}
      value={comment}
      aria-description={label.comment.hint}
      onChange={({ target }) => onChange(target.value)}
      onKeyDown={(event) => event.key === "Escape" && onLeave()}
    />
  </label>
);

/** A new task begins at its top, also for those who hear it. */
function useFocusOnTask(task: TaskAnswer): React.RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    scrollTo({ top: 0 });
  }, [task.assignment]);
  return heading;
}

interface TaskHeadProps {
  ref: React.RefObject<HTMLHeadingElement | null>;
  task: TaskAnswer;
  workplace: Workplace;
  plain: boolean;
}

function TaskHead({ ref, task, workplace, plain }: TaskHeadProps) {
  const { content, masked, returned, expires } = task;
  const late = useLate(expires);
  return (
    <>
      <h2 ref={ref} tabIndex={-1} className="task-question">
        {KINDS[workplace.kind].summary}
      </h2>
      <GuidelinesBox text={workplace.guidelines} />
      {returned !== null && <p className="notice">{label.task.returned(returned)}</p>}
      {late && <p className="notice">{label.task.expired}</p>}
      <section className="prompt" aria-label={label.task.prompt}>
        <h3>{label.task.prompt}</h3>
        <Turns value={content.prompt} plain={plain} />
      </section>
      {masked > 0 && <p className="soft">{label.task.masked(masked)}</p>}
    </>
  );
}

/** Whether the time of a task is over. */
function useLate(expires: string): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    // a lease may be of days: longer than a timer goes
    const timer = setInterval(() => setLate(Date.now() > Date.parse(expires)), 5_000);
    return () => clearInterval(timer);
  }, [expires]);
  return late;
}
