//! Parameters: one serde struct each, whose JSON schema builds the page's forms and the error texts.

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value, json};
use std::fmt;

/// Empty parameters, for what has nothing to choose.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct NoParameters {}

/// The JSON schema of `T` with its defaults, all references inlined; `x-order` is a field's place in the
/// struct, since objects are sorted by their keys.
pub fn schema_of<T: JsonSchema + Default + Serialize>() -> Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    // Through text, where a number of single precision is as short as it was written.
    let defaults = serde_json::to_string(&T::default()).unwrap_or_default();
    if let Ok(Value::Object(defaults)) = serde_json::from_str(&defaults)
        && let Some(Value::Object(properties)) = schema.get_mut("properties")
    {
        for (name, default) in defaults {
            if let Some(Value::Object(property)) = properties.get_mut(&name) {
                property.insert("default".into(), default);
            }
        }
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (place, name) in names_in_order(&T::default()).into_iter().enumerate() {
            if let Some(Value::Object(property)) = properties.get_mut(&name) {
                property.insert("x-order".into(), place.into());
            }
        }
    }
    schema
}

/// Names of a struct's fields in the order in which it declares them.
fn names_in_order(value: &impl Serialize) -> Vec<String> {
    // Text keeps the order that a map would lose.
    let text = serde_json::to_string(value).unwrap_or_default();
    serde_json::from_str::<Names>(&text).map_or_else(|_| Vec::new(), |names| names.0)
}

struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Names;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// Reads parameters over their defaults. `scope` is the dotted prefix for error texts.
///
/// Errors: `Error::Parameter` for an unknown name, a wrong type or a value off its range.
pub fn parameters<T>(value: &Value, scope: &str) -> Result<T>
where
    T: JsonSchema + Default + Serialize + DeserializeOwned,
{
    let schema = schema_of::<T>();
    let given = match value {
        Value::Null => &Map::new(),
        Value::Object(map) => map,
        other => {
            return Err(Error::Parameter {
                name: scope.into(),
                got: other.to_string(),
                allowed: "a JSON object of parameters".into(),
            });
        }
    };
    let empty = json!({});
    let properties = schema.get("properties").unwrap_or(&empty);
    let Ok(Value::Object(mut merged)) = serde_json::to_value(T::default()) else {
        return serde_json::from_value(json!({})).map_err(|why| Error::parse(scope, why));
    };
    for (name, value) in given {
        let dotted = format!("{scope}.{name}");
        let Some(property) = properties.get(name) else {
            let names: Vec<_> = merged.keys().map(String::as_str).collect();
            return Err(Error::Parameter {
                name: dotted,
                got: value.to_string(),
                allowed: match names.as_slice() {
                    [] => format!("{scope} has no parameters"),
                    _ => format!("one of {}", names.join(", ")),
                },
            });
        };
        check(&dotted, value, property)?;
        merged.insert(name.clone(), value.clone());
    }
    serde_json::from_value(Value::Object(merged)).map_err(|why| Error::parse(scope, why))
}

/// Checks one value against its property's type, range and choices.
fn check(name: &str, value: &Value, property: &Value) -> Result<()> {
    let wrong = || {
        Err(Error::Parameter {
            name: name.into(),
            got: value.to_string(),
            allowed: allowed(property),
        })
    };
    let choices = choices(property);
    if !choices.is_empty() {
        return if choices.contains(value) {
            Ok(())
        } else {
            wrong()
        };
    }
    let types: Vec<&str> = match property.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let fits = types.iter().any(|kind| match *kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    });
    if !fits {
        return wrong();
    }
    if let Some(number) = value.as_f64() {
        let bound = |key| property.get(key).and_then(Value::as_f64);
        let inside = bound("minimum").is_none_or(|low| number >= low)
            && bound("maximum").is_none_or(|high| number <= high)
            && bound("exclusiveMinimum").is_none_or(|low| number > low)
            && number.is_finite();
        if !inside {
            return wrong();
        }
    }
    if let (Some(values), Some(items)) = (value.as_array(), property.get("items")) {
        values
            .iter()
            .try_for_each(|value| check(name, value, items))?;
    }
    if let (Some(items), Some(limit)) = (
        value.as_array(),
        property.get("maxItems").and_then(Value::as_u64),
    ) && items.len() as u64 > limit
    {
        return wrong();
    }
    Ok(())
}

/// The values that an enumerated property may take; empty when it is not enumerated.
fn choices(property: &Value) -> Vec<Value> {
    if let Some(Value::Array(values)) = property.get("enum") {
        return values.clone();
    }
    match property.get("oneOf") {
        Some(Value::Array(variants)) => variants
            .iter()
            .filter_map(|variant| variant.get("const").cloned())
            .collect(),
        _ => Vec::new(),
    }
}

/// What a property allows, in words.
fn allowed(property: &Value) -> String {
    let choices = choices(property);
    if !choices.is_empty() {
        let words: Vec<_> = choices.iter().map(Value::to_string).collect();
        return words.join(" or ");
    }
    let kind = match property.get("type") {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(many)) => many
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "value".into(),
    };
    let bound = |key| property.get(key).map(Value::to_string);
    match (
        bound("minimum").or(bound("exclusiveMinimum")),
        bound("maximum"),
    ) {
        (Some(low), Some(high)) => format!("{kind} from {low} to {high}"),
        (Some(low), None) => format!("{kind} of at least {low}"),
        (None, Some(high)) => format!("{kind} of at most {high}"),
        (None, None) => kind,
    }
}

/// Sets `key=value` pairs into an object, each value read as JSON, or else as a plain string.
///
/// Errors: `Error::Parse` for a pair without `=`.
pub fn set_pairs(pairs: &[String]) -> Result<Map<String, Value>> {
    pairs
        .iter()
        .map(|pair| {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| Error::parse(format!("--set {pair}"), "expected key=value"))?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
            Ok((key.to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Sample {
        /// How many.
        #[schemars(range(min = 1, max = 8))]
        count: usize,
        rate: f64,
        kind: Kind,
        names: Vec<String>,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        /// The first.
        One,
        /// The other.
        Other,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self {
                count: 3,
                rate: 0.5,
                kind: Kind::One,
                names: Vec::new(),
            }
        }
    }

    #[test]
    fn a_default_of_single_precision_is_as_it_was_written() {
        #[derive(Serialize, JsonSchema)]
        struct Single {
            penalty: f32,
        }
        impl Default for Single {
            fn default() -> Self {
                Self { penalty: 1e-3 }
            }
        }
        let schema = schema_of::<Single>();
        assert_eq!(schema["properties"]["penalty"]["default"], 1e-3);
    }

    #[test]
    fn defaults_fill_what_is_not_given() {
        let sample: Sample = parameters(&json!({"rate": 1}), "sample").unwrap();
        assert_eq!((sample.count, sample.rate), (3, 1.0));
    }

    #[test]
    fn fields_know_their_place() {
        #[derive(Serialize, JsonSchema, Default)]
        struct Late {
            zeta: usize,
            alpha: Option<usize>,
        }
        let schema = schema_of::<Late>();
        assert_eq!(schema["properties"]["zeta"]["x-order"], 0);
        assert_eq!(schema["properties"]["alpha"]["x-order"], 1);
    }

    #[test]
    fn every_kind_of_bad_value_says_what_is_allowed() {
        for (given, text) in [
            (
                json!({"count": 9}),
                "parameter sample.count is 9; allowed: integer from 1 to 8",
            ),
            (
                json!({"count": 1.5}),
                "parameter sample.count is 1.5; allowed: integer from 1 to 8",
            ),
            (
                json!({"rate": "x"}),
                "parameter sample.rate is \"x\"; allowed: number",
            ),
            (
                json!({"kind": "two"}),
                "parameter sample.kind is \"two\"; allowed: \"one\" or \"other\"",
            ),
            (
                json!({"names": ["a", []]}),
                "parameter sample.names is []; allowed: string",
            ),
            (
                json!({"rat": 1}),
                "parameter sample.rat is 1; allowed: one of count, kind, names, rate",
            ),
            (
                json!(4),
                "parameter sample is 4; allowed: a JSON object of parameters",
            ),
        ] {
            let error = parameters::<Sample>(&given, "sample").unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    }
}
