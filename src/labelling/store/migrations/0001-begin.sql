-- People, projects, tasks, who has which, what they judged, and the history of it.
-- Runs on PostgreSQL 14 and later and on PGlite.

CREATE TABLE people (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  -- whoever runs the studio: may do everything
  host boolean NOT NULL DEFAULT false,
  -- identifiers of a crowd's platform: {"platform": "prolific", "participant": ..., ...}
  outside jsonb,
  created timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX people_outside ON people
  ((outside ->> 'platform'), (outside ->> 'participant'), (outside ->> 'study'))
  WHERE outside IS NOT NULL;

-- only a token's SHA-256 is kept
CREATE TABLE sessions (
  hash bytea PRIMARY KEY,
  person uuid NOT NULL REFERENCES people,
  created timestamptz NOT NULL DEFAULT now(),
  expires timestamptz NOT NULL
);

CREATE TABLE projects (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- in addresses and in studio:SLUG
  slug text NOT NULL UNIQUE,
  name text NOT NULL,
  -- name of a kind of task (labelling/kinds)
  kind text NOT NULL,
  -- checked by settingsSchema
  settings jsonb NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused', 'closed')),
  -- judgements that a task needs
  overlap integer NOT NULL CHECK (overlap >= 1),
  -- a new order of the queue makes a new one: everybody looks from its beginning again
  generation integer NOT NULL DEFAULT 0,
  -- the last number that tasks.freed was given
  freed bigint NOT NULL DEFAULT 0,
  created timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE memberships (
  project bigint NOT NULL REFERENCES projects,
  person uuid NOT NULL REFERENCES people,
  role text NOT NULL CHECK (role IN ('owner', 'annotator')),
  joined timestamptz NOT NULL DEFAULT now(),
  -- may no longer ask for tasks
  removed timestamptz,
  -- place in the queue up to which this person has looked, in this generation
  generation integer NOT NULL DEFAULT 0,
  cursor_rank double precision,
  cursor_task bigint,
  -- up to which tasks.freed this person has looked
  cursor_freed bigint NOT NULL DEFAULT 0,
  -- tasks that this person has been given, for mixing gold in
  given integer NOT NULL DEFAULT 0,
  -- when this person last asked for tasks
  seen timestamptz,
  -- a crowd's participant: consent, and how it ended
  consented timestamptz,
  outcome text CHECK (outcome IN ('completed', 'screened-out')),
  ended timestamptz,
  PRIMARY KEY (project, person)
);

CREATE TABLE invitations (
  id uuid PRIMARY KEY,
  -- SHA-256 of the token in the link
  hash bytea NOT NULL UNIQUE,
  project bigint NOT NULL REFERENCES projects,
  role text NOT NULL CHECK (role IN ('owner', 'annotator')),
  -- null: any number of people
  uses integer,
  used integer NOT NULL DEFAULT 0,
  note text NOT NULL DEFAULT '',
  created timestamptz NOT NULL DEFAULT now(),
  expires timestamptz,
  revoked timestamptz
);

CREATE TABLE imports (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project bigint NOT NULL REFERENCES projects,
  name text NOT NULL,
  format text NOT NULL,
  sha256 text NOT NULL,
  rows integer NOT NULL,
  -- what was left out or not kept, in sentences
  notes jsonb NOT NULL DEFAULT '[]',
  created timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tasks (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project bigint NOT NULL REFERENCES projects,
  -- what is shown; checked by the kind's content schema
  content jsonb NOT NULL,
  -- what nobody may see before the judgement: models, source, columns, file and row
  hidden jsonb NOT NULL DEFAULT '{}',
  -- the known judgement, where this is a gold question
  gold jsonb,
  -- SHA-256 of the content: the same question is not asked twice
  digest bytea NOT NULL,
  -- smaller comes first
  rank double precision NOT NULL,
  -- why it stands there: 'order', 'random', 'uncertainty', 'disagreement'
  chosen_by text NOT NULL DEFAULT 'order',
  -- 'open': needs more judgements; 'full'; 'settled': adjudicated; 'withdrawn'
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'full', 'settled', 'withdrawn')),
  judged integer NOT NULL DEFAULT 0,
  -- places that somebody holds for a while
  leased integer NOT NULL DEFAULT 0,
  -- when a place became free again, by a count of the project: those whose cursor is past the task
  -- find it by this
  freed bigint,
  import bigint REFERENCES imports,
  created timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project, digest)
);
CREATE INDEX tasks_queue ON tasks (project, rank, id) WHERE state = 'open' AND gold IS NULL;
CREATE INDEX tasks_freed ON tasks (project, freed)
  WHERE freed IS NOT NULL AND state = 'open' AND gold IS NULL;
CREATE INDEX tasks_gold ON tasks (project, id) WHERE gold IS NOT NULL;
CREATE INDEX tasks_judged ON tasks (project, judged) WHERE judged > 0;

-- how many tasks are where, kept by triggers: counting a million takes too long to be asked often.
-- A row for each connection's process, so that nobody waits for another
CREATE TABLE project_counts (
  project bigint NOT NULL REFERENCES projects,
  shard integer NOT NULL,
  gold bigint NOT NULL DEFAULT 0,
  -- of tasks that are no gold questions
  open bigint NOT NULL DEFAULT 0,
  filled bigint NOT NULL DEFAULT 0,
  settled bigint NOT NULL DEFAULT 0,
  withdrawn bigint NOT NULL DEFAULT 0,
  -- judgements that count, and those of them on open tasks
  judged bigint NOT NULL DEFAULT 0,
  open_judged bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (project, shard)
);
CREATE FUNCTION count_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- most changes are of a lease, and count nothing
  INSERT INTO project_counts AS c
    (project, shard, gold, open, filled, settled, withdrawn, judged, open_judged)
  SELECT project, pg_backend_pid() % 1024,
    coalesce(sum(n) FILTER (WHERE gold), 0),
    coalesce(sum(n) FILTER (WHERE NOT gold AND state = 'open'), 0),
    coalesce(sum(n) FILTER (WHERE NOT gold AND state = 'full'), 0),
    coalesce(sum(n) FILTER (WHERE NOT gold AND state = 'settled'), 0),
    coalesce(sum(n) FILTER (WHERE NOT gold AND state = 'withdrawn'), 0),
    coalesce(sum(n * judged) FILTER (WHERE NOT gold), 0),
    coalesce(sum(n * judged) FILTER (WHERE NOT gold AND state = 'open'), 0)
  FROM (
    SELECT project, gold IS NOT NULL AS gold, state, judged, 1 AS n FROM added
    UNION ALL
    SELECT project, gold IS NOT NULL, state, judged, -1 FROM gone
  ) AS moved
  GROUP BY project
  HAVING
    coalesce(sum(n) FILTER (WHERE gold), 0) <> 0
    OR coalesce(sum(n) FILTER (WHERE NOT gold AND state = 'open'), 0) <> 0
    OR coalesce(sum(n) FILTER (WHERE NOT gold AND state = 'full'), 0) <> 0
    OR coalesce(sum(n) FILTER (WHERE NOT gold AND state = 'settled'), 0) <> 0
    OR coalesce(sum(n) FILTER (WHERE NOT gold AND state = 'withdrawn'), 0) <> 0
    OR coalesce(sum(n * judged) FILTER (WHERE NOT gold), 0) <> 0
    OR coalesce(sum(n * judged) FILTER (WHERE NOT gold AND state = 'open'), 0) <> 0
  ON CONFLICT (project, shard) DO UPDATE SET
    gold = c.gold + excluded.gold, open = c.open + excluded.open,
    filled = c.filled + excluded.filled, settled = c.settled + excluded.settled,
    withdrawn = c.withdrawn + excluded.withdrawn, judged = c.judged + excluded.judged,
    open_judged = c.open_judged + excluded.open_judged;
  RETURN NULL;
END $$;
CREATE FUNCTION count_new_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO project_counts AS c
    (project, shard, gold, open, filled, settled, withdrawn, judged, open_judged)
  SELECT project, pg_backend_pid() % 1024,
    count(*) FILTER (WHERE gold IS NOT NULL),
    count(*) FILTER (WHERE gold IS NULL AND state = 'open'),
    count(*) FILTER (WHERE gold IS NULL AND state = 'full'),
    count(*) FILTER (WHERE gold IS NULL AND state = 'settled'),
    count(*) FILTER (WHERE gold IS NULL AND state = 'withdrawn'),
    coalesce(sum(judged) FILTER (WHERE gold IS NULL), 0),
    coalesce(sum(judged) FILTER (WHERE gold IS NULL AND state = 'open'), 0)
  FROM added GROUP BY project
  ON CONFLICT (project, shard) DO UPDATE SET
    gold = c.gold + excluded.gold, open = c.open + excluded.open,
    filled = c.filled + excluded.filled, settled = c.settled + excluded.settled,
    withdrawn = c.withdrawn + excluded.withdrawn, judged = c.judged + excluded.judged,
    open_judged = c.open_judged + excluded.open_judged;
  RETURN NULL;
END $$;
CREATE TRIGGER tasks_added AFTER INSERT ON tasks REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION count_new_tasks();
CREATE TRIGGER tasks_changed AFTER UPDATE ON tasks
  REFERENCING NEW TABLE AS added OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION count_tasks();

-- one person's claim on one task: at most one, ever
CREATE TABLE assignments (
  id uuid PRIMARY KEY,
  project bigint NOT NULL REFERENCES projects,
  task bigint NOT NULL REFERENCES tasks,
  person uuid NOT NULL REFERENCES people,
  -- 'returned': to be judged once more by this person
  state text NOT NULL CHECK (state IN ('leased', 'judged', 'skipped', 'expired', 'returned')),
  -- the answers' indices in the order in which they are shown
  sides smallint[] NOT NULL,
  claimed timestamptz NOT NULL,
  expires timestamptz NOT NULL,
  -- whether the lease counts in tasks.leased: not for gold questions, which everybody is asked, and
  -- not where the place is the person's own or was taken
  holds boolean NOT NULL DEFAULT false,
  -- when it was judged or skipped
  ended timestamptz,
  -- why it was skipped
  flag text NOT NULL DEFAULT '',
  comment text NOT NULL DEFAULT '',
  -- what an adjudicator said who wants it judged once more
  returned text,
  UNIQUE (task, person)
);
CREATE INDEX assignments_ended ON assignments (person, project, ended) WHERE ended IS NOT NULL;
-- what a person holds or may be given again; judged and skipped ones would be many
CREATE INDEX assignments_of_person ON assignments (person, project, state)
  WHERE state IN ('leased', 'expired', 'returned');
CREATE INDEX assignments_leased ON assignments (project, expires) WHERE state = 'leased';

CREATE TABLE judgements (
  -- made by the client: the same one sent again is the same one
  id uuid PRIMARY KEY,
  assignment uuid NOT NULL REFERENCES assignments,
  project bigint NOT NULL REFERENCES projects,
  task bigint NOT NULL REFERENCES tasks,
  person uuid NOT NULL REFERENCES people,
  -- answers by their indices in the task, whatever side they stood on
  judgement jsonb NOT NULL,
  sides smallint[] NOT NULL,
  comment text NOT NULL DEFAULT '',
  -- why something is wrong with the task; '' where nothing is
  flag text NOT NULL DEFAULT '',
  -- milliseconds that the task was before the person
  shown_ms integer NOT NULL,
  -- 'late': the lease had ended and the place was taken; 'undone'; 'replaced': by a later one of
  -- the same person; 'rejected': by whoever adjudicated
  state text NOT NULL
    CHECK (state IN ('counted', 'late', 'undone', 'replaced', 'rejected')),
  -- null for what was judged here, else the name of the tool that it was imported from
  origin text,
  created timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX judgements_counted ON judgements (task, person) WHERE state = 'counted';
CREATE INDEX judgements_of_project ON judgements (project, created);
CREATE INDEX judgements_of_person ON judgements (person, project, created);

-- what is to become of a task on which people differ
CREATE TABLE adjudications (
  task bigint PRIMARY KEY REFERENCES tasks,
  project bigint NOT NULL REFERENCES projects,
  person uuid NOT NULL REFERENCES people,
  decision text NOT NULL CHECK (decision IN ('accepted', 'rejected', 'returned', 'passed-on')),
  -- the label that holds, where the decision is 'accepted'
  judgement jsonb,
  note text NOT NULL DEFAULT '',
  created timestamptz NOT NULL DEFAULT now()
);

-- everything that was done, in order; nothing is changed or removed
CREATE TABLE history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  project bigint REFERENCES projects,
  person uuid REFERENCES people,
  -- 'judged', 'undone', 'skipped', 'late', 'overlap', 'imported', 'adjudicated', ...
  what text NOT NULL,
  task bigint REFERENCES tasks,
  detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX history_of_project ON history (project, id);
CREATE FUNCTION history_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the history is only added to';
END $$;
CREATE TRIGGER history_is_kept BEFORE UPDATE OR DELETE ON history
  FOR EACH ROW EXECUTE FUNCTION history_is_kept();
CREATE TRIGGER history_is_not_emptied BEFORE TRUNCATE ON history
  FOR EACH STATEMENT EXECUTE FUNCTION history_is_kept();

-- processes that the studio began: they outlive it
CREATE TABLE jobs (
  id uuid PRIMARY KEY,
  project bigint REFERENCES projects,
  -- 'train', 'resume', 'ask', 'sample'
  kind text NOT NULL,
  argv jsonb NOT NULL,
  folder text NOT NULL,
  -- machine and folder of the studio that begins it, and asks after it
  studio text NOT NULL,
  pid integer,
  -- when the process began, as the system counts it: a number is given to others later
  pid_started text,
  -- 'queued': waits for the one before it; 'lost': ended from outside
  state text NOT NULL
    CHECK (state IN ('queued', 'running', 'completed', 'failed', 'stopped', 'lost')),
  exit_code integer,
  detail jsonb NOT NULL DEFAULT '{}',
  created timestamptz NOT NULL DEFAULT now(),
  began timestamptz,
  stop_asked timestamptz,
  ended timestamptz
);
CREATE INDEX jobs_waiting ON jobs (studio, state, created) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_created ON jobs (created);

-- conversations with one model, or with two whose names are not told before the vote
CREATE TABLE chats (
  id uuid PRIMARY KEY,
  person uuid NOT NULL REFERENCES people,
  -- names by side: one, or two
  models jsonb NOT NULL,
  settings jsonb NOT NULL,
  -- per side, a list of {role, content}
  turns jsonb NOT NULL,
  -- 'left', 'right', 'tie', 'both-bad'; null before
  vote text,
  created timestamptz NOT NULL DEFAULT now(),
  voted timestamptz
);
