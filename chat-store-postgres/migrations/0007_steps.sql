-- When and by whom a message was delivered before it was read.
alter table messages add column v_delivered bigint not null default 0,
    add column delivered_by text collate "C";
