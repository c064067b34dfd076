/** Server-sent events through a client: shows each event, each lost connection and each reconnect. */
import { Client } from "waterspout";
import { descendant, elementById, setText } from "./dom.js";
import { EventsTimeline } from "./events-timeline.js";
import { formatSeconds } from "./format.js";

/** The largest number of lines in the log. */
const maxLines = 60;
/** The number of events after which the server ends the stream. */
const total = 500;

export class EventsDemo {
  #status = elementById("events-status");
  #log = elementById("events-log");
  #form = elementById("events-settings", HTMLFormElement);
  #startButton = elementById("events-start", HTMLButtonElement);
  #stopButton = elementById("events-stop", HTMLButtonElement);
  #timeline = new EventsTimeline(elementById("events"));
  /** The controller of the running stream; undefined while no stream runs. @type {AbortController | undefined} */
  #running;
  #connections = 0;
  /** The id of the last event. */
  #lastId = "";

  /** @param {() => import("./target.js").EventsSource} source called at each start */
  constructor(source) {
    this.source = source;
    this.#startButton.addEventListener("click", () => void this.#run());
    this.#stopButton.addEventListener("click", () => this.#running?.abort());
    this.#form.addEventListener("submit", (event) => event.preventDefault());
  }

  async #run() {
    if (this.#running || !this.#form.reportValidity()) return;
    const { address, options } = this.source();
    const { signal } = this.#begin();
    const client = new Client({ ...options, hooks: this.#hooks() });
    const fields = [...new FormData(this.#form)].map(([name, value]) => [name, String(value)]);
    const query = new URLSearchParams([["total", String(total)], ...fields]);
    try {
      for await (const event of client.events(`${address}?${query}`, { signal })) this.#show(event);
      this.#end("The server ended the stream: there are no more events.");
    } catch (error) {
      if (signal.aborted) this.#end(`Stopped after event ${this.#lastId || "0"}.`);
      else this.#end(`Gave up: ${error instanceof Error ? error.message : error}`);
    }
  }

  /**
   * Returns the hooks that show the connections of the stream. Each connection is a request of the client, so hooks run
   * for it.
   *
   * @returns {import("waterspout").Hooks}
   */
  #hooks() {
    return {
      beforeRequest: ({ request }) => {
        this.#setStatus(this.#connections === 0 ? "Connecting…" : `Reconnecting, to continue after event ${this.#lastId}…`);
        // The client aborts the signal of each connection that has ended.
        request.signal.addEventListener("abort", () => this.#showLoss(), { once: true });
      },
      afterResponse: ({ response }) => {
        // Status 204 ends the stream; other statuses carry events only if they report success.
        if (!response.ok || response.status === 204) return;
        this.#connections += 1;
        this.#timeline.connect();
        this.#setStatus(`Connected${this.#connections > 1 ? ` for the ${ordinal(this.#connections)} time` : ""}.`);
        const lastId = this.#lastId ? `, Last-Event-ID: ${this.#lastId}` : "";
        this.#addLine("connection", `connection ${this.#connections}${lastId}`);
      },
    };
  }

  #begin() {
    const running = new AbortController();
    this.#running = running;
    this.#connections = 0;
    this.#lastId = "";
    this.#log.replaceChildren();
    this.#timeline.begin();
    this.#updateButtons(true);
    return running;
  }

  /** @param {import("waterspout/events").ServerEvent} event */
  #show({ event, data, id }) {
    this.#lastId = id;
    this.#timeline.addEvent();
    this.#addLine("event", `${event} ${data.split("\n", 1)[0]}`);
  }

  /** Shows that the connection is lost. */
  #showLoss() {
    if (!this.#running || this.#running.signal.aborted) return;
    // After a failed attempt there is no connection to lose, so the log gets no line.
    if (this.#timeline.disconnect()) this.#addLine("lost", "connection lost");
    this.#setStatus(`Connection lost after event ${this.#lastId}; the client reconnects soon.`);
  }

  /** @param {string} status */
  #end(status) {
    this.#timeline.end();
    this.#running = undefined;
    this.#setStatus(status);
    this.#updateButtons(false);
  }

  /** @param {boolean} isRunning */
  #updateButtons(isRunning) {
    const toDisable = isRunning ? this.#startButton : this.#stopButton;
    const toEnable = isRunning ? this.#stopButton : this.#startButton;
    toEnable.disabled = false;
    // A focused button loses the focus when it is disabled, so the focus moves first.
    if (document.activeElement === toDisable) toEnable.focus();
    toDisable.disabled = true;
  }

  /** @param {string} text */
  #setStatus(text) {
    setText(this.#status, text);
  }

  /**
   * Adds a line at the top of the log and removes the oldest lines beyond `maxLines`.
   *
   * @param {"connection" | "event" | "lost"} kind
   * @param {string} text
   */
  #addLine(kind, text) {
    const line = document.createElement("li");
    line.className = kind;
    line.innerHTML = "<span></span> <b></b>";
    setText(descendant(line, "span"), formatSeconds(this.#timeline.now()));
    setText(descendant(line, "b"), text);
    this.#log.prepend(line);
    while (this.#log.childElementCount > maxLines) this.#log.lastElementChild?.remove();
  }
}

/** @param {number} count */
function ordinal(count) {
  const endings = { one: "st", two: "nd", few: "rd", other: "th", zero: "th", many: "th" };
  return `${count}${endings[new Intl.PluralRules("en", { type: "ordinal" }).select(count)]}`;
}
