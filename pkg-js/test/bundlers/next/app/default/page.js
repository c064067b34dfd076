"use client";
// A page with the package as it is, rendered on the server and run in the browser.
import { useEffect } from "react";
import * as waterspout from "waterspout";
import { outcome } from "../../program.mjs";

export default () => {
  // In development an effect is run twice.
  useEffect(() => {
    const { lab, key } = Object.fromEntries(new URLSearchParams(location.search));
    globalThis.outcome ??= outcome(waterspout, lab, key);
  }, []);
  return <p>default</p>;
};
