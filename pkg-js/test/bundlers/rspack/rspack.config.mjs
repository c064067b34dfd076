/** Builds a page with Rspack's defaults for production. */
const page = process.env.PAGE;

export default {
  mode: "production",
  entry: { [page]: `./${page}.js` },
  output: { path: `${import.meta.dirname}/out/${page}` },
};
