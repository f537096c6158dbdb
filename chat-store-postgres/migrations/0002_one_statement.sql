-- A batch of messages is one statement: it notes the rooms that had moved on, so that nothing was
-- written to them, and a message's key is in its own row.
alter table lanes add column refused bigint[] not null default '{}';

alter table messages
    -- The digests of the client's key and of what was sent under it.
    add column key uuid,
    add column key_content uuid;
update messages m set key = k.key, key_content = k.content
    from message_keys k where m.room_id = k.room_id and m.seq = k.seq;
drop table message_keys;

-- Where a set is large, compressing it took longer than all else that a batch does.
alter table members alter read set storage external, alter delivered set storage external;
alter table rooms
    alter deleted set storage external,
    alter uncounted set storage external,
    alter delivered set storage external,
    alter read set storage external;

create unique index messages_by_key on messages (room_id, sender, key) where key is not null;
