/** Server-sent events through a client, live: each event, and each connection that was lost and made again. */
import { Client } from "waterspout";
import { element, inside, setText } from "./dom.js";
import { EventsStrip } from "./events-timeline.js";
import { seconds } from "./format.js";

/** Lines that the log keeps. */
const longest = 60;
/** Events until the server says that there are no more. */
const total = 500;

export class EventsDemo {
  #state = element("events-state");
  #log = element("events-log");
  #form = element("events-settings", HTMLFormElement);
  #start = element("events-start", HTMLButtonElement);
  #stop = element("events-stop", HTMLButtonElement);
  #strip = new EventsStrip(element("events"));
  /** @type {AbortController | undefined} */
  #running;
  #connections = 0;
  #last = "";

  /** @param {() => { address: string, sender: { fetch?: typeof fetch } }} target asked at each start */
  constructor(target) {
    this.target = target;
    this.#start.addEventListener("click", () => void this.#run());
    this.#stop.addEventListener("click", () => this.#running?.abort());
    this.#form.addEventListener("submit", (event) => event.preventDefault());
  }

  async #run() {
    if (this.#running || !this.#form.reportValidity()) return;
    const { address, sender } = this.target();
    const { signal } = this.#begin();
    const client = new Client({ ...sender, hooks: this.#hooks() });
    const query = new URLSearchParams([["total", String(total)], ...[...new FormData(this.#form)].map(([name, value]) => [name, String(value)])]);
    try {
      for await (const event of client.events(`${address}?${query}`, { signal })) this.#show(event);
      this.#end("The server says that there are no more events.");
    } catch (error) {
      if (signal.aborted) this.#end(`Stopped after event ${this.#last || "0"}.`);
      else this.#end(`Given up: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** How the page learns of connections: a client for events is one like any other. @returns {import("waterspout").Hooks} */
  #hooks() {
    return {
      beforeRequest: ({ request }) => {
        this.#say(this.#connections === 0 ? "Connecting…" : `Connecting again, to go on after event ${this.#last}…`);
        // A connection that has ended is given up by its own signal.
        request.signal.addEventListener("abort", () => this.#lose(), { once: true });
      },
      afterResponse: ({ response }) => {
        if (!response.ok || response.status === 204) return;
        this.#connections += 1;
        this.#strip.connect();
        this.#say(`Connected${this.#connections > 1 ? `, for the ${ordinal(this.#connections)} time` : ""}.`);
        this.#write("connection", `connection ${this.#connections}${this.#last ? `, Last-Event-ID: ${this.#last}` : ""}`);
      },
    };
  }

  #begin() {
    const running = (this.#running = new AbortController());
    [this.#connections, this.#last] = [0, ""];
    this.#log.replaceChildren();
    this.#strip.begin();
    this.#enable(true);
    return running;
  }

  /** @param {import("waterspout/events").ServerEvent} event */
  #show({ event, data, id }) {
    this.#last = id;
    this.#strip.mark();
    this.#write("event", `${event} ${data.split("\n", 1)[0]}`);
  }

  #lose() {
    if (!this.#running || this.#running.signal.aborted) return;
    // An attempt that failed had none to lose.
    if (this.#strip.lose()) this.#write("lost", "connection lost");
    this.#say(`Connection lost after event ${this.#last}; soon again.`);
  }

  /** @param {string} why */
  #end(why) {
    this.#strip.end();
    this.#running = undefined;
    this.#say(why);
    this.#enable(false);
  }

  /** @param {boolean} runs */
  #enable(runs) {
    // A button that is disabled while it has the focus would lose it.
    const from = runs ? this.#start : this.#stop;
    const to = runs ? this.#stop : this.#start;
    to.disabled = false;
    if (document.activeElement === from) to.focus();
    from.disabled = true;
  }

  /** @param {string} text */
  #say(text) {
    setText(this.#state, text);
  }

  /**
   * @param {"connection" | "event" | "lost"} kind
   * @param {string} text
   */
  #write(kind, text) {
    const line = document.createElement("li");
    line.className = kind;
    line.innerHTML = "<span></span> <b></b>";
    setText(inside(line, "span"), seconds(this.#strip.now()));
    setText(inside(line, "b"), text);
    this.#log.prepend(line);
    while (this.#log.childElementCount > longest) this.#log.lastElementChild?.remove();
  }
}

/** @param {number} count */
function ordinal(count) {
  const endings = { one: "st", two: "nd", few: "rd", other: "th", zero: "th", many: "th" };
  return `${count}${endings[new Intl.PluralRules("en", { type: "ordinal" }).select(count)]}`;
}
