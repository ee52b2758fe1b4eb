/** Projects that somebody may label. */
import { Link } from "wouter";
import { useKnown } from "../app/session.tsx";
import { label } from "../strings/label.ts";
import { Chip, Empty } from "../ui/basics.tsx";

export function Home() {
  const { person, projects } = useKnown();
  if (projects.length === 0)
    return (
      <Empty title={label.home.title}>
        <p>{person.host ? label.home.noneHost : label.home.none}</p>
      </Empty>
    );
  return (
    <>
      <h1>{label.home.title}</h1>
      <ul className="project-list">
        {projects.map(({ slug, name, role }) => (
          <li key={slug}>
            <Link href={`/${slug}`} className="panel project-link">
              <strong>{name}</strong>
              <Chip kind="quiet">{label.home.role[role]}</Chip>
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
