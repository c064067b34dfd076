/** nock, which replaces the platform's fetch from its import to `restore`. */
import { check } from "../checks.mjs";
import { withServer } from "../server.mjs";
import { mockChecks } from "./calls.mjs";

export async function nock() {
  const { default: library } = await import("nock");
  library.restore();
  const tool = {
    install(url) {
      library.activate();
      for (const method of ["get", "post"]) library(url)[method]("/path").times(10).reply(200, "mocked");
    },
    remove() {
      library.cleanAll();
      library.restore();
    },
  };
  for (const [fact, holds] of Object.entries(mockChecks(tool))) await check(`nock: ${fact}`, () => withServer(holds));
}
