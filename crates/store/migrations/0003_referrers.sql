-- Referrers of one artifact type: a page costs what it holds, however many of other types there are.
CREATE INDEX image_referrer ON image (repository, subject, artifact_type, id)
    WHERE deleted_at IS NULL AND subject IS NOT NULL;
