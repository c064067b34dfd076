//! Defaults for all clients of the process: Tornado's `AsyncHTTPClient.configure`.

use std::sync::{Arc, PoisonError, RwLock};

use crate::client::Builder;
use crate::error::Result;

type Defaults = dyn Fn(Builder) -> Builder + Send + Sync;

static DEFAULTS: RwLock<Option<Arc<Defaults>>> = RwLock::new(None);

/// Sets the defaults of every client that this process makes from now on with [`Client::new`](crate::Client::new) or
/// [`Client::builder`](crate::Client::builder); clients that exist stay as they are.
///
/// `defaults` is called for each, with a builder that has no settings yet. What the program then sets on the builder wins,
/// and what a request sets wins over that; what nobody sets is built in. A later call replaces the defaults. It may be
/// called from any thread, and `defaults` too; it must not make clients the same way, for that would have no end.
///
/// It is for programs. A library should take a client from its caller, or use [`Builder::default`], which knows nothing of
/// this.
///
/// # Errors
/// If no client can be built with the defaults; those of before then stay.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::Client;
///
/// waterspout::tornado::configure(|builder| builder.max_active(50).timeout(Duration::from_secs(60)))?;
/// let client = Client::new();
/// let hasty = Client::builder().timeout(Duration::from_secs(1)).build()?;
/// # waterspout::tornado::reset_configuration();
/// # Ok::<(), waterspout::Error>(())
/// ```
pub fn configure(defaults: impl Fn(Builder) -> Builder + Send + Sync + 'static) -> Result<()> {
    defaults(Builder::default()).build()?;
    replace(Some(Arc::new(defaults)));
    Ok(())
}

/// Takes back what [`configure`] has set, for the next test say.
pub fn reset_configuration() {
    replace(None);
}

fn replace(defaults: Option<Arc<Defaults>>) {
    // In a binding, so that the old ones, which are the program's own, are dropped after the lock.
    let _old = std::mem::replace(&mut *DEFAULTS.write().unwrap_or_else(PoisonError::into_inner), defaults);
}

/// The builder with the process's defaults.
pub(crate) fn apply(builder: Builder) -> Builder {
    let defaults = DEFAULTS.read().unwrap_or_else(PoisonError::into_inner).clone();
    match defaults {
        Some(defaults) => defaults(builder),
        None => builder,
    }
}
