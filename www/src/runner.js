/** Fires requests through a waterspout client, and follows each to its end. */
import { Client, isWaterspoutError } from "waterspout";
import { Life } from "./life.js";
import { badStatus, whatEnded } from "./problem.js";
import { senderOf, urlOf } from "./target.js";

/** @typedef {import("./settings.js").Settings} Settings */

export class Runner {
  /** @type {Set<Life>} */
  lives = new Set();
  /** How many requests have not come to their end. */
  running = 0;
  /** @type {Client | undefined} */
  client;
  maxActive = 0;
  /** @type {(life: Life) => void} */
  onChange = () => {};
  /** Told of errors that concern the client and not one request. @type {(error: unknown) => void} */
  onFault = () => {};
  onIdle = () => {};
  #count = 0;
  /** The requests that have not come to their end, by number. @type {Map<number, Life>} */
  #sent = new Map();

  /** @param {import("./clock.js").Clock} clock */
  constructor(clock) {
    this.clock = clock;
  }

  /**
   * The requests of a volley, not sent yet.
   *
   * @param {Settings} settings
   */
  prepare(settings) {
    const now = () => this.clock.now();
    const changed = (/** @type {Life} */ life) => this.onChange(life);
    return Array.from({ length: settings.requests }, () => {
      const number = ++this.#count;
      return new Life(number, urlOf(settings, number), senderOf(settings), now, changed);
    });
  }

  /**
   * @param {Life[]} lives
   * @param {Settings} settings
   */
  send(lives, settings) {
    const client = this.#clientWith(settings.maxActive);
    for (const life of lives) {
      this.lives.add(life);
      this.running += 1;
      void this.#follow(life, client, settings);
    }
  }

  abortAll() {
    // The last first: an active one that ends would let one start that is to be aborted next.
    for (const life of [...this.lives].reverse()) if (!life.over) life.abort();
  }

  /** Aborts and forgets all requests. */
  clear() {
    this.abortAll();
    this.lives.clear();
  }

  /**
   * The client in use, or a new one: a client's `maxActive` never changes.
   *
   * @param {number} maxActive
   */
  #clientWith(maxActive) {
    if (this.client && this.maxActive === maxActive) return this.client;
    this.maxActive = maxActive;
    this.client = new Client({
      maxActive,
      // Called when a request is given its slot, settled when it gives it back: how the page knows of both.
      fetch: async (input, init) => {
        const request = /** @type {Request} */ (input);
        const life = this.#sent.get(numberIn(request.url));
        if (!life) throw new Error(`nobody asked for ${request.url}`);
        life.enter("active");
        try {
          const response = await life.send(request, init);
          life.enter("streaming");
          return response;
        } catch (error) {
          life.end(...whatEnded(error, life));
          throw error;
        }
      },
    });
    return this.client;
  }

  /**
   * @param {Life} life
   * @param {Client} client
   * @param {Settings} settings
   */
  async #follow(life, client, { timeout }) {
    this.#sent.set(life.number, life);
    try {
      const { signal } = life;
      const response = await client.fetch(marked(life), { cache: "no-store", signal, waterspout: { timeout } });
      life.status = response.status;
      const reader = response.body?.getReader();
      for (let piece = await reader?.read(); piece?.value; piece = await reader?.read()) life.bytes += piece.value.length;
      if (response.ok) life.end("done");
      else life.end("failed", badStatus(response, life.url));
    } catch (error) {
      if (isWaterspoutError(error)) this.onFault(error);
      life.end(...whatEnded(error, life));
    } finally {
      this.#sent.delete(life.number);
      this.running -= 1;
      if (this.running === 0) this.onIdle();
    }
  }
}

/**
 * The URL with the request's number as its fragment. The client makes a Request of its own from it, which the page has
 * to recognise; a fragment is part of its URL, and no server ever sees it.
 *
 * @param {Life} life
 */
function marked({ url, number }) {
  return `${url.replace(/#.*/s, "")}#${number}`;
}

/** @param {string} url */
function numberIn(url) {
  return Number(url.slice(url.lastIndexOf("#") + 1));
}
