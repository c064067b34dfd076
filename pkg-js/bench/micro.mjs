import { Client } from "../dist/index.js"; import PQueue from "p-queue"; import ky from "ky";
const answer = new Response(null, { status: 204 }); const inst = async () => answer;
const url = "http://a.test/";
const q = new PQueue({ concurrency: 10 });
const c0 = new Client({ fetch: inst }), c1 = new Client({ fetch: inst, timeout: 30000, retry: 3 });
const of = globalThis.fetch; globalThis.fetch = inst; const c2 = new Client(), c3 = new Client({ timeout: 30000, retry: 3 });
const modes = { "p-queue": () => q.add(() => inst(url)), "own fetch": () => c0.fetch(url), "own, timeout+retry": () => c1.fetch(url), "platform": () => c2.fetch(url), "platform, timeout+retry": () => c3.fetch(url), "get": () => c2.get(url) };
const res = Object.fromEntries(Object.keys(modes).map(k => [k, []]));
for (let r = 0; r < 12; r++) for (const [k, f] of Object.entries(modes)) { const t = process.cpuUsage(); const s = performance.now(); for (let i = 0; i < 5000; i++) await f(); if (r > 1) res[k].push((performance.now() - s) / 5); }
for (const [k, v] of Object.entries(res)) { v.sort((a, b) => a - b); console.log(k.padEnd(26), v[v.length >> 1].toFixed(2), "us, x p-queue", (v[v.length >> 1] / res["p-queue"][res["p-queue"].length >> 1]).toFixed(2)); }
