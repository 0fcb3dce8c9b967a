//! Parses stored text into domain types.

use domain::application::ApplicationName;
use uuid::Uuid;

use crate::StoreError;

pub(crate) fn parse_id(text: &str) -> Result<Uuid, StoreError> {
    Uuid::try_parse(text).map_err(|_| StoreError::Corrupt("identifier"))
}

pub(crate) fn parse_name(text: &str) -> Result<ApplicationName, StoreError> {
    ApplicationName::parse(text).map_err(|_| StoreError::Corrupt("application name"))
}
