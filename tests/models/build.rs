//! Sets the cfg with which the library takes its locks and atomics from `shuttle`. Only this package's code is compiled
//! with it, so the dependencies are not compiled again.

fn main() {
    println!("cargo::rustc-cfg=waterspout_models");
    println!("cargo::rerun-if-changed=build.rs");
}
