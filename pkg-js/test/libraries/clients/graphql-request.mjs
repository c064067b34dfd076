/** graphql-request. It parses whole responses and has no streams. */
import { GraphQLClient } from "graphql-request";
import { isAbortError } from "../wire.mjs";
import { QUERY, reply } from "./graphql.mjs";

const call = async (api, text, signal) => (await api.request({ document: QUERY, variables: { text }, signal })).echo;

export const graphqlRequest = {
  name: "graphql-request",
  create: (fetch, url) => new GraphQLClient(`${url}/graphql`, { fetch }),
  call,
  reply,
  isAbort: isAbortError,
  async *stream(api, text) {
    yield await call(api, text);
  },
  wire: { type: "application/json", isWhole: true, open: '{"data":{"echo":"', frame: (text) => text, close: '"}}' },
};
