/**
 * The program of every page and every route, for all bundlers. `outcome` runs it, `expected` is its result if the package works.
 */

/** Runs the program. The first argument is the package, `lab` is the URL of the lab, `key` is a unique key there. */
export async function outcome({ Client, isWaterspoutError }, lab, key) {
  const client = new Client({ maxActive: 2 });
  const at = (experiment) => `${lab}/lab/${experiment}`;
  const requests = Array.from({ length: 6 }, (_, n) => client.get(at(`busy/${key}?ms=50&n=${n}`)).text());
  const leaving = new AbortController();
  const left = client.fetch(at(`hit/${key}?name=left`), { signal: leaving.signal }).catch((reason) => reason);
  const { active, queued } = client.stats();
  leaving.abort("left");
  const started = { active, queued, left: await left, answers: await Promise.all(requests) };
  const told = async (experiment) => (await fetch(at(`${experiment}/${key}`))).text();
  const refused = await new Client({ throwHttpErrors: true }).get(at("status/404")).catch((error) => error);
  const events = [];
  for await (const { data } of client.events(at("events?total=4&burst=2"), { method: "POST", body: "ask", reconnect: true })) events.push(data);
  return {
    ...started,
    peak: await told("peak"),
    sent: await told("hits"),
    refused: [isWaterspoutError(refused, "STATUS"), refused.response?.status],
    events,
  };
}

export const expected = {
  active: 2,
  queued: 5,
  left: "left",
  answers: Array(6).fill("done"),
  peak: "2",
  sent: "",
  refused: [true, 404],
  events: [1, 2, 3, 4].map((id) => `${id}\nPOST ask`),
};
