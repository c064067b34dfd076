/** The programs of the README that read server-sent events or report progress. */
import assert from "node:assert/strict";
import { eventStream } from "./network.mjs";

const { deepEqual, equal } = assert;

const ANSWER = ['data: {"text":"Be"}', 'data: {"text":"cause."}', "data: [DONE]"];

export const eventSetups = {
  "Events of a server": {
    answer(_, count) {
      if (count === 1) return eventStream("retry: 100\nid: 1\nevent: price\ndata: 10", "id: 2\nevent: price\ndata: 11");
      return count === 2 ? eventStream("id: 3\ndata: 12") : new Response(null, { status: 204 });
    },
    check({ printed, sent }) {
      deepEqual(printed, ["1 price 10", "2 price 11", "3 message 12"]);
      deepEqual(sent.map(({ path, headers }) => [path, headers.accept, headers["last-event-id"]]), [
        ["/prices", "text/event-stream", undefined],
        ["/prices", "text/event-stream", "2"],
        ["/prices", "text/event-stream", "3"],
      ]);
    },
  },
  "events of a POST": {
    answer: () => eventStream(...ANSWER),
    check({ values, sent }) {
      equal(values.answer, "Because.");
      deepEqual(sent.map(({ method, path, text }) => [method, path, text]), [["POST", "/chat", '{"question":"Why?"}']]);
    },
  },
  "events of a response": {
    answer: () => eventStream(...ANSWER),
    check({ values, sent }) {
      equal(values.answer, "Because.");
      deepEqual([sent.length, sent[0].headers["content-type"], values.client.stats().active], [1, "application/json", 0]);
    },
  },
  Progress: {
    answer({ method }) {
      if (method === "POST") return new Response("stored");
      const pieces = ["abc", "defgh"].map((text) => new TextEncoder().encode(text));
      const pull = (controller) => (pieces.length > 0 ? controller.enqueue(pieces.shift()) : controller.close());
      return new Response(new ReadableStream({ pull }), { headers: { "content-length": "8" } });
    },
    check({ printed, values, sent }) {
      deepEqual(printed, ["received 3 of 8", "received 8 of 8", "sending", "sent"]);
      equal(new TextDecoder().decode(values.bytes), "abcdefgh");
      assert.match(sent[1].text, /filename="file.bin"[^]*abcdefgh/);
    },
  },
};
