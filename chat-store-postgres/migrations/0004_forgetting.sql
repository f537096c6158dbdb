-- Sessions that closed long ago are found and forgotten.
create index sessions_closed on sessions (closed_at) where closed_at is not null;
