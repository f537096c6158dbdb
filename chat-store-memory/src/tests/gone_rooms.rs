//! What is left of rooms that are deleted, once they are swept.

use chat_core::store::ErasureStore;

use super::*;

#[tokio::test]
async fn of_a_deleted_room_nothing_is_left_once_it_is_swept() {
    let store = MemoryStore::new();
    let (gone, stays) = (room_of(&store, &[1, 2]).await, room_of(&store, &[1]).await);
    let (sent, others) = (fill(&store, gone, 1, 30).await, fill(&store, stays, 1, 3).await);
    let places = |messages: &[Arc<Message>]| {
        let places = &store.state.places;
        messages.iter().filter(|message| places.find(message.id.get()).is_some()).count()
    };
    assert_eq!(places(&sent), 30);
    store.delete_room(gone, None).await.unwrap();
    while store.sweep_gone_rooms(AT, 7).await.unwrap() {}
    assert_eq!((places(&sent), places(&others)), (0, 3));
    assert!(lock(&store.state.gone_rooms).is_empty());
    let rooms = |user| {
        let user = UserId::from(user);
        store.state.user_rooms.hold(&user).get(&user).cloned()
    };
    assert_eq!(rooms(1), Some([stays].into()));
    assert_eq!(rooms(2), None);
}
