"use client";
// A page with the default entry, rendered on the server and run in the browser.
import { useEffect } from "react";
import * as waterspout from "waterspout";
import { outcome } from "../../program.mjs";

export default () => {
  // In development, React runs an effect twice.
  useEffect(() => {
    const { lab, key } = Object.fromEntries(new URLSearchParams(location.search));
    globalThis.outcome ??= outcome(waterspout, lab, key);
  }, []);
  return <p>default</p>;
};
