/** Finding elements, with their types checked. */

/**
 * The element with this id; a missing one is a mistake in the page, told at once.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof (kind ?? HTMLElement))) throw new Error(`the page has no fitting element #${id}`);
  return /** @type {T} */ (found);
}

/**
 * The first descendant that a selector finds.
 *
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function inside(parent, selector) {
  const found = parent.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`the page has no ${selector} where one should be`);
  return found;
}

/**
 * Sets a text only if it differs: writing the same text again would still cost a layout.
 *
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
