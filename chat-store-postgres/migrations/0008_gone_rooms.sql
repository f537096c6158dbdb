-- The rooms that are deleted and of which messages or members are still here. One is noted in the
-- transaction that takes its row from `rooms`, without which nothing finds or writes what is left.
create table gone_rooms (
    room_id bigint primary key,
    -- The position of its newest message, and up to which one they are taken out.
    last_seq bigint not null,
    swept bigint not null default 0
);
