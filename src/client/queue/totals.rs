//! Statistics without the origins, for the npm package. Built only for that package.
//!
//! The package counts origins in TypeScript. With a method of its own, its module does not link the code that lists them.

use super::{Queue, Stats};

impl Queue {
    /// Returns the statistics without the origins.
    pub(crate) fn totals(&self) -> Stats {
        self.lock().totals()
    }
}
