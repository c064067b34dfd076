/** Fires requests through a waterspout client, and learns from its observer what becomes of each. */
import { Client, isWaterspoutError } from "waterspout";
import { readToEnd } from "./read-body.js";
import { optionsOf, priorityOf } from "./client-options.js";
import { Life } from "./tracked-request.js";
import { plansOf } from "./request-spec.js";
import { whatEnded } from "./problem.js";
import { numberIn, senderOf, urlOf } from "./target.js";

/**
 * @typedef {import("./settings.js").Settings} Settings
 * @typedef {import("waterspout").QueueEvent} QueueEvent
 * @typedef {{ settings: Settings, plans: import("./request-spec.js").Plan[], lives: Life[] }} Volley
 */

export class Runner {
  /** @type {Set<Life>} */
  lives = new Set();
  /** How many requests have not come to their end. */
  running = 0;
  /** @type {Client | undefined} */
  client;
  maxActive = 0;
  paused = false;
  /** @type {(life: Life) => void} */
  onChange = () => {};
  /** @type {(bytes: number) => void} */
  onBytes = () => {};
  /** Told of errors that concern the client and not one request. @type {(error: unknown) => void} */
  onFault = () => {};
  onIdle = () => {};
  #count = 0;
  #volleys = 0;
  /** What the client in use was made of. */
  #made = "";
  /** Those that may still have requests. @type {Set<Client>} */
  #clients = new Set();
  /** The requests that have not come to their end, by number. @type {Map<number, Life>} */
  #sent = new Map();

  /** @param {import("./stopwatch.js").Clock} clock */
  constructor(clock) {
    this.clock = clock;
  }

  /**
   * The requests of a volley, not sent yet.
   *
   * @param {Settings} settings
   * @returns {Volley}
   */
  prepare(settings) {
    const plans = plansOf(settings, Math.random() * 2 ** 32);
    const run = `${++this.#volleys}`;
    const began = this.clock.now();
    const lives = plans.map((plan) => {
      const number = ++this.#count;
      return new Life(number, urlOf(settings, plan, number, run), plan, began, (life) => this.onChange(life));
    });
    return { settings, plans, lives };
  }

  /** @param {Volley} volley */
  send({ lives, settings }) {
    const client = this.#clientWith(settings);
    for (const life of lives) {
      this.lives.add(life);
      this.#sent.set(life.number, life);
      this.running += 1;
      void this.#follow(life, client);
    }
  }

  /** Nothing starts until it is called again. */
  togglePause() {
    this.paused = !this.paused;
    for (const client of this.#clients) {
      if (this.paused) client.pause();
      else client.resume();
    }
  }

  abortAll() {
    // The last first: an active one that ends would let one start that is to be aborted next.
    for (const life of [...this.lives].reverse()) if (!life.over) life.abort();
  }

  /** Aborts and forgets all requests, and the client with what it has counted. */
  clear() {
    this.abortAll();
    this.lives.clear();
    this.client = undefined;
    this.#clients.clear();
    // Those that still end are known by their numbers.
    if (this.running === 0) this.#count = 0;
  }

  /**
   * The client in use, or a new one: a client's limits never change.
   *
   * @param {Settings} settings
   */
  #clientWith(settings) {
    const options = optionsOf(settings);
    const made = JSON.stringify([options, settings.target]);
    if (this.client && this.#made === made) return this.client;
    const client = new Client({ ...options, ...senderOf(settings) });
    client.observe((event) => this.#hear(event));
    if (this.paused) client.pause();
    if (this.running === 0) this.#clients.clear();
    this.#clients.add(client);
    [this.client, this.#made, this.maxActive] = [client, made, settings.maxActive];
    return client;
  }

  /** @param {QueueEvent} event */
  #hear({ url, stage, at, error }) {
    const life = this.#sent.get(numberIn(url));
    const time = this.clock.at(at);
    if (stage === "failed" || stage === "cancelled") {
      if (life) life.end(time, ...whatEnded(error, life));
    } else life?.enter(phaseOf[stage], time);
  }

  /**
   * @param {Life} life
   * @param {Client} client
   */
  async #follow(life, client) {
    try {
      const waterspout = { priority: priorityOf(life.plan) };
      const response = await client.fetch(life.url, { cache: "no-store", signal: life.signal, waterspout });
      const end = await readToEnd(life, response, (bytes) => this.onBytes(bytes));
      life.end(this.clock.now(), ...end);
    } catch (error) {
      if (isWaterspoutError(error, "UNSUPPORTED")) this.onFault(error);
      life.end(this.clock.now(), ...whatEnded(error, life));
    } finally {
      this.#sent.delete(life.number);
      this.running -= 1;
      if (this.running === 0) this.onIdle();
    }
  }
}

/** What the page draws for each stage that the client tells of. */
const phaseOf = /** @type {const} */ ({ queued: "queued", started: "active", waiting: "waiting", head: "streaming" });
