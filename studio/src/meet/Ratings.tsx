/** What the votes say of the models. */
import type { RatingAnswer } from "../../../src/studio/api/meet.ts";
import { getRatings } from "../../../src/studio/api/meet.ts";
import { useAnswer } from "../calls/hooks.ts";
import { meetStrings } from "../strings/meet.ts";
import { Empty, ErrorBox, Spinner } from "../ui/basics.tsx";
import { IntervalBar } from "../ui/interval.tsx";
import { Table } from "../ui/table.tsx";
import { shortName } from "./names.ts";

const words = meetStrings.ratings;

export function Ratings() {
  const { value, error, reload } = useAnswer(getRatings, { params: {} });
  if (error !== undefined) return <ErrorBox error={error} again={reload} />;
  if (value === undefined) return <Spinner />;
  if (value.votes === 0) return <Empty>{words.none}</Empty>;
  const ends = value.ratings.flatMap(({ rating: { low, high } }) => [low ?? 1000, high ?? 1000]);
  const [from, to] = [Math.min(900, ...ends), Math.max(1100, ...ends)];
  const bar = ({ rating }: RatingAnswer) => (
    <IntervalBar
      // an estimate that no interval bounds is none
      value={rating.low === null ? { ...rating, estimate: null } : rating}
      {...{ from, to, of: "vote", mark: 1000 }}
      format={(number) => String(Math.round(number))}
    />
  );
  return (
    <>
      <Table
        caption={words.caption(value.votes)}
        rows={value.ratings}
        rowKey={({ model }) => model}
        columns={[
          { title: words.model, cell: ({ model }) => shortName(model) },
          { title: words.rating, cell: bar },
          { title: words.votes, number: true, cell: ({ votes }) => votes },
          { title: words.wins, number: true, cell: ({ wins }) => wins },
          { title: words.losses, number: true, cell: ({ losses }) => losses },
          { title: words.ties, number: true, cell: ({ ties }) => ties },
          {
            title: words.same,
            cell: ({ notToldFrom }) =>
              notToldFrom.length === 0 ? words.nobody : notToldFrom.map(shortName).join(", "),
          },
        ]}
      />
      <p className="soft">{words.note}</p>
    </>
  );
}
