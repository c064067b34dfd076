//! The memory of the npm package's module, whose size counts: a small allocator instead of the standard library's.

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
