// A component in the edge runtime.
import "../../as-deployed.js";
import * as waterspout from "waterspout";
import { outcome } from "../../program.mjs";

export default async ({ searchParams }) => {
  const { lab, key } = await searchParams;
  return <output>{JSON.stringify(await outcome(waterspout, lab, key))}</output>;
};

export const runtime = "edge";
