/** Charts of one or more runs, by groups, with what governs them all. */
import type { ReactNode } from "react";
import { useMemo, useState } from "react";
import { metricDefinition } from "../../../src/runs/metrics.ts";
import { remember, remembered } from "../remember.ts";
import { runsStrings } from "../strings/runs.ts";
import { Button, ErrorBox, Spinner } from "../ui/basics.tsx";
import { Field } from "../ui/field.tsx";
import type { Line, Zoom } from "./chart.tsx";
import { Chart } from "./chart.tsx";
import type { OfRun } from "./connection.ts";
import type { Axis } from "./curves.ts";
import { KlChart } from "./kl-chart.tsx";
import type { MetricChart, MetricGroup } from "./metric-groups.ts";
import { metricGroups } from "./metric-groups.ts";
import type { Curves } from "./use-curves.ts";
import { useCurves } from "./use-curves.ts";

const texts = runsStrings.charts;
const AXES: readonly Axis[] = ["step", "tokens", "time"];
/** Colours and shapes that there are. */
const LOOKS = 8;
/** Neighbours for each notch of the slider. */
const NOTCHES = [1, 3, 5, 9, 15, 25, 41];

export interface ChartsProps {
  runs: readonly string[];
  onHappened?: (event: OfRun) => void;
}

export function Charts({ runs, onHappened }: ChartsProps) {
  const [view, setView] = useState<View>({
    axis: "step",
    zoom: null,
    notch: Number(remembered("runs-smoothing") ?? 0),
    log: false,
  });
  const { axis, zoom, log } = view;
  const { curves, error } = useCurves(runs, {
    axis,
    zoom,
    ...(onHappened === undefined ? {} : { onHappened }),
  });
  const names = [...new Set([...curves.values()].flatMap((each) => [...each.keys()]))];
  const groups = useMemo(() => metricGroups(names), [names.join("\n")]);
  if (error !== undefined) return <ErrorBox error={error} />;
  if (curves.size === 0) return <Spinner />;
  if (names.length === 0) return <p className="nothing">{runsStrings.run.noCharts}</p>;
  return (
    <div className="charts">
      <Tools view={view} onChange={(part) => setView({ ...view, ...part })} />
      <p className="soft small">
        {texts.zoom} {log && texts.noLog}
      </p>
      <KlChart runs={runs} curves={curves} />
      {groups.map((group, i) => (
        <Group key={group.title} group={group} isOpen={i === 0}>
          {(chart) => (
            <MetricFigure key={chart.name} chart={chart}>
              <Notes chart={chart} runs={runs} curves={curves} />
              <Chart
                title={chart.name}
                lines={linesOf(chart, runs, curves)}
                smoothing={smoothingOf(view)}
                log={log}
                across={texts.axes[axis]}
                zoom={zoom}
                onZoom={(next) => setView((before) => ({ ...before, zoom: next }))}
              />
            </MetricFigure>
          )}
        </Group>
      ))}
    </div>
  );
}

interface View {
  axis: Axis;
  zoom: Zoom;
  notch: number;
  log: boolean;
}

const smoothingOf = ({ notch }: View): number => NOTCHES[notch] ?? 1;

/** What governs all charts. */
function Tools({ view, onChange }: { view: View; onChange: (part: Partial<View>) => void }) {
  const { axis, zoom, notch, log } = view;
  const smoothing = smoothingOf(view);
  return (
    <div className="chart-tools">
      <Field label={texts.axis}>
        {(given) => (
          <select
            {...given}
            value={axis}
            onChange={(event) =>
              onChange({
                zoom: null,
                axis: AXES.find((each) => each === event.target.value) ?? "step",
              })
            }
          >
            {AXES.map((each) => (
              <option key={each} value={each}>
                {texts.axes[each]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={texts.smoothing} hint={texts.smoothingHint(smoothing)}>
        {(given) => (
          <input
            {...given}
            type="range"
            min={0}
            max={NOTCHES.length - 1}
            value={notch}
            aria-valuetext={texts.smoothingHint(smoothing)}
            onChange={(event) => {
              onChange({ notch: Number(event.target.value) });
              remember("runs-smoothing", event.target.value);
            }}
          />
        )}
      </Field>
      <Field label={texts.log} beside>
        {(given) => (
          <input
            {...given}
            type="checkbox"
            checked={log}
            onChange={(event) => onChange({ log: event.target.checked })}
          />
        )}
      </Field>
      <Button disabled={zoom === null} onClick={() => onChange({ zoom: null })}>
        {texts.zoomedOut}
      </Button>
    </div>
  );
}

/** Charts are drawn where their group is open. */
function Group({
  group: { title, charts },
  isOpen,
  children,
}: {
  group: MetricGroup;
  isOpen: boolean;
  children: (chart: MetricChart) => ReactNode;
}) {
  const [open, setOpen] = useState(isOpen);
  return (
    <details
      className="fold"
      open={isOpen}
      onToggle={(event) =>
        event.target === event.currentTarget && setOpen(event.currentTarget.open)
      }
    >
      <summary>
        <h3>{title}</h3> <span className="soft small">{texts.count(charts.length)}</span>
      </summary>
      {open && <div className="chart-grid">{charts.map(children)}</div>}
    </details>
  );
}

function linesOf(
  { name }: MetricChart,
  runs: readonly string[],
  curves: ReadonlyMap<string, Curves>,
): Line[] {
  const alone = runs.length === 1;
  return runs.flatMap((run, i) => {
    const own = curves.get(run);
    const [training, heldOut] = [own?.get(name), own?.get(`eval_${name}`)];
    const look = i % LOOKS;
    return [
      ...(training === undefined
        ? []
        : [
            {
              name: alone ? runsStrings.charts.training : run,
              look,
              dashed: false,
              columns: training,
            },
          ]),
      ...(heldOut === undefined
        ? []
        : [
            {
              name: alone ? texts.heldOut : `${run} (${texts.heldOut})`,
              look: alone ? 1 : look,
              dashed: true,
              columns: heldOut,
            },
          ]),
    ];
  });
}

function MetricFigure({ chart: { name }, children }: { chart: MetricChart; children: ReactNode }) {
  const { formula, unit, better } = metricDefinition(name) ?? {
    formula: texts.unknown,
    unit: "?",
    better: "none" as const,
  };
  return (
    <figure className="chart-figure">
      <figcaption>
        <strong>{name}</strong>
        {unit !== "1" && unit !== "?" && <span className="soft"> ({unit})</span>}
        <details className="chart-help">
          <summary>{texts.help}</summary>
          <p>
            {formula[0]!.toUpperCase()}
            {formula.slice(1)}. {texts.unit(unit)} {texts.better[better]}
          </p>
        </details>
      </figcaption>
      {children}
    </figure>
  );
}

/** What is taken together or left out: nothing silently. */
function Notes({
  chart: { name },
  runs,
  curves,
}: {
  chart: MetricChart;
  runs: readonly string[];
  curves: ReadonlyMap<string, Curves>;
}) {
  const all = runs.flatMap((run) =>
    [name, `eval_${name}`].flatMap((each) => curves.get(run)?.get(each) ?? []),
  );
  const per = Math.max(1, ...all.map(({ count }) => count[0] ?? 1));
  const missing = all.flatMap(({ notFinite }) => notFinite ?? []);
  return (
    <p className="soft small chart-notes">
      {per > 1 && texts.per(per)}
      {missing.length > 0 &&
        ` ${texts.notFinite(
          missing.reduce((sum, { count }) => sum + count, 0),
          Math.min(...missing.map(({ firstStep }) => firstStep)),
        )}`}
    </p>
  );
}
