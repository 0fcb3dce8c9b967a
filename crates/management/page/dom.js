// Builds elements. Whatever comes from the API becomes a text node: nothing here reads markup.

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element. `on…` attributes are listeners; true and false set and leave out; null and false children are none. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** An SVG element, by the same rules. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  add(element, ...children);
  return element;
}

/** Appends children: elements, texts, lists of both. */
export function add(element, ...children) {
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
}

/** Puts children in place of what is there. */
export function replace(element, ...children) {
  element.replaceChildren();
  add(element, ...children);
}

/** A text that names somebody's choice: hostile direction marks in it end where it ends. */
export function name(text, attributes = {}) {
  return h('bdi', attributes, text);
}

let last = 0;
/** An id of its own for what another element refers to. */
export function newId(prefix) {
  last += 1;
  return `${prefix}-${last}`;
}
