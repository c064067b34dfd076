//! A future in a value that is `Send` and `Sync`, on a platform where futures are neither.

use super::BoxFuture;

/// A future in a value that is `Send` and `Sync` on every platform. It must stay on its thread, and there is no other.
pub(crate) type StoredFuture<T> = send_wrapper::SendWrapper<BoxFuture<'static, T>>;

/// Makes a future that can be in a value that is `Send` and `Sync`.
pub(crate) fn store<T>(future: BoxFuture<'static, T>) -> StoredFuture<T> {
    send_wrapper::SendWrapper::new(future)
}
