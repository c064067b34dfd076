/** Finds elements with a checked type, and writes text. */

/**
 * Returns the element with an id. Throws at once if the page has no such element, because that is a mistake in the
 * page.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind] the expected class of the element
 * @returns {T}
 */
export function elementById(id, kind) {
  const found = document.getElementById(id);
  const expected = kind ?? HTMLElement;
  if (!(found instanceof expected)) throw new Error(`the page has no ${expected.name} with the id "${id}"`);
  return /** @type {T} */ (found);
}

/**
 * Returns the first descendant that matches a selector. Throws if there is none.
 *
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function descendant(parent, selector) {
  const found = parent.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`no HTML element matches the selector "${selector}"`);
  return found;
}

/**
 * Sets the text of an element if it differs. Writing an equal text would still cost a layout.
 *
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
