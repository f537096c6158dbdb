-- Who is in a room, in the order they joined, without the rows and the sets in them. Nobody joins,
-- leaves, makes a room or sends a receipt while it is made.
create index members_present on members (room_id, joining) include (user_id) where not gone;
