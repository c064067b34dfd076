/** All scenarios about faults of the surroundings: contexts, clocks, timers, bodies, signals and hostile objects. */
import { bodies } from "./bodies.mjs";
import { clock } from "./clock.mjs";
import { contexts } from "./contexts.mjs";
import { hostile } from "./hostile.mjs";
import { hostileCalls } from "./hostile-calls.mjs";
import { review } from "./review.mjs";
import { signals } from "./signals.mjs";
import { timers } from "./timers.mjs";

export const faults = { ...contexts, ...clock, ...timers, ...bodies, ...signals, ...hostile, ...hostileCalls, ...review };
