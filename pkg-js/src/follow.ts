/** The callers' signals: one listener of ours on each, however many requests follow it. Node warns of more than ten. */

/** Who is told of an abort; it does not throw. */
export interface Follower {
  handleEvent(): void;
}

class Followers extends Set<Follower> implements Follower {
  handleEvent(): void {
    for (const follower of this) follower.handleEvent();
  }
}

const known = new WeakMap<AbortSignal, Followers>();

/** Tells `follower` when `signal` is aborted. */
export function follow(signal: AbortSignal | undefined, follower: Follower): void {
  if (!signal) return;
  const followers = known.get(signal) ?? new Followers();
  if (!followers.size) signal.addEventListener("abort", followers);
  known.set(signal, followers.add(follower));
}

/** Tells it no more. */
export function unfollow(signal: AbortSignal | undefined, follower: Follower): void {
  const followers = signal && known.get(signal);
  if (followers?.delete(follower) && !followers.size) signal?.removeEventListener("abort", followers);
}
