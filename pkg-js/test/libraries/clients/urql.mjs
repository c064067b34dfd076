/**
 * urql. Its way to abort a query is the end of the subscription to the query's results, after which no result arrives.
 */
import { Client, fetchExchange } from "@urql/core";
import { event } from "../wire.mjs";
import { QUERY, reply, SUBSCRIPTION } from "./graphql.mjs";

class Unsubscribed extends Error {}

function call(api, text, signal) {
  return new Promise((resolve, reject) => {
    const { unsubscribe } = api.query(QUERY, { text }).subscribe(({ data, error }) => (error ? reject(error) : resolve(data.echo)));
    signal?.addEventListener("abort", () => {
      unsubscribe();
      // A result after this would be visible: the slot would not be free.
      reject(new Unsubscribed());
    });
  });
}

/** Yields the results of a subscription. */
async function* stream(api, text) {
  const results = new ReadableStream({
    start(controller) {
      api.subscription(SUBSCRIPTION, { text }).subscribe(({ data, error, hasNext }) => {
        if (error) controller.error(error);
        // The end of the subscription repeats the last result.
        else if (hasNext === false) controller.close();
        else controller.enqueue(data.tell);
      });
    },
  });
  yield* results;
}

export const urql = {
  name: "@urql/core",
  create: (fetch, url) => new Client({ url: `${url}/graphql`, fetch, exchanges: [fetchExchange], fetchSubscriptions: true, preferGetMethod: false }),
  call,
  reply,
  isAbort: (error) => error instanceof Unsubscribed,
  stream,
  wire: { type: "text/event-stream", frame: (tell) => event({ data: { tell }, hasNext: true }, "next"), close: "event: complete\ndata:\n\n" },
};
