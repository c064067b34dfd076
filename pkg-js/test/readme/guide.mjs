/** What surrounds the programs of the guide in `docs/`, by the name of the file. The entries are as in `setups.mjs`. */
import assert from "node:assert/strict";
import { eventStream } from "./network.mjs";

const { deepEqual, equal } = assert;
const IDS = [1, 2, 3, 4, 5, 6, 7, 8];

const javascript = {
  "The first client": {
    answer: () => Response.json(["a", "b"]),
    check({ printed, sent }) {
      deepEqual(printed, ["0 [ 'a', 'b' ] [ 'a', 'b' ]"]);
      deepEqual(sent.map(({ path, headers }) => [path, headers.accept]), [["/things", "application/json"], ["/names?page=1", undefined]]);
    },
  },
  "A typed client": {
    answer({ method, path }) {
      if (method === "POST") return Response.json({ id: 3, name: "tea" });
      return path.endsWith("/1") ? Response.json({ id: 1, name: "salt" }) : Response.json({}, { status: 404 });
    },
    check({ values, sent }) {
      deepEqual([values.first, values.missing, values.added], [{ id: 1, name: "salt" }, undefined, { id: 3, name: "tea" }]);
      deepEqual(sent.map(({ path }) => path), ["/api/items/1", "/api/items/2", "/api/items"]);
      assert(sent.every(({ headers }) => headers.authorization === "Bearer s3cret"));
    },
  },
  "Stream a body": {
    answer: ({ method }) => (method === "PUT" ? new Response("stored") : new Response("archive")),
    check({ values, sent }) {
      equal(values.length, 7);
      deepEqual(sent.map(({ method, text }) => [method, text]), [["GET", ""], ["PUT", "content"]]);
    },
  },
  Events: {
    answer: () => eventStream("event: headline\ndata: one", "data: other", "event: headline\ndata: two", "event: headline\ndata: three"),
    check: ({ values }) => deepEqual([...values.headlines], ["one", "two"]),
  },
  Cancel: {
    check({ printed, sent }) {
      deepEqual([printed, sent], [["the user left"], []]);
    },
  },
  Test: {
    check({ printed, sent }) {
      deepEqual([printed, sent], [["hello 2"], []]);
    },
  },
};

const clients = {
  "From ky, axios, p-queue and p-retry": {
    types: "declare const ids: number[];",
    given: () => ({ ids: IDS }),
    answer: ({ path }) => Response.json(path),
    check({ values, sent, network }) {
      deepEqual(values.users, IDS.map((id) => `/users/${id}`));
      deepEqual([sent.length, network.peak], [IDS.length, 4]);
    },
  },
  "p-retry": {
    answer: (_, count) => (count < 3 ? new Response("", { status: 503 }) : new Response("ready")),
    check: ({ printed }) => deepEqual(printed, ["2 503", "3 503", "ready 3"]),
  },
};

export const guideSetups = { "javascript.md": javascript, "from-javascript-clients.md": clients };
