-- Tables of a room are keyed by room first, so that each can be partitioned by hash of the room, or
-- spread over machines by it. No index holds a column that every message changes in `rooms` and
-- `members`; with room left on the pages their rows are updated in place.

-- Ids stay below 2^48; a cache of 1 keeps them in the order in which they are asked for.
create sequence room_ids maxvalue 281474976710655 cache 1;
create sequence message_ids maxvalue 281474976710655 cache 1;

create table rooms (
    id bigint primary key,
    kind text not null,
    name text,
    created_by text collate "C",
    created_at timestamptz not null,
    active boolean not null default true,
    -- JSON as text: jsonb refuses \u0000.
    metadata text not null,
    last_seq bigint not null default 0,
    version bigint not null default 1,
    settings_version bigint not null default 1,
    activity_at timestamptz not null,
    -- When the message at last_seq was sent.
    last_at timestamptz,
    deleted int8multirange not null default '{}',
    uncounted int8multirange not null default '{}',
    -- The messages that have delivered_at, and those that have read_at.
    delivered int8multirange not null default '{}',
    read int8multirange not null default '{}',
    -- How many joinings there were.
    joinings bigint not null default 0
) with (fillfactor = 60);

create index rooms_public on rooms (id) where kind = 'public' and active;

create table direct_rooms (
    first text collate "C",
    second text collate "C",
    room_id bigint not null,
    primary key (first, second),
    check (first < second)
);

create table members (
    room_id bigint not null,
    user_id text collate "C" not null,
    joined_at timestamptz not null,
    joined_seq bigint not null,
    -- Whoever sent a message has read and received it. Those after own_seq are not in here yet, so
    -- that a send changes no row of this table.
    read int8multirange not null,
    delivered int8multirange not null,
    own_seq bigint not null,
    version bigint not null,
    gone boolean not null default false,
    -- The number of the last joining, which orders the members.
    joining bigint not null,
    primary key (room_id, user_id)
) with (fillfactor = 70);

create index members_of_user on members (user_id, room_id) where not gone;
create index members_changed on members (room_id, version, joining);

create table messages (
    room_id bigint not null,
    seq bigint not null,
    id bigint not null default nextval('message_ids'),
    sender text collate "C" not null,
    kind text not null,
    content text not null,
    file_key text,
    file_name text,
    file_type text,
    file_size bigint,
    reply_to bigint,
    created_at timestamptz not null,
    edited_at timestamptz,
    deleted_at timestamptz,
    -- [[emoji, [user, ...]], ...]
    reactions text not null default '[]',
    delivered_at timestamptz,
    read_at timestamptz,
    status_by text collate "C",
    v_sent bigint not null,
    v_edited bigint not null default 0,
    v_deleted bigint not null default 0,
    v_reacted bigint not null default 0,
    v_status bigint not null default 0,
    -- The version of the last change.
    changed bigint not null,
    -- The words of the text, each behind the room's id and a colon.
    words tsvector not null,
    primary key (room_id, seq)
) with (fillfactor = 85);

create index messages_by_id on messages (id);
create index messages_of_sender on messages (room_id, sender, seq);
create index messages_changed on messages (room_id, changed, seq);
create index messages_words on messages using gin (words);

create table message_keys (
    room_id bigint not null,
    sender text collate "C" not null,
    key uuid not null,
    content uuid not null,
    seq bigint not null,
    primary key (room_id, sender, key)
);

-- The last batch that each lane has committed.
create table lanes (
    id uuid primary key,
    batch bigint not null,
    at timestamptz not null default now()
) with (fillfactor = 20);

create table visitors (
    user_id text collate "C" primary key,
    last_seen timestamptz not null,
    -- Whether the user's coming was told and their going not yet.
    there boolean not null
) with (fillfactor = 70);

-- The rooms of which a user's coming was told and their going not yet.
create table attendance (
    user_id text collate "C" not null,
    room_id bigint not null,
    primary key (user_id, room_id)
);

create table sessions (
    id uuid primary key,
    user_id text collate "C" not null,
    room_id bigint not null,
    node uuid not null,
    connected_at timestamptz not null,
    last_seen timestamptz not null,
    lease_until timestamptz not null,
    -- When to look whether the lease is over: at its end or before, so that a renewal leaves this.
    due timestamptz not null,
    closed_at timestamptz,
    lapsed boolean not null default false,
    -- Whether it is in the user's list.
    listed boolean not null default true,
    user_agent text,
    ip_address text
) with (fillfactor = 60);

create index sessions_listed on sessions (user_id, connected_at, id) where listed;
create index sessions_of_user on sessions (user_id) where closed_at is null;
create index sessions_of_node on sessions (node) where closed_at is null;
create index sessions_due on sessions (due) where closed_at is null;

-- The position of the newest message of a room with a smaller id. Ids ascend with positions, so
-- halving finds it with a few looks at the primary key and needs no index of its own.
create function seq_before_id(room bigint, last bigint, before bigint) returns bigint
language plpgsql stable as $$
declare
    low bigint := 0;
    high bigint := last;
    middle bigint;
begin
    while low < high loop
        middle := (low + high + 1) / 2;
        if (select id < before from messages where room_id = room and seq = middle) then
            low := middle;
        else
            high := middle - 1;
        end if;
    end loop;
    return low;
end
$$;

-- The position of the newest message of a room that was sent before a moment, likewise.
create function seq_before_time(room bigint, last bigint, before timestamptz) returns bigint
language plpgsql stable as $$
declare
    low bigint := 0;
    high bigint := last;
    middle bigint;
begin
    while low < high loop
        middle := (low + high + 1) / 2;
        if (select created_at < before from messages where room_id = room and seq = middle) then
            low := middle;
        else
            high := middle - 1;
        end if;
    end loop;
    return low;
end
$$;
