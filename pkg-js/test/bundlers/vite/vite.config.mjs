/** Builds a page. All files of Vite stay in this folder. */
import { defineConfig } from "vite";

const page = process.env.PAGE;

export default defineConfig({
  build: { outDir: `out/${page}`, rollupOptions: { input: `${page}.html` } },
  cacheDir: ".vite",
  clearScreen: false,
  optimizeDeps: { entries: [`${page}.html`] },
  server: { host: "127.0.0.1", port: 0 },
});
