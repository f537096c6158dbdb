-- The rooms that are deleted and of which messages or members are still here. One is noted in the
-- transaction that takes its row from `rooms`, without which nothing finds or writes what is left.
create table gone_rooms (
    room_id bigint primary key,
    -- The position of its newest message, and up to which one they are taken out.
    last_seq bigint not null,
    swept bigint not null default 0,
    -- How many rows of members there are at most, and up to whom they are taken out.
    members bigint not null,
    swept_user text collate "C" not null default '',
    -- How often it could not be swept, and when that is to be tried again.
    failures integer not null default 0,
    due timestamptz not null default '-infinity'
);

create index gone_rooms_due on gone_rooms (due, room_id);
