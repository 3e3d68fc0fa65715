-- header_row: the line of the header that a person gave for a list's files, from 1; NULL: it is found by content.
ALTER TABLE contact_list ADD COLUMN header_row INTEGER;

-- read_options: what else a person said of how the file is to be read, as JSON; NULL: nothing.
ALTER TABLE import_file ADD COLUMN read_options VARCHAR;
