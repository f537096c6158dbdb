-- Words wait in a list until there are many, as it takes less to put them into the index together.
-- But each search goes through all that waits once for each room of the caller's, and whoever fills
-- the list empties it before going on: with the 4 MB that there are otherwise, for a second.
do $$
declare
    words regclass;
begin
    for words in
        select i.indexrelid from pg_index i
            join pg_class c on c.oid = i.indexrelid and c.relkind = 'i'
            join pg_am a on a.oid = c.relam and a.amname = 'gin'
        where i.indrelid = 'messages'::regclass
            or i.indrelid in (select relid from pg_partition_tree('messages'))
    loop
        -- Before others have to wait.
        perform gin_clean_pending_list(words);
        execute format('alter index %s set (gin_pending_list_limit = 1024)', words);
    end loop;
end $$;
