//! A JSON object that a client sent.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The most arrays and objects in one that a client sent: a few bytes of text each, they take up
/// hundreds in memory.
const PARTS: usize = 1_000;

/// A JSON object with each key once: with two of a name, proxies and clients could differ over
/// which one counts. It holds at most 1,000 arrays and objects.
pub(crate) struct Object(pub(crate) Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Once)
    }
}

struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with each key once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object, A::Error> {
        let (mut fields, left) = (Map::new(), Cell::new(PARTS));
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(Part(&left))?;
            if fields.insert(name, value).is_some() {
                return Err(A::Error::custom("a key is there twice"));
            }
        }
        Ok(Object(fields))
    }
}

/// Any value, while there are few arrays and objects: how many more there may be.
#[derive(Clone, Copy)]
struct Part<'a>(&'a Cell<usize>);

impl Part<'_> {
    fn begin<E: Error>(self) -> Result<(), E> {
        let too_many = || E::custom("too many arrays and objects");
        self.0.set(self.0.get().checked_sub(1).ok_or_else(too_many)?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.begin()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.begin()?;
        let mut fields = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            fields.insert(name, access.next_value_seed(self)?);
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn it_holds_a_thousand_arrays_and_objects_and_no_more() {
        for item in ["[]", "{}", r#"{"":0}"#] {
            let object = |count| {
                let items = vec![item; count - 1].join(",");
                serde_json::from_str::<Object>(&format!(r#"{{"a":[{items}]}}"#))
            };
            assert!(object(PARTS).is_ok(), "{item}");
            assert!(object(PARTS + 1).is_err(), "{item}");
        }
    }

    #[test]
    fn any_number_of_plain_values_is_taken() {
        let object = json!({ "a": vec![0; 100_000], "b": vec!["x"; 100_000] });
        let read: Object = serde_json::from_str(&object.to_string()).unwrap();
        assert!(Value::Object(read.0) == object);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            let fields = prop::collection::btree_map(".{0,3}", inner.clone(), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                fields.prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_are_read_as_by_anybody_else(value in any_json()) {
            let text = json!({ "a": value }).to_string();
            let read: Object = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Value::Object(read.0), serde_json::from_str::<Value>(&text).unwrap());
        }
    }
}
