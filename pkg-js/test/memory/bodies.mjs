/** Checks that endless bodies can be ended, even if only their readers refer to them. */
import { collect } from "./watch.mjs";

const { Client } = await import("../../dist/index.js");

/** Ways to read a body. Most hold no reference to the response. */
const readers = {
  as_a_text: (response) => response.text(),
  // Chromium collects the original of a clone, so it is held here.
  of_a_clone: async (response) => [await response.clone().text(), response],
  by_a_reader: async (response) => {
    for (const reader = response.body.getReader(); ; ) if ((await reader.read()).done) return;
  },
  with_progress: async (response) => {
    for await (const piece of response.body) if (!piece) return;
  },
};

const aborted = (waterspout) => async (begin) => {
  const controller = new AbortController();
  const reading = begin({ signal: controller.signal, waterspout });
  await reading.begun;
  await collect();
  controller.abort(new Error("enough"));
  return [reading, "Error"];
};

/** Ways to end a body. */
const ends = {
  the_callers_signal: aborted({}),
  the_callers_signal_beside_limits: aborted({ retry: 2 }),
  the_total_limit: async (begin) => {
    const reading = begin({ waterspout: { timeout: 1_500 } });
    await reading.begun;
    await collect();
    return [reading, "TimeoutError"];
  },
};

/** Begins to read a body. The result holds no reference to the response. */
function begin(url, read, init, waterspout) {
  let here;
  const begun = new Promise((resolve) => (here = resolve));
  const call = { ...init, waterspout: { ...init.waterspout, ...waterspout } };
  const over = new Client().fetch(url, call).then((response) => (here(), read(response)));
  return { begun, over: over.then(() => "a whole body", (error) => error.name) };
}

/** Returns the outcome of each combination: "ended", or another outcome. */
export async function bodies(lab) {
  const outcomes = {};
  let serial = 0;
  const late = () => new Promise((resolve) => setTimeout(resolve, 30_000, "nothing ended it"));
  const readAndEnd = async (end, reader) => {
    const waterspout = reader === "with_progress" ? { onDownloadProgress: () => undefined } : {};
    const url = `${lab}/lab/endless/memory-${Date.now()}-${++serial}`;
    const ended = async () => {
      const [reading, name] = await ends[end]((init) => begin(url, readers[reader], init, waterspout));
      const became = await reading.over;
      return became === name ? "ended" : became;
    };
    outcomes[`${end} ends a body that is read ${reader}`.replaceAll("_", " ")] = await Promise.race([ended(), late()]);
  };
  // A browser has six connections to a host.
  for (const end of Object.keys(ends)) await Promise.all(Object.keys(readers).map((reader) => readAndEnd(end, reader)));
  return outcomes;
}
