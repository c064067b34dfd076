/** Apollo Client: queries, and a subscription over a multipart response. */
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { parse } from "graphql";
import { isAbortError } from "../wire.mjs";
import { QUERY, reply, SUBSCRIPTION } from "./graphql.mjs";

const query = parse(QUERY);
const subscription = parse(SUBSCRIPTION);
const part = (value) => `\r\ncontent-type: application/json\r\n\r\n${JSON.stringify(value)}\r\n--graphql`;

export const apollo = {
  name: "@apollo/client",
  create: (fetch, url) => new ApolloClient({ link: new HttpLink({ uri: `${url}/graphql`, fetch }), cache: new InMemoryCache() }),
  call: async (api, text, signal) => (await api.query({ query, variables: { text }, context: { fetchOptions: { signal } } })).data.echo,
  reply,
  isAbort: isAbortError,
  async *stream(api, text) {
    const results = new ReadableStream({
      start(controller) {
        const next = ({ data, error }) => (error ? controller.error(error) : controller.enqueue(data.tell));
        const ends = { error: (error) => controller.error(error), complete: () => controller.close() };
        api.subscribe({ query: subscription, variables: { text } }).subscribe({ next, ...ends });
      },
    });
    yield* results;
  },
  wire: {
    type: 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0',
    open: "--graphql",
    frame: (tell) => part({ payload: { data: { tell } } }),
    close: "--\r\n",
  },
};
