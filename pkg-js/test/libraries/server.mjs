/**
 * A server on this machine that holds each request until the test answers it. It runs in the process of the tests, so
 * a test decides the order of all events and needs no sleeps.
 */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { until } from "./checks.mjs";

/** A request that the server has received, and its response. */
class Exchange {
  #server;
  #response;
  #isOpen = true;
  /** Whether the client closed the connection before the response ended. */
  isAborted = false;

  constructor(server, request, response, body) {
    this.#server = server;
    this.#response = response;
    this.method = request.method;
    this.url = request.url;
    this.headers = request.headers;
    this.body = body;
    response.on("close", () => {
      this.isAborted = !response.writableEnded;
      this.#leave();
    });
  }

  /** Sends a whole response. */
  answer({ status = 200, headers = {}, body = "" }) {
    this.#leave();
    this.#response.writeHead(status, headers).end(body);
  }

  /** Sends the head of a streamed response. */
  start(headers, status = 200) {
    this.#response.writeHead(status, headers).flushHeaders();
  }

  /** Sends a piece of a streamed response. */
  write(piece) {
    this.#response.write(piece);
  }

  /** Ends a streamed response. */
  end(piece) {
    this.#leave();
    this.#response.end(piece);
  }

  /** Ends the count of this exchange. Called before the end is sent: the client may start the next request at once. */
  #leave() {
    if (this.#isOpen) this.#server.open -= 1;
    this.#isOpen = false;
  }
}

class Server {
  /** All exchanges in the order of their requests. */
  exchanges = [];
  /** The number of exchanges that have no answer yet. */
  open = 0;
  /** The largest value of `open` so far. */
  peak = 0;

  async receive(request, response) {
    this.open += 1;
    this.peak = Math.max(this.peak, this.open);
    const exchange = new Exchange(this, request, response, "");
    try {
      exchange.body = await text(request);
      this.exchanges.push(exchange);
    } catch {
      // The client closed the connection during its body. The exchange counts its own end.
    }
  }

  /** Waits for the exchange with this index. */
  async exchange(index) {
    await until(`the server has ${index + 1} requests`, () => this.exchanges.length > index);
    return this.exchanges[index];
  }
}

/** Calls `use` with a new server, and closes the server and all its connections afterwards. */
export async function withServer(use) {
  const server = new Server();
  const listener = createServer((request, response) => server.receive(request, response));
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  server.url = `http://127.0.0.1:${listener.address().port}`;
  try {
    return await use(server);
  } finally {
    listener.closeAllConnections();
    await new Promise((resolve) => listener.close(resolve));
  }
}
