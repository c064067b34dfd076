//! Gives the compiler's version to the program: the recorded counts hold for a single compiler.

use std::process::Command;

fn main() {
    let compiler = std::env::var("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(compiler).arg("--version").output().expect("the compiler runs");
    println!("cargo::rustc-env=COMPILER={}", String::from_utf8_lossy(&output.stdout).trim());
    println!("cargo::rerun-if-changed=build.rs");
}
