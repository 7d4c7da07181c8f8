-- How many objects there are and what they hold, kept as they come and go: counting them would read every row.
CREATE TABLE blob_total (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    blobs INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO blob_total SELECT 1, count(*), coalesce(sum(size), 0) FROM blob;
CREATE TRIGGER blob_came AFTER INSERT ON blob BEGIN
    UPDATE blob_total SET blobs = blobs + 1, bytes = bytes + NEW.size;
END;
CREATE TRIGGER blob_went AFTER DELETE ON blob BEGIN
    UPDATE blob_total SET blobs = blobs - 1, bytes = bytes - OLD.size;
END;
CREATE TRIGGER blob_changed AFTER UPDATE OF size ON blob BEGIN
    UPDATE blob_total SET bytes = bytes + NEW.size - OLD.size;
END;
