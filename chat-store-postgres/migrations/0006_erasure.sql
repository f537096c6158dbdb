-- The files that no message bears any more and that are still to be deleted. One is noted in the
-- transaction that deletes its message.
create table gone_files (
    key text collate "C" primary key,
    -- When to try.
    due timestamptz not null,
    -- How long to wait after that, in seconds.
    pause bigint not null
);

create index gone_files_due on gone_files (due, key);

-- Of a deleted message's key only that it was used.
update messages set key_content = '00000000-0000-0000-0000-000000000000'
    where deleted_at is not null and key is not null;

-- The rooms that users have left: joining is 0 where a user was erased from the room since. Last, as
-- nobody joins, leaves or sends receipts while it is made.
create index members_left on members (user_id, room_id) where gone and joining > 0;
