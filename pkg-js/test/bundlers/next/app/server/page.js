// A server component: the outcome is part of the page.
import * as waterspout from "waterspout";
import { outcome } from "../../program.mjs";

export default async ({ searchParams }) => {
  const { lab, key } = await searchParams;
  return <output>{JSON.stringify(await outcome(waterspout, lab, key))}</output>;
};
