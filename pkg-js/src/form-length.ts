/** The length of a FormData as a body. */

const toCrlf = (text: string): string => text.replace(/\r\n?|\n/g, "\r\n");

/** Escapes a name or a file name. `encodeURIComponent` writes these three characters as the HTML standard does. */
const escape = (text: string): string => text.replace(/[\r\n"]/g, (character) => encodeURIComponent(character));

/**
 * Returns the number of bytes of the form as a multipart body with this boundary.
 *
 * Follows the algorithm "multipart/form-data encoding" of the HTML standard. Reads no file. Node omits the parameter `filename` of a
 * File with an empty name, which is 13 bytes less. Firefox sends a boundary that may be some bytes longer or shorter.
 */
export function formLength(form: FormData, boundary: string): number {
  let text = "";
  let fileBytes = 0;
  form.forEach((value, name) => {
    text += `--${boundary}\r\nContent-Disposition: form-data; name="${escape(toCrlf(name))}"`;
    if (typeof value === "string") {
      text += `\r\n\r\n${toCrlf(value)}\r\n`;
    } else {
      // In Bun, a Blob in a form has no name.
      text += `; filename="${escape(value.name ?? "")}"\r\nContent-Type: ${value.type || "application/octet-stream"}\r\n\r\n\r\n`;
      fileBytes += value.size;
    }
  });
  text += `--${boundary}--`;
  // Deno and workerd omit the last line break.
  if (!("Deno" in globalThis || globalThis.navigator?.userAgent === "Cloudflare-Workers")) text += "\r\n";
  return fileBytes + new Blob([text]).size;
}
