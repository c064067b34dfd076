// The servers of Node: `node serve_node.mjs PORT [http2 STREAMS IDLE_MS]`, in a folder with `files`.
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const numbers = readFileSync('files/numbers');

/** Responds with the length and the hash of the request's body. */
const digest = async (request, response) => {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of request) {
    hash.update(chunk);
    length += chunk.length;
  }
  // The sum that a client sends after its body comes back after the response's body.
  response.setHeader('trailer', 'x-end, x-sum');
  response.addTrailers({ 'x-end': 'reached', 'x-sum': request.trailers['x-sum'] ?? '' });
  response.end(`${length} ${hash.digest('hex')}\n`);
};

const redirect = (status, location) => (_request, response) => response.writeHead(status, { location }).end();

const pages = {
  '/plain': (_request, response) => response.end('hello\n'),
  '/letters': (request, response) => {
    response.setHeader('etag', '"letters"');
    if (request.headers['if-none-match']) return response.writeHead(304).end();
    response.end('abcdefghijklmnopqrstuvwxyz');
  },
  '/empty': (_request, response) => response.writeHead(204).end(),
  '/many': (_request, response) => {
    for (let number = 0; number < 100; number += 1) response.setHeader(`x-many-${number}`, 'v'.repeat(64));
    response.end('many\n');
  },
  '/gzip': async (_request, response) => {
    response.setHeader('content-encoding', 'gzip');
    await pipeline(async function* () { yield numbers; }, createGzip(), response);
  },
  '/chunked': (_request, response) => {
    response.setHeader('content-type', 'text/plain');
    for (let at = 0; at < numbers.length; at += 1000) response.write(numbers.subarray(at, at + 1000));
    response.end();
  },
  '/redirect': redirect(301, '/redirect/again'),
  '/redirect/again': redirect(302, '/plain'),
  '/moved': redirect(308, '/stored/moved'),
  '/cookie': (_request, response) => response.writeHead(200, { 'set-cookie': ['taste=salt; Path=/', 'smell=sea'] }).end('set\n'),
  '/cookie/shown': (request, response) => response.end(request.headers.cookie),
  '/refused': (_request, response) => response.writeHead(413).end('too large\n'),
  '/large': async (_request, response) => {
    response.setHeader('content-length', statSync('files/large').size);
    await pipeline(createReadStream('files/large'), response);
  },
};

const serve = async (request, response) => {
  response.setHeader('x-peer', request.socket.remotePort);
  if (request.url.startsWith('/stored/')) return digest(request, response);
  const page = pages[request.url];
  if (page) return page(request, response);
  response.writeHead(404).end('no such page\n');
};

/** The codes of errors of Node after a client has cancelled a request. */
const CANCELLED = ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_HTTP2_INVALID_STREAM', 'ECONNRESET'];

const answer = async (request, response) => {
  try {
    await serve(request, response);
  } catch (error) {
    if (!CANCELLED.includes(error.code)) throw error;
  }
};

/**
 * A server that closes idle connections. At SIGUSR2 it closes all connections after their last response, and at SIGHUP it
 * accepts no more connections either.
 */
const serveHttp2 = (maxConcurrentStreams, idle) => {
  const sessions = new Set();
  const server = createHttp2Server({ settings: { maxConcurrentStreams } }, answer);
  server.on('session', session => {
    sessions.add(session);
    session.setTimeout(idle, () => session.close());
    session.on('close', () => sessions.delete(session));
  });
  const retire = () => sessions.forEach(session => session.close());
  process.on('SIGUSR2', retire);
  process.on('SIGHUP', () => {
    server.close();
    retire();
  });
  return server;
};

const [port, protocol, ...limits] = process.argv.slice(2);
const server = protocol === 'http2' ? serveHttp2(...limits.map(Number)) : createServer(answer);
server.on('checkContinue', (request, response) => {
  if (request.url === '/refused') return pages['/refused'](request, response);
  response.writeContinue();
  return answer(request, response);
});
server.listen(Number(port), '127.0.0.1');
