//! What bodies look like, for the documentation and its tests.

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// What a JSON body looks like: its schema and an example of it.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Its schema, with what it refers to noted in the generator.
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
    /// An example, as JSON text.
    pub(crate) example: &'static str,
}

impl Shape {
    /// The shape of a type.
    pub(crate) const fn of<T: JsonSchema>(example: &'static str) -> Self {
        Self { schema: |generator| generator.subschema_for::<T>(), example }
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shape").field("example", &self.example).finish_non_exhaustive()
    }
}

/// A query parameter that an endpoint heeds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, in a few words.
    pub(crate) summary: &'static str,
    /// The JSON Schema type of its value: `integer` or `string`.
    pub(crate) kind: &'static str,
    /// Whether it may not be left out.
    pub(crate) required: bool,
}

impl Parameter {
    /// `page`, for lists in pages.
    pub(crate) const PAGE: Self = Self::integer("page", "The page, from 1.");
    /// `page_size`, for lists in pages.
    pub(crate) const PAGE_SIZE: Self =
        Self::integer("page_size", "Items on a page, at most 100; 50 unless given.");

    /// One that is an integer and may be left out.
    pub(crate) const fn integer(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, kind: "integer", required: false }
    }

    /// One that is text and may be left out.
    pub(crate) const fn text(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, kind: "string", required: false }
    }

    /// The same, but it has to be there.
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}
