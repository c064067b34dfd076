/** node-fetch, whose responses have Node's streams as bodies. */
import fetch from "node-fetch";
import { through } from "./calls.mjs";
import { moreWith } from "./more.mjs";

export const nodeFetch = through("node-fetch", fetch, moreWith(fetch));
