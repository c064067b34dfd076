/** Jest takes the files as they are: ES modules in JavaScript. */
export default { testEnvironment: "node", testMatch: ["**/*.test.mjs"], moduleFileExtensions: ["mjs", "js"], transform: {} };
