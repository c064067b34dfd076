//! Defaults for all clients of the process, as with Tornado's `AsyncHTTPClient.configure`.

use std::sync::{Arc, PoisonError, RwLock};

use crate::client::Builder;
use crate::error::Result;

type Defaults = dyn Fn(Builder) -> Builder + Send + Sync;

static DEFAULTS: RwLock<Option<Arc<Defaults>>> = RwLock::new(None);

/// Sets the defaults of all clients that this process creates from now on with [`Client::new`](crate::Client::new) or
/// [`Client::builder`](crate::Client::builder). Existing clients do not change.
///
/// `defaults` is called for each new client, with a builder that has no settings yet. Settings that the program then makes
/// on the builder override the defaults, and options of a request override both. Settings made nowhere have their built-in
/// values. A later call replaces the defaults. This function and `defaults` may be called from any thread. `defaults` must
/// not call `Client::new` or `Client::builder`, because that would recurse without end.
///
/// This function is for programs. A library should take a client from its caller, or use [`Builder::default`], which
/// ignores these defaults.
///
/// # Errors
/// If no client can be built with the defaults. The previous defaults then stay.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::Client;
///
/// waterspout::tornado::configure(|builder| builder.max_active(50).timeout(Duration::from_secs(60)))?;
/// let client = Client::new();
/// let impatient = Client::builder().timeout(Duration::from_secs(1)).build()?;
/// # waterspout::tornado::reset_configuration();
/// # Ok::<(), waterspout::Error>(())
/// ```
pub fn configure(defaults: impl Fn(Builder) -> Builder + Send + Sync + 'static) -> Result<()> {
    defaults(Builder::default()).build()?;
    replace(Some(Arc::new(defaults)));
    Ok(())
}

/// Removes the defaults set by [`configure`], for example before the next test.
///
/// # Examples
///
/// ```
/// waterspout::tornado::configure(|builder| builder.max_active(50))?;
/// waterspout::tornado::reset_configuration();
/// // Runs at most 10 requests at once, the built-in value.
/// let client = waterspout::Client::new();
/// # Ok::<(), waterspout::Error>(())
/// ```
pub fn reset_configuration() {
    replace(None);
}

fn replace(defaults: Option<Arc<Defaults>>) {
    // A binding, so that the old closure, which is the program's own code, is dropped after the lock is released.
    let _old = std::mem::replace(&mut *DEFAULTS.write().unwrap_or_else(PoisonError::into_inner), defaults);
}

/// Applies the process's defaults to a builder.
// `Client::new` and `Client::builder` call this and `Builder::default` does not: a library has a way around the defaults.
pub(crate) fn apply(builder: Builder) -> Builder {
    // Cloned, so that the closure, which is the program's own code, runs outside of the lock.
    let defaults = DEFAULTS.read().unwrap_or_else(PoisonError::into_inner).clone();
    match defaults {
        Some(defaults) => defaults(builder),
        None => builder,
    }
}
