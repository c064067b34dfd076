//! Request bodies that are read from files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blocking::{Unblock, unblock};
use futures::{Stream, TryStreamExt, stream};

use super::fork;
use crate::error::Source;
use crate::message::body::Body;

/// Makes a body that each attempt reads from the file at `path`, on a thread for blocking work.
///
/// The body's length is the length of the file at this call. If the file has grown or shrunk when it is sent, the
/// request fails.
///
/// # Errors
/// If `path` does not name a file, or the file's metadata cannot be read.
///
/// # Examples
///
/// ```no_run
/// use waterspout::Client;
/// use waterspout::multipart::{Form, Part};
/// use waterspout::platform::native::file;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let form = Form::new().part("file", Part::new(file("picture.png").await?).file_name("picture.png"));
/// Client::new().post("http://example.com/upload").multipart(form).await?;
/// # Ok(())
/// # }
/// ```
pub async fn file(path: impl Into<PathBuf>) -> io::Result<Body> {
    let path: Arc<Path> = path.into().into();
    let measured = path.clone();
    // A forked child has no thread for blocking work.
    fork::check()?;
    // The length is measured here, so that the request has a `content-length`.
    let metadata = unblock(move || fs::metadata(measured)).await?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path does not name a file"));
    }
    Ok(Body::factory(move || read(path.clone())).with_length(metadata.len()))
}

fn read(path: Arc<Path>) -> impl Stream<Item = std::result::Result<bytes::Bytes, Source>> {
    // The file is opened for each attempt, so a retry reads it from the beginning.
    let opened = stream::once(unblock(move || File::open(path))).map_err(Source::from);
    opened.map_ok(|file| Body::reader(Unblock::new(file)).map_err(Source::from)).try_flatten()
}
