// A route in Node.
import * as waterspout from "waterspout";
import { outcome } from "../../program.mjs";

export async function GET(request) {
  const { lab, key } = Object.fromEntries(new URL(request.url).searchParams);
  return Response.json(await outcome(waterspout, lab, key));
}
