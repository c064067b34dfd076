/** The properties of the function itself, and the objects that it may be called on. */
import { outcome } from "./outcome.mjs";

/** Returns the result of `work`, or the name of the error that it throws. */
function result(work) {
  try {
    return work();
  } catch (error) {
    return `threw ${error.name}`;
  }
}

export const shape = {
  it_is_named_as_the_engines: (fetch) => [typeof fetch, fetch.name, fetch.length],
  it_is_no_constructor: (fetch, url) => [result(() => typeof new fetch(url("hello"))), "prototype" in fetch, Object.hasOwn(fetch, "prototype")],
  it_is_a_plain_function: (fetch) => [Object.getPrototypeOf(fetch) === Function.prototype, Object.prototype.toString.call(fetch), Symbol.toStringTag in fetch],
  it_can_be_given_properties: (fetch) => [Object.isExtensible(fetch), Object.isFrozen(fetch)],
  its_name_can_be_changed: (fetch) => ["name", "length"].map((name) => {
    const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(fetch, name);
    return [writable, enumerable, configurable];
  }),
  called_upon_nothing: (fetch, url) => outcome((...call) => fetch.call(undefined, ...call), [url("hello")]),
  called_upon_null: (fetch, url) => outcome((...call) => fetch.call(null, ...call), [url("hello")]),
  called_upon_the_global_object: (fetch, url) => outcome((...call) => fetch.call(globalThis, ...call), [url("hello")]),
  called_upon_an_object: (fetch, url) => outcome((...call) => fetch.call({}, ...call), [url("hello")], { late: true }),
  called_upon_a_number: (fetch, url) => outcome((...call) => fetch.call(5, ...call), [url("hello")], { late: true }),
  bound: (fetch, url) => outcome(fetch.bind(globalThis), [url("hello")]),
  by_reflection: (fetch, url) => outcome((...call) => Reflect.apply(fetch, undefined, call), [url("hello")]),
  through_a_proxy: (fetch, url) => outcome(new Proxy(fetch, {}), [url("hello")]),
  with_more_arguments_than_two: (fetch, url) => outcome(fetch, [url("hello"), {}, { method: "POST" }, 4]),
  each_call_has_a_promise_of_its_own: async (fetch, url) => {
    const promises = [fetch(url("hello")), fetch(url("hello"))];
    const answers = await Promise.all(promises);
    return [promises[0] === promises[1], answers[0] === answers[1], Object.getOwnPropertyNames(promises[0]), Object.prototype.toString.call(promises[0])];
  },
};
