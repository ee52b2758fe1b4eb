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
  -- tasks that this person has been given, for mixing gold in
  given integer NOT NULL DEFAULT 0,
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
  leased integer NOT NULL DEFAULT 0,
  import bigint REFERENCES imports,
  created timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project, digest)
);
CREATE INDEX tasks_queue ON tasks (project, rank, id) WHERE state = 'open' AND gold IS NULL;
CREATE INDEX tasks_gold ON tasks (project, id) WHERE gold IS NOT NULL;
CREATE INDEX tasks_judged ON tasks (project, judged) WHERE judged > 0;

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
  UNIQUE (task, person)
);
CREATE INDEX assignments_of_person ON assignments (person, project, state);
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
