//! `[storage]` of switch.toml: an S3-compatible store that recordings are sent to.

use serde::Deserialize;
use toml::Spanned;

use super::file::File;

/// Where it is, and what stays here.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageConf {
    /// Bucket and prefix: `s3://bucket/centre`.
    pub url: Spanned<String>,
    /// Where it is reached, if that is not Amazon.
    pub endpoint: Option<Spanned<String>>,
    /// Its region.
    pub region: Option<String>,
    /// Who we are there; else what the environment says (AWS_ACCESS_KEY_ID …).
    pub access_key: Option<String>,
    /// And how we prove it.
    pub secret_key: Option<String>,
    /// Sound that is there goes from here after so many days; never if nothing is said.
    pub keep_local_days: Option<u32>,
}

/// Keys are not for logs.
impl std::fmt::Debug for StorageConf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StorageConf({})", self.url.get_ref())
    }
}

impl StorageConf {
    /// The bucket, and the prefix below it, which may be empty.
    pub fn place(&self) -> Option<(&str, &str)> {
        let rest = self.url.get_ref().strip_prefix("s3://")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        (!bucket.is_empty()).then_some((bucket, prefix.trim_matches('/')))
    }

    pub(super) fn check(&self, file: &mut File<'_>) {
        if self.place().is_none() {
            file.problem(
                self.url.span(),
                "url is no place in a store; write bucket and prefix, such as \"s3://recordings/centre\"",
            );
        }
        if let Some(endpoint) = &self.endpoint
            && !["http://", "https://"].iter().any(|scheme| endpoint.get_ref().starts_with(scheme))
        {
            file.problem(endpoint.span(), "endpoint is no address; write one such as \"https://minio.example:9000\"");
        }
        if self.access_key.is_some() != self.secret_key.is_some() {
            file.problem(
                self.url.span(),
                "access_key and secret_key belong together; write both, or none and use the environment",
            );
        }
        if cfg!(not(feature = "s3")) {
            file.problem(
                self.url.span(),
                "this program was built without a client for stores; build it with --features s3",
            );
        }
    }
}
