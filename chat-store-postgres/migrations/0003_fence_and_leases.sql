-- No batch up to this number is committed any more: whoever looks for the outcome of one says so, or
-- it could still arrive after it was given up.
alter table lanes add column fenced bigint not null default 0;

-- A node renews the sessions that it names.
drop index sessions_of_node;
