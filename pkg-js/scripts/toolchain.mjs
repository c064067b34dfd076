/** The nightly compiler that builds modules for size. `tests/setup.sh` installs it. */
import { readFileSync } from "node:fs";

const file = new URL("../rust-toolchain.toml", import.meta.url);
const [, channel] = /^channel = "(.*)"$/m.exec(readFileSync(file, "utf8")) ?? [];
if (!channel) throw new Error(`${file.pathname} has no line with the channel`);

/**
 * Returns environment variables that select the compiler for cargo.
 *
 * A nightly compiler is used, and not the variable RUSTC_BOOTSTRAP. Build scripts of dependencies would inherit that variable, and then
 * take the stable compiler for a nightly compiler.
 */
export function withNightly(env) {
  return { ...env, RUSTUP_TOOLCHAIN: channel };
}

/** The arguments of cargo that compile the standard library for size, and the flags of rustc that leave out the texts of panics. */
export const stdArguments = ["-Z", "build-std=std,panic_abort", "-Z", "build-std-features=optimize_for_size"];
export const stdFlags = "-Zunstable-options -Cpanic=immediate-abort";
