/**
 * The list of all libraries, fetch functions and tools. A copy of this file runs in a project that has the packed
 * package.
 */
import { anthropic } from "./clients/anthropic.mjs";
import { apollo } from "./clients/apollo.mjs";
import { axiosClient } from "./clients/axios.mjs";
import { graphqlRequest } from "./clients/graphql-request.mjs";
import { kyClient } from "./clients/ky.mjs";
import { octokit } from "./clients/octokit.mjs";
import { ofetch } from "./clients/ofetch.mjs";
import { openai } from "./clients/openai.mjs";
import { openapiFetch } from "./clients/openapi-fetch.mjs";
import { supabase } from "./clients/supabase.mjs";
import { urql } from "./clients/urql.mjs";
import { report, totals } from "./checks.mjs";
import { kit } from "./functions/kit.mjs";
import { nodeFetch } from "./functions/node-fetch.mjs";
import { undici } from "./functions/undici.mjs";
import { jest } from "./mocks/jest.mjs";
import { msw } from "./mocks/msw.mjs";
import { nock } from "./mocks/nock.mjs";
import { nodeTest } from "./mocks/node-test.mjs";
import { readme } from "./mocks/readme.mjs";
import { vitest } from "./mocks/vitest.mjs";
import { checkLibrary } from "./library-checks.mjs";

const libraries = [openai, anthropic, octokit, supabase, graphqlRequest, urql, apollo, openapiFetch, kyClient, ofetch, axiosClient, undici, nodeFetch, kit];
const all = { ...Object.fromEntries(libraries.map((library) => [library.name, () => checkLibrary(library)])), msw, nock, jest, vitest, readme, "node:test": nodeTest };

/** Runs the checks with these names, or all checks. Returns the numbers of passed and failed checks. */
export async function run(names) {
  const unknown = names.filter((name) => !all[name]);
  if (unknown.length > 0) throw new Error(`unknown library ${unknown}; the libraries are ${Object.keys(all).join(" ")}`);
  // A check that left a rejection behind must not end the suite.
  process.on("unhandledRejection", (error) => report("each rejection is handled", error));
  for (const name of names.length > 0 ? names : Object.keys(all)) await all[name]().catch((error) => report(`${name}: it runs to its end`, error));
  return totals;
}
