-- What a registry, that is one account in one Region, is told about itself (spec/ecr.md 7). Texts that customers write
-- stand here sealed only; lists of plain words are JSON.

-- Only what was set: the defaults are the program's.
CREATE TABLE account_setting (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, region, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE registry_policy (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    policy BLOB NOT NULL, -- sealed
    PRIMARY KEY (account, region)
) STRICT;

CREATE TABLE registry_scanning (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    scan_type TEXT NOT NULL,
    PRIMARY KEY (account, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE scanning_rule (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    position INTEGER NOT NULL, -- as it was sent
    frequency TEXT NOT NULL,
    filters TEXT NOT NULL, -- JSON list of globs
    PRIMARY KEY (account, region, position),
    UNIQUE (account, region, frequency),
    FOREIGN KEY (account, region) REFERENCES registry_scanning (account, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE replication_rule (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    position INTEGER NOT NULL, -- as it was sent
    filters TEXT, -- JSON list of beginnings of names; NULL: all repositories
    delete_replication INTEGER, -- NULL: nothing was said
    PRIMARY KEY (account, region, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE replication_destination (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    rule INTEGER NOT NULL,
    position INTEGER NOT NULL, -- as it was sent
    to_account TEXT NOT NULL,
    to_region TEXT NOT NULL,
    PRIMARY KEY (account, region, rule, position),
    FOREIGN KEY (account, region, rule) REFERENCES replication_rule (account, region, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE cache_rule (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    stem TEXT NOT NULL, -- the prefix without a / at its end
    prefix TEXT NOT NULL, -- as it was sent
    upstream_url TEXT NOT NULL,
    upstream_prefix TEXT, -- as it was sent, if it was
    credential_arn TEXT,
    custom_role_arn TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account, region, stem)
) STRICT, WITHOUT ROWID;

CREATE TABLE creation_template (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    stem TEXT NOT NULL, -- the prefix without a / at its end
    prefix TEXT NOT NULL, -- as it was sent
    applied_for TEXT NOT NULL, -- JSON list of words
    description BLOB, -- sealed
    encryption_type TEXT NOT NULL,
    kms_key TEXT, -- as it was sent, if it was
    tag_mutability TEXT NOT NULL,
    exclusion_filters TEXT NOT NULL, -- JSON list of globs
    resource_tags TEXT NOT NULL, -- JSON list of pairs
    repository_policy BLOB, -- sealed
    lifecycle_policy BLOB, -- sealed
    custom_role_arn TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account, region, stem)
) STRICT;
