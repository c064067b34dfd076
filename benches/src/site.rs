//! The generated site of the spiders.

/// Returns the response with a page, if the path is a page.
pub fn page(_path: &str) -> Option<Vec<u8>> {
    None
}
