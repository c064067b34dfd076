/** The last volley beside the same with plain fetch: in small, and in figures. */
import { element, setText } from "./dom.js";
import { bytes, exact, seconds } from "./format.js";
import { Lanes } from "./mini-waterfall.js";
import { PlainRun } from "./plain-fetch.js";
import { ascending, quantile } from "./quantiles.js";
import { peakOf, wholeOf } from "./request-times.js";

/**
 * @typedef {import("./tracked-request.js").Life} Life
 * @typedef {import("./runner.js").Volley} Volley
 */

/** Milliseconds between two drawings. */
const pause = 250;

/** @type {[name: string, of: (lives: Life[], took: number) => string][]} */
const rows = [
  ["Done", (lives) => `${lives.filter(({ state }) => state === "done").length} of ${lives.length}`],
  ["Not done", (lives) => String(lives.filter(({ state, over }) => over && state !== "done").length)],
  ["Time in all", (_, took) => seconds(took)],
  ["Most in flight at once", (lives) => String(peakOf(lives))],
  ["Requests sent", (lives) => String(lives.reduce((sum, { attempts }) => sum + attempts, 0))],
  ["Half were done within", (lives) => written(quantile(times(lives), 0.5))],
  ["95 % were done within", (lives) => written(quantile(times(lives), 0.95))],
  ["Body bytes read", (lives) => bytes(lives.reduce((sum, life) => sum + life.bytes, 0))],
];

export class Compare {
  plain = new PlainRun();
  /** @type {Volley | undefined} */
  volley;
  #lanes = ["lanes-client", "lanes-plain"].map((id) => new Lanes(element(id, HTMLCanvasElement)));
  #note = element("compare-note");
  #intro = this.#note.textContent ?? "";
  #drawn = -Infinity;
  #cells = rows.map(([name]) => {
    const row = document.createElement("tr");
    const cells = [document.createElement("td"), document.createElement("td")];
    row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: name }), ...cells);
    element("summary").append(row);
    return cells;
  });

  /** @param {import("./stopwatch.js").Clock} clock that the client's volleys are timed by */
  constructor(clock) {
    this.clock = clock;
    this.plain.onIdle = () => this.#finish();
    this.clear();
  }

  onIdle = () => {};

  /** @param {Volley} volley */
  follow(volley) {
    this.volley = volley;
    this.plain.clear();
    setText(this.#note, this.#intro);
  }

  /** Runs the last volley once more, if there is one that is over. */
  run() {
    if (!this.volley || this.plain.running > 0) return false;
    setText(this.#note, "Plain fetch runs…");
    this.plain.start(this.volley);
    return true;
  }

  clear() {
    this.plain.clear();
    this.volley = undefined;
    setText(this.#note, this.#intro);
    this.draw(true);
  }

  /** @param {boolean} last */
  draw(last) {
    if (!last && performance.now() - this.#drawn < pause) return;
    this.#drawn = performance.now();
    const lives = this.volley?.lives ?? [];
    const from = lives[0]?.began ?? 0;
    const now = this.clock.now();
    const sides = [
      { name: "waterspout", lives, from, now, took: took(lives, from, now) },
      { name: "plain fetch", lives: this.plain.lives, from: 0, now: this.plain.now(), took: took(this.plain.lives, 0, this.plain.now()) },
    ];
    const length = Math.max(1, ...sides.map((side) => side.took));
    sides.forEach((side, column) => {
      this.#lanes[column].draw(side.lives, side.from, side.now, length);
      const state = side.lives.length > 0 ? told(side.lives, side.took) : "nothing yet";
      this.#lanes[column].describe(`The volley with ${side.name}: ${state}`);
      rows.forEach(([, of], row) => setText(this.#cells[row][column], side.lives.length > 0 ? of(side.lives, side.took) : "–"));
    });
  }

  #finish() {
    const [client, plain] = [this.volley?.lives ?? [], this.plain.lives].map((lives) => lives.filter(({ state }) => state === "done").length);
    const most = peakOf(this.plain.lives);
    setText(this.#note, `waterspout brought ${client} of ${this.plain.lives.length} home, plain fetch ${plain}, with up to ${most} in flight at once.`);
    this.onIdle();
  }
}

/**
 * @param {Life[]} lives
 * @param {number} from
 * @param {number} now
 */
function took(lives, from, now) {
  return Math.max(0, ...lives.map(({ ended }) => (ended ?? now) - from));
}

/**
 * @param {Life[]} lives
 * @param {number} took
 */
function told(lives, took) {
  return `${rows[0][1](lives, took)} done after ${seconds(took)}, at most ${peakOf(lives)} in flight`;
}

/** @param {Life[]} lives */
function times(lives) {
  return ascending(lives.map(wholeOf).filter((time) => time !== undefined));
}

/** @param {number | undefined} time */
function written(time) {
  return time === undefined ? "–" : exact(time);
}
