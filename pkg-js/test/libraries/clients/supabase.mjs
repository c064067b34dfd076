/** Supabase: rows of a table, and an edge function that streams. */
import { createClient } from "@supabase/supabase-js";
import { json, textsOf } from "../wire.mjs";

export const supabase = {
  name: "@supabase/supabase-js",
  create: (fetch, url) => createClient(url, "key", { global: { fetch }, auth: { persistSession: false, autoRefreshToken: false } }),
  async call(api, text, signal = new AbortController().signal) {
    const { data, error } = await api.from("words").select("text").eq("text", text).abortSignal(signal).single();
    // The library returns its errors. It throws them only if the caller asks for it.
    if (error) throw error;
    return data.text;
  },
  reply({ url, headers }) {
    const { pathname, searchParams } = new URL(url, "http://localhost");
    const isCall = pathname === "/rest/v1/words" && headers.apikey === "key" && headers.accept === "application/vnd.pgrst.object+json";
    return isCall ? json({ text: searchParams.get("text").replace("eq.", "") }) : json({ message: `no API at ${url}` }, 404);
  },
  isAbort: ({ message, hint }) => message.startsWith("AbortError: ") && hint === "Request was aborted (timeout or manual cancellation)",
  async *stream(api, text) {
    const { data, error } = await api.functions.invoke("tell", { body: { text } });
    if (error) throw error;
    yield* textsOf(data.body);
  },
  wire: { type: "text/event-stream", frame: (text) => text },
};
