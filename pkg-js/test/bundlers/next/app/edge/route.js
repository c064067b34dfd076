// A route in the edge runtime, which does not compile bytes.
import "../../as-deployed.js";
import * as waterspout from "waterspout";
import { outcome } from "../../program.mjs";

export async function GET(request) {
  const { lab, key } = Object.fromEntries(new URL(request.url).searchParams);
  return Response.json(await outcome(waterspout, lab, key));
}

export const runtime = "edge";
