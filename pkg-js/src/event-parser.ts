/** The parser of server-sent events. Knows no connection and no clock. */
import { WaterspoutError } from "./errors.js";
import type { ServerEvent } from "./events.js";

/** What remains of a connection for the next connection. */
export interface Position {
  /** The id of events until the server sends an id. */
  readonly firstId: string;
  /** The last id that the server sent, up to the last complete event. Undefined until the server sends an id. */
  id?: string | undefined;
  /** The wait before the next connection, in milliseconds, before any doubling. */
  retryDelay: number;
  /** The number of failed attempts in a row. */
  failures: number;
}

/**
 * Returns a parser of the HTML standard's format (section 9.2.6), for the pieces of a connection's text.
 *
 * The parser yields the events that are complete with a piece, and updates `position`.
 */
export function newParser(position: Position, maxSize: number): (text: string) => Iterable<ServerEvent> {
  /** The start of the line that has not ended. Of a comment only the colon, because a comment may have any length. */
  let line = "";
  let isComment = false;
  /** Whether the last piece ended with a carriage return. A line feed that follows belongs to the same line end. */
  let endedWithReturn = false;
  /** The number of characters in the lines of the present event that have ended, without comments. */
  let size = 0;
  /** The lines of data, each with a line feed. */
  let data = "";
  let event = "";
  /** The id of the position once the present event has ended. */
  let nextId = position.id;

  const extendLine = (part: string): void => {
    // A flag, because a look at the first character makes an engine join the parts of the line for each piece.
    if (!line) isComment = part.startsWith(":");
    line = isComment ? ":" : line + part;
    if (!isComment && !(size + line.length <= maxSize)) {
      throw new WaterspoutError("LIMIT_EXCEEDED", `an event is longer than ${maxSize} characters; raise \`maxEventSize\``, { attempts: 1 });
    }
  };

  const processField = (): void => {
    const [, name, value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? [];
    // A comment has no name.
    if (name) size += line.length;
    if (name === "data") data += `${value}\n`;
    else if (name === "event") event = value;
    else if (name === "id" && !value.includes("\0")) nextId = value;
    else if (name === "retry" && /^\d+$/.test(value)) position.retryDelay = Number(value);
  };

  return function* (text) {
    if (!text) return;
    if (endedWithReturn && text.startsWith("\n")) text = text.slice(1);
    endedWithReturn = text.endsWith("\r");
    const parts = text.split(/\r\n?|\n/);
    const last = parts.pop() as string;
    for (const part of parts) {
      extendLine(part);
      position.failures = 0;
      if (line) processField();
      else {
        const id = (position.id = nextId) ?? position.firstId;
        const complete = { event: event || "message", data: data.slice(0, -1), id };
        const hasData = data !== "";
        data = event = "";
        size = 0;
        if (hasData) yield complete;
      }
      line = "";
    }
    extendLine(last);
  };
}
