//! Stands in for `http2_settings` in a build without the feature `http2`: connections speak HTTP/1.1 alone.

use super::http_versions::HttpVersions;

/// The versions of a network.
pub(super) const DEFAULT: HttpVersions = HttpVersions::HTTP1;
