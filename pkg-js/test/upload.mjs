/**
 * Checks streamed uploads in Chromium, which sends streams only over HTTP/2: `node test/upload.mjs`. The last line counts the checks.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, createSecureServer } from "node:http2";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { inPage } from "./page.mjs";

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Makes a certificate for a day. No browser trusts it. */
function certificate() {
  const folder = mkdtempSync(path.join(tmpdir(), "waterspout-upload-"));
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => path.join(folder, name));
  const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-keyout", key, "-out", cert];
  try {
    execFileSync("openssl", ["req", "-x509", ...made], { stdio: "pipe" });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The uploads that the server has seen, by key. */
const uploads = new Map();

/** Updates an upload and answers the waiting requests for `seen`: each waits for a number of bytes, or for the upload's end. */
function update(upload, change) {
  Object.assign(upload, change);
  upload.waiting = upload.waiting.filter(({ bytes, tell }) => !(upload.text.length >= bytes || upload.over) || tell(upload));
}

function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, "https://localhost");
  const key = searchParams.get("key");
  if (!key) return false;
  const upload = uploads.get(key) ?? { text: "", attempts: 0, waiting: [] };
  uploads.set(key, upload);
  if (pathname === "/upload") {
    update(upload, { text: "", over: undefined, attempts: upload.attempts + 1, version: request.httpVersion });
    request.on("data", (piece) => update(upload, { text: upload.text + piece }));
    const attempt = upload.attempts;
    request.stream.on("close", () => {
      const { rstCode } = request.stream;
      if (upload.attempts === attempt) update(upload, { over: rstCode ? `reset by ${rstCode}` : "ended" });
    });
    request.on("end", () => {
      // A reset upload emits `end` before the reset.
      if (upload.text.length < Number(searchParams.get("length"))) return;
      const fails = upload.attempts <= Number(searchParams.get("fail"));
      response.writeHead(fails ? 503 : 200).end(upload.text);
    });
  } else {
    const tell = ({ text, over, version, attempts }) => void response.end(JSON.stringify({ text, over, version, attempts }));
    upload.waiting.push({ bytes: Number(searchParams.get("bytes")), tell });
    update(upload, {});
  }
  return true;
}

/** Runs in the page: sends pieces, each after the server has received the last, and returns the outcome. */
async function send({ key, pieces, asFunction, options, waterspout, abortAfter, fail = 0 }) {
  const { Client } = await import("/dist/index.js");
  const seen = async (bytes) => (await fetch(`/seen?key=${key}&bytes=${bytes}`)).json();
  const controller = new AbortController();
  const [found, progress] = [[], []];
  const make = () => {
    let [next, sent] = [0, 0];
    const pull = async (stream) => {
      if (sent > 0) found.push(await seen(sent));
      if (next === abortAfter) return controller.abort("enough");
      if (next === pieces.length) return stream.close();
      const piece = new TextEncoder().encode(pieces[next++]);
      sent += piece.length;
      stream.enqueue(piece);
    };
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  };
  const body = asFunction ? make : make();
  const settings = waterspout && { ...waterspout, onUploadProgress: ({ bytes, total }) => progress.push(total === undefined ? bytes : [bytes, total]) };
  const client = new Client(options);
  const call = { method: "POST", body, duplex: "half", signal: controller.signal, ...(settings && { waterspout: settings }) };
  const query = `key=${key}&fail=${fail}&length=${pieces.join("").length}`;
  const outcome = await client.fetch(`/upload?${query}`, call).then(async (response) => [response.status, await response.text()], String);
  return { outcome, found, progress, last: await seen(Infinity), stats: [client.stats().active, client.stats().queued] };
}

const pieces = ["one", "-two", "-three"];
const growing = ["one", "one-two", "one-two-three"];

/** The arguments of `send`, and the expected outcomes. */
const cases = {
  a_stream_arrives_piece_by_piece: [{}, { outcome: [200, "one-two-three"], texts: growing, over: "ended" }],
  so_it_does_with_limits_set: [{ options: { timeout: 20_000 } }, { outcome: [200, "one-two-three"], texts: growing, over: "ended" }],
  its_progress_is_told_piece_by_piece: [{ waterspout: {} }, { outcome: [200, "one-two-three"], texts: growing, progress: [3, 7, 13], over: "ended" }],
  a_stream_that_is_made_anew_is_sent_again: [
    { asFunction: true, waterspout: { retry: { baseDelay: 1, methods: ["POST"] } }, fail: 1 },
    { outcome: [200, "one-two-three"], texts: [...growing, ...growing], progress: [3, 7, 13, 3, 7, 13], attempts: 2, over: "ended" },
  ],
  an_abort_ends_it_where_it_is: [{ abortAfter: 2 }, { outcome: "enough", texts: ["one", "one-two"], over: `reset by ${constants.NGHTTP2_CANCEL}` }],
  an_abort_ends_it_with_limits_set_too: [{ abortAfter: 2, options: { timeout: 20_000 } }, { outcome: "enough", texts: ["one", "one-two"], over: `reset by ${constants.NGHTTP2_CANCEL}` }],
};

let [passed, failed] = [0, 0];
const own = { folder: here, scheme: "https", args: ["--ignore-certificate-errors"], answer };
const serve = (listener) => createSecureServer({ ...certificate(), allowHTTP1: true }, listener);
await inPage({ ...own, serve }, async (page) => {
  for (const [key, [given, expected]] of Object.entries(cases)) {
    const late = new Promise((resolve) => setTimeout(resolve, 20_000, { outcome: "took over 20 s", found: [] }).unref());
    const { outcome, found, progress = [], last, stats } = await Promise.race([page.evaluate(send, { key, pieces, ...given }), late]);
    const texts = found.map(({ text }) => text);
    const seen = JSON.stringify({ outcome, texts, progress, attempts: last?.attempts, over: last?.over, version: last?.version, stats });
    const wanted = JSON.stringify({ outcome: expected.outcome, texts: expected.texts, progress: expected.progress ?? [], attempts: expected.attempts ?? 1, over: expected.over, version: "2.0", stats: [0, 0] });
    const holds = seen === wanted;
    holds ? passed++ : failed++;
    console.log(`${holds ? "ok    " : "FAILED"} ${key}: ${seen}${holds ? "" : `, not ${wanted}`}`);
  }
}).catch((error) => {
  failed++;
  console.log(`FAILED ${error.stack}`);
});
console.log(`js-upload: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
