// A server of Node that retires each connection after a random number of streams or a random time: `node
// serve_retiring.mjs PORT`. It writes each request that it processes into `access.log`.
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:http2';

const MOST_STREAMS = 20;
const LONGEST_MS = 500;

const log = createWriteStream('access.log', { flags: 'a' });
const below = (limit) => Math.floor(Math.random() * limit);

/** Answers once the whole body is here. A stream that the client resets before is not processed. */
const answer = (stream, headers) => {
  stream.on('error', () => {});
  stream.resume();
  stream.on('end', () => {
    // `respond` throws if the stream has been closed meanwhile, and that would end the server.
    if (stream.destroyed || stream.closed) return;
    log.write(`${headers[':method']} ${headers[':path']}\n`);
    stream.respond({ ':status': 200 });
    // A part of the response leaves later, so that running streams outlive the GOAWAY.
    stream.write('hel');
    setTimeout(() => stream.end('lo\n'), below(3));
  });
};

const server = createServer();
server.on('session', (session) => {
  let streamsLeft = 1 + below(MOST_STREAMS);
  let open = 0;
  let isRetired = false;
  const retire = () => {
    if (isRetired || session.destroyed) return;
    isRetired = true;
    // It sends GOAWAY, and ends the session after its streams.
    session.close();
  };
  const timer = setTimeout(retire, below(LONGEST_MS));
  session.on('error', () => {});
  session.on('close', () => clearTimeout(timer));
  session.on('stream', (stream, headers) => {
    if (isRetired) {
      // Node hands on streams above the last stream of its GOAWAY, if they came with it. The client sends them again.
      stream.on('error', () => {});
      stream.close();
      return;
    }
    open += 1;
    stream.on('close', () => {
      open -= 1;
      if (isRetired && open === 0) session.close();
    });
    answer(stream, headers);
    streamsLeft -= 1;
    if (streamsLeft === 0) retire();
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
