/** Octokit: GitHub's REST API. */
import { Octokit } from "octokit";
import { isAbortError, json, plainText, textsOf } from "../wire.mjs";

export const octokit = {
  name: "octokit",
  create: (fetch, baseUrl) => new Octokit({ baseUrl, request: { fetch } }),
  call: async (api, repo, signal) => (await api.rest.repos.get({ owner: "owner", repo, request: { signal } })).data.name,
  reply({ url }) {
    const [, name] = /^\/repos\/owner\/(\w+)$/.exec(url) ?? [];
    return name ? json({ name, full_name: `owner/${name}` }) : json({ message: `no API at ${url}` }, 404);
  },
  isAbort: isAbortError,
  async *stream(api, ref) {
    const parameters = { owner: "owner", repo: "words", ref, request: { parseSuccessResponseBody: false } };
    yield* textsOf((await api.request("GET /repos/{owner}/{repo}/tarball/{ref}", parameters)).data);
  },
  wire: plainText,
};
