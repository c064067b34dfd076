//! A lock whose state stays in use after a panic. Tests count how often it is taken.

#[cfg(test)]
use std::cell::RefCell;
#[cfg(test)]
use std::collections::BTreeMap;
use std::sync::PoisonError;

use crate::runtime::sync::{Mutex, MutexGuard};

/// A mutex for a state that is valid whenever the lock is free: a panic elsewhere in the task does not poison it.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(state: T) -> Self {
        Self(Mutex::new(state))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(test)]
        let _ = TAKEN.try_with(|taken| *taken.borrow_mut().entry(std::any::type_name::<T>()).or_default() += 1);
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
thread_local! {
    /// How often this thread has taken the locks of each type of state.
    static TAKEN: RefCell<BTreeMap<&'static str, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// Returns how often this thread has taken the locks of the states whose type's name contains `name`.
#[cfg(test)]
pub(crate) fn times_taken(name: &str) -> usize {
    TAKEN.with_borrow(|taken| taken.iter().filter(|(state, _)| state.contains(name)).map(|(_, times)| times).sum())
}
