//! Trims configuration values: white space around a value is an accident, for every key alike. A blank value counts
//! as not set.

use config::{ConfigError, Map, Source, Value, ValueKind};

/// A configuration source with trimmed values.
#[derive(Clone, Debug)]
pub struct Trimmed<S>(pub S);

impl<S: Source + Clone + Send + Sync + 'static> Source for Trimmed<S> {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let mut values = self.0.collect()?;
        values.retain(|_, value| keep(value));
        Ok(values)
    }
}

fn keep(value: &mut Value) -> bool {
    match &mut value.kind {
        ValueKind::String(text) => {
            let trimmed = text.trim();
            let only_space = trimmed.is_empty() && !text.is_empty();
            *text = trimmed.to_owned();
            return !only_space;
        }
        ValueKind::Table(table) => table.retain(|_, value| keep(value)),
        ValueKind::Array(list) => list.retain_mut(keep),
        _ => {}
    }
    true
}
