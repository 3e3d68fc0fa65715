-- columns: the mapping that a person gave for a list's files, as JSON (our field -> column of the file); NULL: none.
ALTER TABLE contact_list ADD COLUMN columns VARCHAR;
