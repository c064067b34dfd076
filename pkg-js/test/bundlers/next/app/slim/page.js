"use client";
// A page that loads the module from the URL that Next gives it.
import { useEffect } from "react";
import * as waterspout from "waterspout/slim";
import { outcome } from "../../program.mjs";

const url = new URL("waterspout/waterspout.wasm", import.meta.url);

export default () => {
  // In development, React runs an effect twice.
  useEffect(() => {
    const { lab, key } = Object.fromEntries(new URLSearchParams(location.search));
    globalThis.outcome ??= waterspout.init(url).then(() => outcome(waterspout, lab, key));
  }, []);
  return <p>slim</p>;
};
