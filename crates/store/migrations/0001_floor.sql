-- The first schema. Times are microseconds since 1970; digests are one algorithm byte and the raw hash; ids of
-- images and history are UUIDv7, so that their order is the order of time. Texts that customers write (policies) and
-- secrets stand here sealed only.

CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE principal (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    arn TEXT NOT NULL UNIQUE,
    unique_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE access_key (
    id TEXT NOT NULL PRIMARY KEY,
    principal INTEGER NOT NULL REFERENCES principal (id),
    secret BLOB NOT NULL, -- sealed
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The keys that seal a repository's blobs. Domain 1 belongs to the installation: tokens, secrets, documents, heads.
CREATE TABLE key_domain (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    kms_key TEXT NOT NULL, -- '' for AES256: one domain a registry
    by_default INTEGER NOT NULL, -- 1: the key of KMS repositories that named none
    created_at INTEGER NOT NULL,
    UNIQUE (account, region, kms_key)
) STRICT;

CREATE TABLE key_version (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never again: sealed bytes name it
    key_domain INTEGER NOT NULL REFERENCES key_domain (id),
    sealed BLOB NOT NULL, -- under the root key
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX key_version_of_domain ON key_version (key_domain, id);

-- Quotas are judged on these counts; one row a registry.
CREATE TABLE registry (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    repositories INTEGER NOT NULL,
    PRIMARY KEY (account, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE repository (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never again: open uploads name it
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    key_domain INTEGER NOT NULL REFERENCES key_domain (id),
    encryption_type TEXT NOT NULL,
    tag_mutability TEXT NOT NULL,
    exclusion_filters TEXT NOT NULL, -- JSON list of globs
    scan_on_push INTEGER NOT NULL,
    policy BLOB, -- sealed
    lifecycle_policy BLOB, -- sealed
    lifecycle_evaluated_at INTEGER NOT NULL DEFAULT 0,
    images INTEGER NOT NULL DEFAULT 0, -- live ones
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    undo_until INTEGER
) STRICT;
CREATE UNIQUE INDEX repository_live ON repository (account, region, name) WHERE deleted_at IS NULL;
CREATE INDEX repository_dead ON repository (undo_until) WHERE deleted_at IS NOT NULL;

CREATE TABLE resource_tag (
    repository INTEGER NOT NULL REFERENCES repository (id),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (repository, key)
) STRICT, WITHOUT ROWID;

-- One row a stored object. It is named by a random id, never by its digest, and ids are never used again.
CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    key_domain INTEGER NOT NULL REFERENCES key_domain (id),
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    object BLOB NOT NULL UNIQUE,
    key_version INTEGER NOT NULL REFERENCES key_version (id),
    binding BLOB NOT NULL,
    inline INTEGER NOT NULL, -- 1: the sealed bytes stand in blob_content
    damaged INTEGER NOT NULL DEFAULT 0,
    touched_at INTEGER NOT NULL, -- collecting waits for a grace time after it
    UNIQUE (key_domain, digest)
) STRICT;

CREATE TABLE blob_content (
    blob INTEGER PRIMARY KEY REFERENCES blob (id),
    sealed BLOB NOT NULL
) STRICT;

-- The only answer to "does this repository hold that blob": written by a finish or an authorised mount.
CREATE TABLE repository_blob (
    repository INTEGER NOT NULL REFERENCES repository (id),
    digest BLOB NOT NULL,
    blob INTEGER NOT NULL REFERENCES blob (id),
    PRIMARY KEY (repository, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_blob_of ON repository_blob (blob);

CREATE TABLE image (
    id BLOB NOT NULL PRIMARY KEY,
    repository INTEGER NOT NULL REFERENCES repository (id),
    digest BLOB NOT NULL,
    manifest INTEGER NOT NULL REFERENCES blob (id),
    media_type TEXT NOT NULL,
    artifact_type TEXT, -- the effective one: its own, else an image's config media type
    subject BLOB,
    size INTEGER NOT NULL, -- config and layers as stored; of an index the largest child
    pushed_at INTEGER NOT NULL,
    pulled_at INTEGER,
    tags INTEGER NOT NULL DEFAULT 0, -- how many point here
    status TEXT NOT NULL DEFAULT 'ACTIVE',
    archived_at INTEGER,
    activated_at INTEGER,
    deleted_at INTEGER,
    undo_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX image_live ON image (repository, digest) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX image_page ON image (repository, status, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX image_page_untagged ON image (repository, status, id) WHERE deleted_at IS NULL AND tags = 0;
CREATE UNIQUE INDEX image_page_tagged ON image (repository, status, id) WHERE deleted_at IS NULL AND tags > 0;
CREATE UNIQUE INDEX image_page_any ON image (repository, id) WHERE deleted_at IS NULL;
CREATE INDEX image_subject ON image (repository, subject, id) WHERE deleted_at IS NULL AND subject IS NOT NULL;
CREATE INDEX image_dead ON image (undo_until) WHERE deleted_at IS NOT NULL;
CREATE INDEX image_manifest ON image (manifest);

CREATE TABLE image_blob (
    image BLOB NOT NULL REFERENCES image (id),
    blob INTEGER NOT NULL REFERENCES blob (id),
    repository INTEGER NOT NULL REFERENCES repository (id), -- the image's: who of many needs a common layer
    PRIMARY KEY (image, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_blob_of ON image_blob (blob, repository);

CREATE TABLE image_child (
    image BLOB NOT NULL REFERENCES image (id),
    child BLOB NOT NULL REFERENCES image (id),
    PRIMARY KEY (image, child)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_child_of ON image_child (child);

CREATE TABLE tag (
    repository INTEGER NOT NULL REFERENCES repository (id),
    name TEXT NOT NULL,
    image BLOB NOT NULL REFERENCES image (id),
    PRIMARY KEY (repository, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_of_image ON tag (image, name);

-- What happened to a repository, its tags and images: undoing, explaining and simulating read it.
CREATE TABLE history (
    id BLOB NOT NULL PRIMARY KEY,
    repository INTEGER NOT NULL REFERENCES repository (id),
    at INTEGER NOT NULL,
    principal TEXT NOT NULL,
    request TEXT NOT NULL,
    action TEXT NOT NULL,
    digest BLOB,
    tag TEXT,
    image BLOB, -- the image it happened to
    previous BLOB -- where a moved or removed tag pointed
) STRICT, WITHOUT ROWID;
CREATE INDEX history_of_repository ON history (repository, id);
CREATE INDEX history_of_tag ON history (repository, tag, id) WHERE tag IS NOT NULL;

-- One row an image and day; written by the flush of counted pulls.
CREATE TABLE pull (
    image BLOB NOT NULL REFERENCES image (id),
    day INTEGER NOT NULL,
    pulls INTEGER NOT NULL,
    PRIMARY KEY (image, day)
) STRICT, WITHOUT ROWID;

-- Objects whose rows are gone and whose files are still to be removed.
CREATE TABLE dead_object (
    object BLOB NOT NULL PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE job (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    repository INTEGER REFERENCES repository (id),
    payload TEXT NOT NULL,
    run_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    leased_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX job_due ON job (run_at);

-- EventBridge's shape (spec/ecr.md 9); a later job delivers and removes them.
CREATE TABLE event (
    id BLOB NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    detail_type TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row that the probe after a failed commit writes.
CREATE TABLE probe (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT;
INSERT INTO probe (id, at) VALUES (1, 0);
